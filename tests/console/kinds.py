"""Finished runs that log whatever kinds of tensors a panel shows, written in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.folder import RunFolder
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TableSchema, TensorSchema
from tests.cli import synthetic

STEPS = 20
TASKS = ("digits-1", "digits-2", "letters-1", "letters-2", "kannada-1", "kannada-2")
UNITS = ("conv1", "conv2", "conv3", "dense1")
GROUPS = np.array([0, 0, 1, 1, 2, 2])
RULE = ("step_size", "trials", "trial_share")

Tensors = Mapping[str, tuple[Sequence[NDArray[np.generic]], tuple[Sequence[str], ...]]]
"""By kind: the tensors, spread evenly over the steps, and the names along their axes."""


def groups_of(tasks: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of so many tasks, and which of them belong together, two by two."""
    return tuple(f"task-{task + 1}" for task in range(tasks)), np.arange(tasks) // 2


def write_run(
    folder: RunFolder,
    tensors: Tensors,
    *,
    tasks: Sequence[str] = TASKS,
    columns: Sequence[str] = (),
    stages: Mapping[str, int] | None = None,
    upto: int = STEPS,
) -> None:
    """Log losses, evaluations, these tensors, and columns of a step size rule.

    ``stages``: by name the steps after which they begin; with each the losses begin anew.
    """
    attempt = synthetic.begin(folder)
    begun = stages or {}
    meta: dict[str, object] = {"tasks": [{"name": task, "classes": 10} for task in tasks]}
    if stages:
        meta["stages"] = [{"name": name, "start": start} for name, start in stages.items()]
        meta["steps"] = STEPS
    losses = [f"loss.{task}" for task in tasks]
    step = TableSchema("step", tuple((name, "f8") for name in [*losses, *columns]))
    errors = [*(f"test_error.{task}" for task in tasks), "macro_error", "micro_error"]
    evaluation = TableSchema("evaluation", tuple((name, "f8") for name in errors))
    schemas = tuple(
        TensorSchema(kind, "f4", tuple(map(len, axes)), tuple(tuple(axis) for axis in axes))
        for kind, (_, axes) in tensors.items()
    )
    rows = LogSchema(1, 0, (step, evaluation), (), meta)
    with (
        RecordWriter(folder.metrics(1), rows) as metrics,
        RecordWriter(folder.tensors(1), LogSchema(1, 0, (), schemas, meta)) as arrays,
    ):
        for number in range(1, upto + 1):
            of_stage = number - max((s for s in begun.values() if s < number), default=0)
            values = [(1 + task) / (of_stage + 2) for task in range(len(tasks))]
            costs = {"step_size": 0.1 * 0.8**number, "trials": 1 + number % 3, "trial_share": 0.25}
            metrics.row("step", number, [*values, *(costs[name] for name in columns)])
            if number % 5 == 0:
                metrics.row("evaluation", number, [*values, values[0], values[0]])
                for kind, (found, _) in tensors.items():
                    place = number // 5 - (STEPS // 5 - len(found)) - 1
                    if place >= 0:
                        arrays.tensor(kind, number, found[place].astype(np.float32))
    synthetic.write_hints(folder, attempt, upto)
    synthetic.end(folder, attempt, "finished" if upto == STEPS else "stopped", upto)


def a_run(runs: Path, tensors: Tensors, **how: object) -> RunFolder:
    """A finished run with such tensors."""
    folder = synthetic.new_run(runs, "kinds")
    write_run(folder, tensors, **how)  # type: ignore[arg-type]
    return folder


def allocation(tasks: Sequence[str] = TASKS, modules: int = 4) -> Tensors:
    """Components that become settled, the same for tasks of a group; the last unit has none."""
    random = np.random.default_rng(1)
    shape = (len(UNITS), int(GROUPS.max()) + 1, modules)
    aims = (random.random(shape) > 0.5)[:, GROUPS[: len(tasks)]]
    aims[0] = True
    aims[-1, -1] = False
    found = [0.5 + (aims - 0.5) * share for share in (0.1, 0.4, 0.7, 0.95)]
    axes = (UNITS, tuple(tasks), tuple("abcdefghijklmnopqrstuvwxyz"[:modules]))
    return {
        "allocation": ([(one > 0.5).astype(float) for one in found], axes),
        "connection": (found, axes),
    }


def pairs(kind: str, tasks: int = len(TASKS)) -> Tensors:
    """Tasks of a group are alike, the more so the nearer the input; others are not."""
    names, group = (TASKS, GROUPS) if tasks == len(TASKS) else groups_of(tasks)
    same = group[:, None] == group
    random = np.random.default_rng(2)
    noise = random.normal(0, 0.1, (len(UNITS), tasks, tasks))
    noise = (noise + noise.transpose(0, 2, 1)) / 2
    found = []
    for share in (0.2, 0.5, 0.8, 1.0):
        near = np.linspace(0.9, 0.4, len(UNITS))[:, None, None] * share
        values = np.clip(np.where(same, near, 0.05) + noise, -1, 1)
        values[:, np.arange(tasks), np.arange(tasks)] = 1
        found.append(values)
    return {kind: (found, (UNITS, names, names))}


def spectrum(ranks: int = len(TASKS)) -> Tensors:
    """Singular values that fall the faster, the nearer the input and the later."""
    place = np.arange(ranks)
    rates = np.linspace(0.9, 0.2, len(UNITS))[:, None]
    found = [3 * np.exp(-share * rates * place) for share in (0.1, 0.4, 0.7, 1.0)]
    return {"spectrum": (found, (UNITS, tuple(str(rank + 1) for rank in place)))}


def tree(tasks: int = len(TASKS), *, late: bool = False) -> Tensors:
    """All share the first unit, pairs the third, none the last; ``late``: known at the end only."""
    names, group = (TASKS, GROUPS) if tasks == len(TASKS) else groups_of(tasks)
    numbers = np.stack([0 * group, np.minimum(group, 1), group, np.arange(tasks)])
    return {"tree": ([numbers.astype(float)] * (1 if late else 4), (UNITS, names))}
