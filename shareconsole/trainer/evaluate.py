"""Test a run: every task's network under the method's assignment, on whole splits.

Shapes: L routed units, T tasks, N images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from sklearn.metrics import adjusted_rand_score
from torch.nn.functional import cross_entropy

from shareconsole.sharing.data import MISSING, scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from shareconsole.sharing.data import Split
    from shareconsole.sharing.population import Population
    from shareconsole.trainer.build import Experiment

IMAGES_PER_PASS = 500
"""Images per forward pass; small enough for the small networks' activations to stay in cache."""


@dataclass(frozen=True)
class SplitScore:
    """Errors and losses on one split.

    Attributes:
        error: Fraction of labelled images that each task gets wrong, T values; NaN for a task
            that labels none.
        loss: Mean cross-entropy in nats of each task, T values.
        macro_error: Mean of the tasks' errors.
        micro_error: Wrong images of all tasks by labelled images of all tasks, which is what the
            released code of Prellberg & Kramer 2020 reports.
    """

    error: tuple[float, ...]
    loss: tuple[float, ...]
    macro_error: float
    micro_error: float


def score(
    population: Population, assignment_LT: Tensor, split: Split, breathe: Callable[[], None]
) -> SplitScore:
    """Score every task's network on a split.

    Args:
        population: The engine.
        assignment_LT: [L, T] modules to test with.
        split: Where to test.
        breathe: Called before every pass; may raise to give the evaluation up.
    """
    dtype = next(population.bank.parameters()).dtype
    wrong: list[Tensor] = []
    loss: list[Tensor] = []
    labelled: list[Tensor] = []
    for task, choice in enumerate(assignment_LT.T.tolist()):
        totals: list[Tensor] = []
        images, labels = split.task_images(task), split.labels[task]
        for x, y in zip(images.split(IMAGES_PER_PASS), labels.split(IMAGES_PER_PASS), strict=True):
            breathe()
            logits = population.logits(task, choice, scale(x, dtype))
            known = y != MISSING
            summed = cross_entropy(logits, y, ignore_index=MISSING, reduction="sum")
            miss = ((logits.argmax(1) != y) & known).sum()
            totals.append(torch.stack([miss.double(), summed.double(), known.sum().double()]))
        total = torch.stack(totals).sum(0)
        wrong.append(total[0])
        loss.append(total[1])
        labelled.append(total[2])
    wrong_T, loss_T, labelled_T = (torch.stack(x).cpu() for x in (wrong, loss, labelled))
    error_T = wrong_T / labelled_T
    return SplitScore(
        tuple(error_T.tolist()),
        tuple((loss_T / labelled_T).tolist()),
        float(error_T.nanmean()),
        float(wrong_T.sum() / labelled_T.sum()),
    )


def evaluation_columns(experiment: Experiment) -> list[str]:
    """Names of what `evaluate` measures, in its order."""
    data = experiment.data
    columns: list[str] = []
    splits = ["test"] if data.validation is None else ["test", "validation"]
    for split in splits:
        columns += [f"{split}_error.{task}" for task in data.task_names]
        columns += [f"{split}_loss.{task}" for task in data.task_names]
    columns += ["macro_error", "micro_error"]
    if data.validation is not None:
        columns += ["validation_macro_error", "validation_micro_error"]
    columns += experiment.method.scalars()
    if data.groups is not None:
        columns += [f"rand_index.{name}" for name in experiment.population.bank.routed_names]
    return columns


def evaluate(experiment: Experiment, breathe: Callable[[], None]) -> dict[str, float]:
    """Measure the run as it stands, keyed by `evaluation_columns`.

    Adjusted Rand indices compare, per routed unit, "uses the same module" with the planted
    groups: 1 is a perfect match, 0 what chance gives.
    """
    data, method = experiment.data, experiment.method
    assignment_LT = method.assignment()
    values: list[float] = []
    test = score(experiment.population, assignment_LT, data.test, breathe)
    values += [*test.error, *test.loss]
    overall = [test.macro_error, test.micro_error]
    if data.validation is not None:
        validation = score(experiment.population, assignment_LT, data.validation, breathe)
        values += [*validation.error, *validation.loss]
        overall += [validation.macro_error, validation.micro_error]
    values += [*overall, *method.scalars().values()]
    if data.groups is not None:
        values += [float(adjusted_rand_score(data.groups, row)) for row in assignment_LT.tolist()]
    return dict(zip(evaluation_columns(experiment), values, strict=True))
