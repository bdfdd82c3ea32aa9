"""What a run's logs hold: the columns of every step and evaluation, tensors and their labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shareconsole.store.records import LogSchema, TableSchema, TensorSchema
from shareconsole.trainer.evaluate import evaluation_columns

if TYPE_CHECKING:
    from shareconsole.sharing.method import StepResult
    from shareconsole.trainer.build import Experiment

PARTS = ("data", "nes", "sgd", "logging")
"""What a step's seconds are split into; `logging` is that of the step before."""


def log_schemas(
    experiment: Experiment, attempt: int, step: int, steps: int, device: str
) -> tuple[LogSchema, LogSchema]:
    """Schemas of the metrics log and the tensor log of one attempt.

    Args:
        experiment: The run.
        attempt: Number of the attempt.
        step: Step it resumes from, 0 for a fresh start.
        steps: Step it aims at.
        device: Description of the device, for readers.
    """
    bank, data, method = experiment.population.bank, experiment.data, experiment.method
    kind = _kind(experiment)
    columns = [(f"loss.{name}", kind) for name in data.task_names]
    columns += [(f"fitness.{j}", kind) for j in range(method.population_size)]
    columns += [("gradient_norm", kind)]
    columns += [(name, kind) for name in experiment.step_size.scalars()]
    columns += [(f"{part}_seconds", "f4") for part in PARTS]
    columns += [("elapsed_seconds", "f8")]
    evaluation = [(name, kind) for name in evaluation_columns(experiment)]
    labels = {
        "unit": bank.routed_names,
        "task": data.task_names,
        "module": tuple(module_name(k) for k in range(bank.num_modules)),
    }
    tensors = []
    for name, axes in method.tensor_axes().items():
        named = tuple(labels[axis] if isinstance(axis, str) else axis for axis in axes)
        tensors.append(TensorSchema(name, "f4", tuple(len(axis) for axis in named), named))
    meta: dict[str, object] = {
        "tasks": [
            {"name": name, "classes": classes, "head_parameters": head}
            for name, classes, head in zip(
                data.task_names, data.num_classes, bank.head_sizes(), strict=True
            )
        ],
        "units": bank.describe(),
        "parameters": bank.num_parameters(),
        "groups": data.groups,
        "device": device,
        "steps": steps,
    }
    stages = experiment.preset.method.stages()
    if stages:
        meta["stages"] = [{"name": stage.name, "start": stage.start} for stage in stages]
    tables = (
        TableSchema("step", tuple(columns)),
        TableSchema("evaluation", (*evaluation, ("elapsed_seconds", "f8"))),
    )
    return (
        LogSchema(attempt, step, tables, (), meta),
        LogSchema(attempt, step, (), tuple(tensors), meta),
    )


def as_recorded(experiment: Experiment, value: float) -> float:
    """A measured value as the logs keep it, which is in the precision of the run."""
    return float(np.dtype(_kind(experiment)).type(value))


def _kind(experiment: Experiment) -> str:
    return "f8" if experiment.preset.device.dtype == "float64" else "f4"


def step_values(
    result: StepResult,
    population_size: int,
    step_size: dict[str, float],
    seconds: dict[str, float],
    elapsed: float,
) -> list[float]:
    """One row of the table `step`, in the order of its columns.

    Where the method has a population, but this step had none, the fitness is missing: NaN.
    """
    values: list[float] = result.loss_T.tolist()
    if result.fitness_S is not None:
        values += result.fitness_S.tolist()
    else:
        values += [math.nan] * population_size
    values.append(result.gradient_norm)
    values += step_size.values()
    values += [seconds.get(part, 0.0) for part in PARTS]
    values.append(elapsed)
    return values


def module_name(index: int) -> str:
    """Letters for a module: a, b, ..., z, aa, ab, ..."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("a") + rest) + name
    return name
