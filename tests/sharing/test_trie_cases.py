"""Corners of the trie engine, each against the loop engine in float64: one step of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn

from shareconsole.sharing import assignment
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import MISSING, Batch
from shareconsole.sharing.network import NetworkPlan, Unit
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.sharing.trie_population import TriePopulation

MODULES, SAMPLES = 3, 6
SHAPE = (2, 9, 11)


def conv(channels: int, width: int, kernel: int = 3, **options) -> Callable[[], nn.Module]:
    options = {"padding": 1, "bias": False, **options}
    return lambda: nn.Sequential(
        nn.Conv2d(channels, width, kernel, **options),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def head(features: int) -> Callable[[int], nn.Module]:
    return lambda classes: nn.Sequential(nn.Flatten(), nn.Linear(features, classes))


class Branching(nn.Module):
    """Its output is not what it computes last."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x):
        y = self.first(x)
        self.second(y)
        return y


def compare(
    units: Sequence[tuple[str, Callable[[], nn.Module]]],
    build_head: Callable[[int], nn.Module],
    *,
    shape: tuple[int, ...] = SHAPE,
    classes: Sequence[int] = (3, 5, 2, 4),
    images: int = 5,
    modules: int = MODULES,
    shared: bool = False,
    missing: bool = False,
    unlabelled: Sequence[int] = (),
    prepare: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
) -> None:
    plan = NetworkPlan(
        tuple(Unit(f"unit{i}", mark, build) for i, (mark, build) in enumerate(units)), build_head
    )
    g = torch.Generator().manual_seed(0)
    size = (images, *shape) if shared else (len(classes), images, *shape)
    inputs = prepare(torch.randn(size, generator=g, dtype=torch.float64))
    labels = torch.stack([torch.randint(c, (images,), generator=g) for c in classes])
    if missing:
        labels[0, ::2] = MISSING
    for task in unlabelled:
        labels[task] = MISSING
    batch = Batch(inputs, labels, tuple((labels != MISSING).sum(1).tolist()))

    def bank() -> Bank:
        made = Bank(plan, [m for m, _ in units], classes, modules, Generators(3)).double()
        h = torch.Generator().manual_seed(7)
        for module in made.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                with torch.no_grad():
                    module.weight.normal_(generator=h)
                    module.bias.normal_(generator=h)
        return made

    reference = LoopPopulation(bank())
    num_routed, num_tasks = reference.bank.num_routed, len(classes)
    pi = assignment.uniform(num_routed, num_tasks, modules)
    drawn = assignment.sample(pi, SAMPLES, torch.Generator().manual_seed(1))
    one = inputs if shared else inputs[-1]

    def outcome(engine) -> list[torch.Tensor]:
        losses = [engine.accumulate(drawn, batch), engine.accumulate(drawn.flip(0), batch)]
        losses.append(engine.evaluate(drawn, batch))
        logits = engine.logits(num_tasks - 1, [0] * num_routed, one)
        gradients = [
            torch.tensor(torch.nan) if p.grad is None else p.grad for p in engine.bank.parameters()
        ]
        return [*losses, logits, *gradients, *[b.double() for b in engine.bank.buffers()]]

    expected = outcome(reference)
    for tasks_per_chunk in (None, 1, 3):
        found = outcome(TriePopulation(bank(), tasks_per_chunk))
        for a, b in zip(expected, found, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-10, equal_nan=True)


BASE = (("shared", conv(2, 4)), ("routed", conv(4, 3)))

CASES = {
    "shared images, missing labels, a task without any": lambda: compare(
        BASE, head(12), shared=True, missing=True, unlabelled=(2,)
    ),
    "own images, missing labels, tasks without any": lambda: compare(
        BASE, head(12), missing=True, unlabelled=(0, 3)
    ),
    "no label at all": lambda: compare(BASE, head(12), unlabelled=range(4)),
    "a task with one class": lambda: compare(BASE, head(12), classes=(1, 5, 1, 2)),
    "one task": lambda: compare(BASE, head(12), classes=(3,)),
    "one image": lambda: compare(BASE, head(12), images=1),
    "one channel": lambda: compare(
        (("routed", conv(1, 1)), ("routed", conv(1, 1))), head(4), shape=(1, 9, 11)
    ),
    "one pixel": lambda: compare(
        (("routed", conv(2, 4)), ("routed", conv(4, 3))), head(3), shape=(2, 4, 4)
    ),
    "groups, stride, dilation": lambda: compare(
        (
            ("routed", conv(2, 4, groups=2, stride=2, dilation=2)),
            ("routed", conv(4, 4, groups=4)),
        ),
        head(8),
        shape=(2, 16, 17),
    ),
    "a convolution with a bias": lambda: compare((("routed", conv(2, 4, bias=True)),), head(80)),
    "reflected padding": lambda: compare(
        (("routed", conv(2, 4, padding_mode="reflect")),), head(80)
    ),
    "padding by name": lambda: compare((("routed", conv(2, 4, padding="same")),), head(80)),
    "batch-norm of features": lambda: compare(
        (
            (
                "routed",
                lambda: nn.Sequential(
                    nn.Flatten(), nn.Linear(198, 6), nn.BatchNorm1d(6), nn.ReLU()
                ),
            ),
            ("routed", lambda: nn.Sequential(nn.Linear(6, 6, bias=False), nn.BatchNorm1d(6))),
        ),
        lambda classes: nn.Linear(6, classes),
    ),
    "an output that is not computed last": lambda: compare(
        (
            ("routed", lambda: nn.Sequential(nn.Flatten(), nn.Linear(198, 6))),
            ("routed", Branching),
        ),
        lambda classes: nn.Linear(6, classes),
    ),
    "in-place ReLU on what others keep": lambda: compare(
        (
            ("routed", lambda: nn.Sequential(nn.Flatten(), nn.Linear(198, 6))),
            ("routed", lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 6))),
        ),
        lambda classes: nn.Linear(6, classes),
        modules=1,
    ),
    "not a number": lambda: compare(
        BASE, head(12), prepare=lambda x: x.masked_fill(x > 3.5, torch.nan)
    ),
    "images that are a view": lambda: compare(
        BASE, head(12), prepare=lambda x: x.mT.contiguous().mT
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_trie_equals_the_loop(case):
    CASES[case]()
