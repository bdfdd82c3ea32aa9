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
from shareconsole.spec.activations import images_per_pass
from shareconsole.trainer.device import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from shareconsole.sharing.data import Split
    from shareconsole.sharing.method import Method
    from shareconsole.trainer.build import Experiment


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
    method: Method,
    split: Split,
    dtype: torch.dtype,
    breathe: Callable[[], None],
    num_images: int,
) -> SplitScore:
    """Score every task's network on a split.

    Args:
        method: Whose networks.
        split: Where to test.
        dtype: Type of the networks' inputs.
        breathe: Called before every pass; may raise to give the evaluation up.
        num_images: Images of a forward pass.
    """
    wrong: list[Tensor] = []
    loss: list[Tensor] = []
    labelled: list[Tensor] = []
    for task, labels in enumerate(split.labels):
        totals: list[Tensor] = []
        images = split.task_images(task)
        for x, y in zip(images.split(num_images), labels.split(num_images), strict=True):
            breathe()
            logits = method.logits(task, scale(x, dtype))
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

    Adjusted Rand indices compare, per routed unit, "uses the same modules" with the planted
    groups: 1 is a perfect match, 0 what chance gives.
    """
    data, method = experiment.data, experiment.method
    dtype = DTYPES[experiment.preset.device.dtype]
    count = images_per_pass(experiment.preset.network, data.input_shape)
    values: list[float] = []
    test = score(method, data.test, dtype, breathe, count)
    values += [*test.error, *test.loss]
    overall = [test.macro_error, test.micro_error]
    if data.validation is not None:
        validation = score(method, data.validation, dtype, breathe, count)
        values += [*validation.error, *validation.loss]
        overall += [validation.macro_error, validation.micro_error]
    values += [*overall, *method.scalars().values()]
    if data.groups is not None:
        rows = method.assignment().tolist()
        values += [float(adjusted_rand_score(data.groups, row)) for row in rows]
    return dict(zip(evaluation_columns(experiment), values, strict=True))
