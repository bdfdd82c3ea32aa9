"""Which images rank the members: a batch, so many, or all, with gaps and unequal numbers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from shareconsole.methods.learned_sharing import LearnedSharing
from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing import assignment, nes
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import MISSING, BatchSampler, Split
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.sharing.trie_population import TriePopulation
from shareconsole.spec.method.learned_sharing import LearnedSharingOptions
from shareconsole.spec.networks import ConvnetOptions
from shareconsole.spec.stepsizes import ConstantStepSizeOptions
from shareconsole.stepsize.constant import ConstantStepSize

CLASSES = (3, 5, 2)
ENGINES = pytest.mark.parametrize("engine", [LoopPopulation, TriePopulation])


def make_split(kind: str) -> Split:
    """Own images, 20, 7 and 150 of them, or one set that tasks label in part; both with gaps."""
    g = torch.Generator().manual_seed(5)
    sizes = (20, 7, 150) if kind == "own" else (150, 150, 150)
    labels = [torch.randint(c, (n,), generator=g) for c, n in zip(CLASSES, sizes, strict=True)]
    labels[2][torch.rand(150, generator=g) < 0.5] = MISSING
    if kind == "shared":
        labels[0][5:] = MISSING
    return Split(
        tuple(
            torch.rand(n, 1, 8, 8, generator=g, dtype=torch.float64)
            for n in (sizes if kind == "own" else sizes[:1])
        ),
        tuple(labels),
    )


def make(kind: str, engine, **chosen):
    """A method, what it draws from, and what moves it."""
    generators = Generators(3)
    options = ConvnetOptions(name="convnet", conv=(3, 4), dense=(5,))
    plan = build_convnet(options, (1, 8, 8))
    bank = Bank(plan, [u.mark for u in plan.units], CLASSES, 2, generators).double()
    rule = ConstantStepSize(
        ConstantStepSizeOptions(name="constant"), torch.optim.Adam(bank.parameters(), lr=0.01)
    )
    settings = LearnedSharingOptions(
        name="learned_sharing", modules=2, nes_samples=4, sgd_samples=2, **chosen
    )
    split = make_split(kind)
    sampler = BatchSampler(split, 6, torch.float64, generators)
    return LearnedSharing(settings, engine(bank), generators), sampler, rule, split


def plain_losses(bank, split, members) -> torch.Tensor:
    """Mean loss [S, T] over all labelled images of a task, one network after another."""
    bank.eval()
    losses = torch.zeros(len(members), len(CLASSES), dtype=torch.float64)
    with torch.no_grad():
        for s, member in enumerate(members):
            for task, labels in enumerate(split.labels):
                known = labels != MISSING
                x = split.task_images(task)[known]
                for module in bank.path(task, member[:, task].tolist()):
                    x = module(x)
                losses[s, task] = cross_entropy(x, labels[known])
    return losses


@ENGINES
@pytest.mark.parametrize("kind", ["own", "shared"])
@pytest.mark.parametrize("credit", ["joint", "per_task"])
def test_all_images_give_the_mean_loss_over_all_of_them(kind, engine, credit, monkeypatch):
    method, sampler, rule, split = make(kind, engine, nes_batch="all", credit=credit)
    drawn = []
    sample = assignment.sample
    monkeypatch.setattr(
        assignment, "sample", lambda *asked: drawn.append(sample(*asked)) or drawn[-1]
    )
    for _ in range(3):
        before, bank = method.pi_LTK, copy.deepcopy(method.population.bank)
        result = method.step(sampler, rule, Stopwatch())
        members, _ = drawn[-2:]
        # The NES half comes before the weights move.
        expected_ST = plain_losses(bank, split, members)
        counts = torch.tensor([int((y != MISSING).sum()) for y in split.labels]).double()
        fitness = expected_ST @ counts / counts.sum()
        torch.testing.assert_close(result.fitness_S, fitness, rtol=0, atol=1e-10)
        ranked = expected_ST if credit == "per_task" else fitness
        gradient = nes.natural_gradient(before, members, nes.rank_utilities(ranked))
        moved = nes.update(before, gradient, 0.01, 0.001)
        torch.testing.assert_close(method.pi_LTK, moved, rtol=0, atol=1e-12)


def test_all_images_draw_nothing():
    """The batches of the SGD half are those of a method that never ranks."""
    method, sampler, rule, split = make("own", TriePopulation, nes_batch="all")
    method.step(sampler, rule, Stopwatch())
    alone = BatchSampler(split, 6, torch.float64, Generators(3))
    alone.next()
    assert sampler.state_dict()["cursors"] == alone.state_dict()["cursors"] == [6, 6, 6]


@ENGINES
def test_as_many_images_as_a_batch_has_are_a_batch_to_the_bit(engine):
    runs = [make("shared", engine, nes_batch=images) for images in ("batch", 6)]
    for _ in range(3):
        first, second = (m.step(sampler, rule, Stopwatch()) for m, sampler, rule, _ in runs)
        assert torch.equal(first.fitness_S, second.fitness_S)
        assert first.loss_T.nan_to_num().tolist() == second.loss_T.nan_to_num().tolist()


def test_a_number_of_images_is_seen_in_parts_of_bounded_size(monkeypatch):
    method, sampler, rule, _ = make("own", TriePopulation, nes_batch=140)
    seen = []
    evaluate = method.population.evaluate
    monkeypatch.setattr(
        method.population,
        "evaluate",
        lambda members, batch: seen.append(batch) or evaluate(members, batch),
    )
    method.step(sampler, rule, Stopwatch())
    assert [batch.labels.shape for batch in seen] == [(3, 47), (3, 47), (3, 46)]
    assert [batch.num_labelled[:2] for batch in seen] == [(20, 7), (0, 0), (0, 0)]
