"""What holds for every method's networks, and for what it tells of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from shareconsole.sharing.data import scale
from shareconsole.trainer.build import ENGINES
from tests.methods.cases import CASES, DROPOUT, boundaries, steps, told
from tests.trainer import exporting

EACH = pytest.mark.parametrize("case", CASES, ids=str)
PLAIN = [case for case in CASES if case.rule == "constant"]
EACH_METHOD = pytest.mark.parametrize("case", PLAIN, ids=str)
EXACT = {"dtype": "float64"}


def probabilities(tensor):
    return ((tensor >= 0) & (tensor <= 1)).all()


def alike(tensor):
    """[L, T, T] as a measure of likeness that is largest, 1, of a task with itself."""
    itself = tensor.diagonal(dim1=1, dim2=2)
    symmetric = torch.allclose(tensor, tensor.mT, rtol=0, atol=1e-6)
    return symmetric and torch.allclose(itself, torch.ones_like(itself)) and (tensor <= 1.001).all()


def refining(tree):
    """[L, T] cluster numbers without gaps, in which tasks that have parted stay apart."""
    pairs = [{*zip(a, b, strict=True)} for a, b in pairwise(tree)]
    nested = all(len(found) == len({below for _, below in found}) for found in pairs)
    return nested and all({*row} == {*range(len({*row}))} for row in tree)


KINDS = {
    "assignment": lambda x: probabilities(x) and torch.allclose(x.sum(2), torch.ones(()).to(x)),
    "allocation": lambda x: ((x == 0) | (x == 1)).all(),
    "connection": probabilities,
    "similarity": alike,
    "affinity": alike,
    "spectrum": lambda x: (x >= 0).all() and (x.diff(dim=1) <= 0).all(),
    "tree": lambda x: refining(x.tolist()),
}
"""What the numbers of each kind of tensors are like; a new kind wants an entry."""


def lengths(run) -> dict[str, tuple[int, ...]]:
    """The shape of each kind, by its axes."""
    bank = run.population.bank
    sizes = {"unit": bank.num_routed, "task": bank.num_tasks, "module": bank.num_modules}
    return {
        kind: tuple(sizes[axis] if isinstance(axis, str) else len(axis) for axis in axes)
        for kind, axes in run.method.tensor_axes().items()
    }


@EACH_METHOD
def test_tensors_fit_their_axes_and_kinds_never_vanish(case):
    run = case.build(network={"conv_sharing": "routed"})
    shapes, names, before = lengths(run), run.method.scalars().keys(), set()
    size = run.method.population_size
    assert size == run.preset.method.population
    for step in range(max([1, *boundaries(run)]) + 2):
        tensors = run.method.tensors()
        assert before <= tensors.keys() <= shapes.keys()
        before = tensors.keys()
        for kind, tensor in tensors.items():
            assert tensor.shape == shapes[kind]
            assert tensor.isfinite().all()
            assert KINDS[kind](tensor), kind
        assert_the_assignment_says_who_uses_the_same_modules(run)
        (result,) = steps(run, 1)
        assert result.loss_T.shape == (4,)
        assert not result.diverged
        assert len(result.fitness_S if result.fitness_S is not None else ()) == (
            size if step < min([9, *boundaries(run)]) else 0
        )
        assert run.method.scalars().keys() == names
        assert torch.tensor([*run.method.scalars().values()]).isfinite().all()
    assert before == shapes.keys() == lengths(run).keys()
    recorded = run.preset.method.records(3, run.data.num_tasks)
    assert sorted(tensor.numel() for tensor in run.method.tensors().values()) == sorted(recorded)


def assert_the_assignment_says_who_uses_the_same_modules(run) -> None:
    bank, assignment = run.population.bank, run.method.assignment()
    stored = [
        len(modules)
        for mark, (_, modules) in zip(bank.marks, bank.modules_by_unit(), strict=False)
        if mark == "routed"
    ]
    assert assignment.shape == (bank.num_routed, bank.num_tasks) == (len(stored), 4)
    assert not assignment.is_floating_point()
    assert ((assignment >= 0) & (assignment < max(bank.num_modules, 4))).all()
    used = [run.method.modules_of(task) for task in range(4)]
    for unit, count in enumerate(stored):
        for task in range(4):
            assert [*used[task][unit]] == sorted({*used[task][unit]} & {*range(count)})
            same = [used[other][unit] == used[task][unit] for other in range(4)]
            assert same == (assignment[unit] == assignment[unit, task]).tolist()


@EACH_METHOD
def test_logits_are_finite_and_do_not_depend_on_who_else_is_in_the_batch(case):
    run = case.build(device={**EXACT, "engine": "trie"})
    steps(run, max([1, *boundaries(run)]) + 1)
    for task, classes in enumerate(run.data.num_classes):
        images = scale(run.data.test.task_images(task)[:12], torch.float64)
        whole = run.method.logits(task, images).clone()
        assert whole.shape == (12, classes)
        assert whole.isfinite().all()
        assert whole.std(0).min() > 0
        parts = [run.method.logits(task, part).clone() for part in images.split([1, 4, 7])]
        torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-12, atol=1e-12)


@EACH
def test_both_engines_train_the_same(case):
    blended = case.preset().method.blended
    runs = {engine: case.build(device={**EXACT, "engine": engine}) for engine in ENGINES}
    assert {asked: run.engine for asked, run in runs.items()} == {
        "loop": "loop",
        "trie": "loop" if blended else "trie",
    }
    count = max([2, *boundaries(runs["loop"])]) + 2
    first, second = (steps(run, count) for run in runs.values())
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.loss_T, other.loss_T, rtol=0, atol=1e-9)
        assert told(one)[1] == pytest.approx(told(other)[1], rel=1e-8)
    weights = [run.population.bank.state_dict() for run in runs.values()]
    torch.testing.assert_close(*weights, rtol=0, atol=1e-7)
    assert torch.equal(*(run.method.assignment() for run in runs.values()))
    for run in runs.values():
        assert run.step_size.scalars().keys() == {*run.preset.step_size.columns}


@EACH_METHOD
def test_a_task_s_network_by_itself_is_what_is_evaluated(case):
    run = case.build(network=DROPOUT)
    steps(run, max([1, *boundaries(run)]) + 1)
    exporting.assert_equal_to_evaluation(run, 1e-6)
