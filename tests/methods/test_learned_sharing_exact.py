"""Learned sharing agrees with an independent evaluation of its formulas to 1e-10 in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shareconsole.methods.learned_sharing import LearnedSharing
from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing import assignment
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import MISSING, BatchSampler, Split
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.methods import LearnedSharingOptions
from shareconsole.spec.networks import ConvnetOptions
from shareconsole.spec.stepsizes import ConstantStepSizeOptions
from shareconsole.stepsize.constant import ConstantStepSize
from tests.methods.reference import ReferenceModel, updated_pi

CLASSES = (3, 5, 2)
T, L, K, B = 3, 3, 4, 6
RATE, NES_RATE, FLOOR = 1e-2, 0.3, 0.05


def make_split(kind: str) -> Split:
    """Random data: own images for each task, or one set of images with labels missing."""
    g = torch.Generator().manual_seed(5)
    sets = T if kind == "own" else 1
    images = tuple(torch.rand(20, 2, 8, 8, generator=g, dtype=torch.float64) for _ in range(sets))
    labels = [torch.randint(c, (20,), generator=g) for c in CLASSES]
    if kind == "shared":
        labels[1][torch.rand(20, generator=g) < 0.5] = MISSING
        labels[2][:] = MISSING  # a task that labels nothing at all
    return Split(images, tuple(labels))


def scripted(seed: int, tie: bool, unused: tuple[int, int] | None, num: int) -> torch.Tensor:
    """Assignments [num, L, T]; with a tie member 3 repeats member 0; `unused` = (unit, module)."""
    g = torch.Generator().manual_seed(seed)
    drawn = torch.randint(K, (num, L, T), generator=g)
    if tie:
        drawn[3] = drawn[0]
    if unused is not None:
        unit, module = unused
        drawn[:, unit][drawn[:, unit] == module] = (module + 1) % K
    return drawn


@pytest.mark.parametrize("credit", ["joint", "per_task"])
@pytest.mark.parametrize("kind", ["own", "shared"])
def test_three_steps_agree_with_the_formulas(credit, kind, monkeypatch):
    generators = Generators(3)
    plan = build_convnet(
        ConvnetOptions(
            name="convnet",
            conv=(4, 5, 3),
            conv_sharing=("shared", "routed", "routed"),
            dense=(7, 6),
            dense_sharing=("routed", "task"),
        ),
        (2, 8, 8),
    )
    bank = Bank(plan, [u.mark for u in plan.units], CLASSES, K, generators).double()
    options = LearnedSharingOptions(
        name="learned_sharing",
        modules=K,
        nes_samples=5,
        sgd_samples=4,
        nes_learning_rate=NES_RATE,
        floor=FLOOR,
        credit=credit,
    )
    method = LearnedSharing(options, LoopPopulation(bank), generators)
    split = make_split(kind)
    sampler = BatchSampler(split, B, torch.float64, generators)
    drawn_batches = []
    draw = sampler.next
    monkeypatch.setattr(sampler, "next", lambda: drawn_batches.append(draw()) or drawn_batches[-1])
    step_size = ConstantStepSize(
        ConstantStepSizeOptions(name="constant"), torch.optim.Adam(bank.parameters(), lr=RATE)
    )
    # Module 2 of routed unit 1 is used in steps 0 and 2 and by nobody in step 1.
    script = []
    for step in range(3):
        script.append(scripted(10 + step, tie=True, unused=None, num=5))
        script.append(scripted(20 + step, tie=False, unused=(1, 2) if step == 1 else None, num=4))
    assert all((script[i][:, 1] == 2).any() for i in (1, 5))
    queue = iter(script)
    monkeypatch.setattr(assignment, "sample", lambda pi, num, generator: next(queue))

    reference = ReferenceModel(bank)
    pi = np.full((L, T, K), 1 / K)
    for step in range(3):
        result = method.step(sampler, step_size, Stopwatch())
        nes_batch, sgd_batch = drawn_batches[-2:]
        members, samples = script[2 * step].numpy(), script[2 * step + 1].numpy()
        xs, ys = inputs_of(nes_batch)
        counts = np.array([(y >= 0).sum() for y in ys], dtype=float)
        losses = reference.evaluate(members, xs, ys)
        assert losses[0] == pytest.approx(losses[3], abs=0)  # the planted tie is exact
        pi = updated_pi(pi, members, losses, counts, NES_RATE, FLOOR, credit)
        fitness = losses @ counts / counts.sum()
        np.testing.assert_allclose(result.fitness_S.numpy(), fitness, rtol=0, atol=1e-10)
        np.testing.assert_allclose(method.pi_LTK.numpy(), pi, rtol=0, atol=1e-10)

        xs, ys = inputs_of(sgd_batch)
        before = {key: adam.t for key, adam in reference.adams.items()}
        losses, norm = reference.descend(samples, pi, xs, ys, RATE)
        moved = {key[0] for key, adam in reference.adams.items() if adam.t > before[key]}
        assert ((2, 2) in moved) == (step != 1)  # routed unit 1 is unit 2 of the network
        expected = losses.mean(0)
        expected[[(y < 0).all().item() for y in ys]] = np.nan
        np.testing.assert_allclose(result.loss_T.numpy(), expected, rtol=0, atol=1e-10)
        assert result.gradient_norm == pytest.approx(norm, abs=1e-10)
        assert not result.diverged
        compare(bank, reference)
    used = {key for key, adam in reference.adams.items() if adam.t}
    assert len(used) > 0.5 * len(reference.adams)


def inputs_of(batch) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Inputs and labels of each task."""
    own = batch.inputs.dim() == 5
    return [batch.inputs[t] if own else batch.inputs for t in range(T)], list(batch.labels)


def compare(bank, reference) -> None:
    """Parameters and running statistics of every module agree to 1e-10."""
    statistics = 0
    for (unit, k), expected in reference.modules.items():
        found = bank.heads[k] if unit == "head" else bank.units[unit][k]
        for name, value in expected.state_dict().items():
            torch.testing.assert_close(
                found.state_dict()[name], value, rtol=0, atol=1e-10, msg=f"{unit}/{k}/{name}"
            )
            statistics += "running" in name
    assert statistics == 2 * (1 + 2 * K)  # one shared and two routed conv units
