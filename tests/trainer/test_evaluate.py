"""Errors, losses and Rand indices, on numbers worked out by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from shareconsole.sharing.data import MISSING, Split
from shareconsole.trainer import evaluate


class Fixed:
    """An engine whose networks say the class that the first pixel names, with logit 2."""

    def __init__(self) -> None:
        self.bank = torch.nn.Linear(1, 1)
        self.calls: list[tuple[int, tuple[int, ...], int]] = []

    def logits(self, task, choice, inputs):
        self.calls.append((task, tuple(choice), len(inputs)))
        return 2.0 * torch.nn.functional.one_hot(inputs[:, 0, 0, 0].long(), 3).float()


def split(said: list[list[int]], true: list[list[int]]) -> Split:
    images = tuple(torch.tensor(x).float().view(-1, 1, 1, 1) for x in said)
    return Split(images, tuple(torch.tensor(y) for y in true))


RIGHT = -math.log(math.exp(2) / (math.exp(2) + 2))
WRONG = RIGHT + 2


def test_macro_is_the_mean_over_tasks_and_micro_over_images():
    found = evaluate.score(
        Fixed(),
        torch.zeros((2, 2), dtype=torch.int64),
        split([[0, 1, 2, 0], [1, 1]], [[0, 1, 2, 1], [0, 0]]),
        lambda: None,
    )
    assert found.error == (0.25, 1.0)
    assert found.loss == pytest.approx(((3 * RIGHT + WRONG) / 4, WRONG))
    assert found.macro_error == pytest.approx(0.625)
    assert found.micro_error == pytest.approx(0.5)


def test_missing_labels_do_not_count():
    labels = [[0, MISSING, 1, MISSING], [MISSING] * 4]
    images = split([[0, 0, 0, 0]], labels)
    found = evaluate.score(Fixed(), torch.zeros((0, 2), dtype=torch.int64), images, lambda: None)
    assert found.error[0] == 0.5
    assert math.isnan(found.error[1])
    assert (found.macro_error, found.micro_error) == (0.5, 0.5)


def test_every_task_is_tested_with_its_own_modules_in_passes(monkeypatch):
    monkeypatch.setattr(evaluate, "IMAGES_PER_PASS", 2)
    engine, breaths = Fixed(), []
    evaluate.score(
        engine,
        torch.tensor([[0, 1], [2, 0]]),
        split([[0] * 5, [0] * 3], [[0] * 5, [0] * 3]),
        lambda: breaths.append(1),
    )
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
        data=SimpleNamespace(validation=None, test=None, groups=(0, 0, 1, 1), task_names=names),
        method=SimpleNamespace(assignment=lambda: torch.tensor(rows), scalars=dict),
        population=SimpleNamespace(bank=SimpleNamespace(routed_names=("a", "b", "c"))),
    )
    found = evaluate.evaluate(experiment, lambda: None)
    assert [found[f"rand_index.{unit}"] for unit in "abc"] == pytest.approx([1.0, 0.0, -0.5])
