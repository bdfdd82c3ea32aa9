"""Errors, losses and Rand indices, on numbers worked out by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from shareconsole.sharing.data import MISSING, Split
from shareconsole.sharing.method import OnePath
from shareconsole.spec.toml import load_preset
from shareconsole.trainer import evaluate


class Fixed:
    """An engine, or a method, whose networks say the class that the first pixel names, logit 2."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def logits(self, task, *choice_and_inputs):
        *choice, inputs = choice_and_inputs
        self.calls.append((task, *map(tuple, choice), len(inputs)))
        return 2.0 * torch.nn.functional.one_hot(inputs[:, 0, 0, 0].long(), 3).float()


def split(said: list[list[int]], true: list[list[int]]) -> Split:
    images = tuple(torch.tensor(x).float().view(-1, 1, 1, 1) for x in said)
    return Split(images, tuple(torch.tensor(y) for y in true))


RIGHT = -math.log(math.exp(2) / (math.exp(2) + 2))
WRONG = RIGHT + 2


def test_macro_is_the_mean_over_tasks_and_micro_over_images():
    found = evaluate.score(
        Fixed(),
        split([[0, 1, 2, 0], [1, 1]], [[0, 1, 2, 1], [0, 0]]),
        torch.float32,
        lambda: None,
        500,
    )
    assert found.error == (0.25, 1.0)
    assert found.loss == pytest.approx(((3 * RIGHT + WRONG) / 4, WRONG))
    assert found.macro_error == pytest.approx(0.625)
    assert found.micro_error == pytest.approx(0.5)


def test_missing_labels_do_not_count():
    labels = [[0, MISSING, 1, MISSING], [MISSING] * 4]
    images = split([[0, 0, 0, 0]], labels)
    found = evaluate.score(Fixed(), images, torch.float32, lambda: None, 500)
    assert found.error[0] == 0.5
    assert math.isnan(found.error[1])
    assert (found.macro_error, found.micro_error) == (0.5, 0.5)


class TwoUnits(OnePath):
    """A method that tests its two tasks with these modules."""

    def __init__(self, population) -> None:
        self.population = population

    def assignment(self):
        return torch.tensor([[0, 1], [2, 0]])


def test_every_task_is_tested_with_its_own_modules_in_passes():
    engine, breaths = Fixed(), []
    images = split([[0] * 5, [0] * 3], [[0] * 5, [0] * 3])
    evaluate.score(TwoUnits(engine), images, torch.float32, lambda: breaths.append(1), 2)
    first, second = (0, (0, 2)), (1, (1, 0))
    expected = [(*first, 2), (*first, 2), (*first, 1), (*second, 2), (*second, 1)]
    assert engine.calls == expected
    assert len(breaths) == 5


def test_rand_index_compares_modules_with_planted_groups(monkeypatch):
    score = evaluate.SplitScore((0.0,) * 4, (0.0,) * 4, 0.0, 0.0)
    monkeypatch.setattr(evaluate, "score", lambda *rest: score)
    names = tuple("wxyz")
    rows = [[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]]
    experiment = SimpleNamespace(
        preset=load_preset("planted").preset,
        data=SimpleNamespace(
            validation=None, test=None, groups=(0, 0, 1, 1), task_names=names, input_shape=(1, 8, 8)
        ),
        method=SimpleNamespace(assignment=lambda: torch.tensor(rows), scalars=dict),
        population=SimpleNamespace(bank=SimpleNamespace(routed_names=("a", "b", "c"))),
    )
    found = evaluate.evaluate(experiment, lambda: None)
    assert [found[f"rand_index.{unit}"] for unit in "abc"] == pytest.approx([1.0, 0.0, -0.5])
