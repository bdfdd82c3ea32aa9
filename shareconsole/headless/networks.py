"""The tasks' networks as the records tell them: how large, and how much they share with whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from shareconsole.headless.figures import count, shared_words
from shareconsole.headless.styles import HEADING, QUIET
from shareconsole.headless.tables import Page, right_side
from shareconsole.spec.parameter_counts import (
    TaskParameters,
    count_parameters,
    positions_of,
    used_parameters,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shareconsole.store.reader import RunLog

# Tensors that say which modules a task uses, the one that counts first where two are as new.
_KINDS = ("allocation", "tree", "assignment")
_TASK_CELLS = 24


@dataclass(frozen=True)
class NetworkFacts:
    """What each task's network is made of.

    Attributes:
        step: when what is shared was recorded; None where it never changes.
        stored: parameters of the run, modules that nobody uses included.
        used: of these, those that some task's network has.
        tasks: names of the tasks.
        parameters: of each task's network.
    """

    step: int | None
    stored: int
    used: int
    tasks: tuple[str, ...]
    parameters: tuple[TaskParameters, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what ``show --json`` prints of it."""
        return {
            "step": self.step,
            "stored": self.stored,
            "used": self.used,
            "tasks": [
                {
                    "name": name,
                    "parameters": each.total,
                    "own": each.own,
                    "shared_with": each.shared_with(self.tasks),
                }
                for name, each in zip(self.tasks, self.parameters, strict=True)
            ],
        }


def gather_networks(log: RunLog) -> NetworkFacts | None:
    """Return the networks as they stand; None where the records do not tell.

    Raises:
        StoreError: a tensor cannot be read.
    """
    meta = log.meta
    try:
        tasks = [(str(task["name"]), int(task["head_parameters"])) for task in meta["tasks"]]
        marks = [str(unit["sharing"]) for unit in meta["units"]]
        sizes = [_sizes(unit) for unit in meta["units"]]
        stored = int(meta["parameters"])
    except (KeyError, TypeError, ValueError):
        return None  # records of an older version, or damaged ones
    step, routed = None, None
    if "routed" in marks:
        step, routed = _used(log)
        if routed is None:
            return None
    heads = [size for _, size in tasks]
    try:
        positions = positions_of(marks, sizes, routed or [], heads)
        found, used = count_parameters(positions, len(tasks)), used_parameters(positions)
    except (IndexError, StopIteration):
        return None  # tensors of another shape than the units have
    return NetworkFacts(step, stored, used, tuple(name for name, _ in tasks), found)


def _sizes(unit: Mapping[str, Any]) -> list[int]:
    sizes = unit.get("sizes") or [unit["parameters"]] * int(unit["modules"])
    return [int(size) for size in sizes]


def _used(log: RunLog) -> tuple[int | None, Sequence[Sequence[tuple[int, ...]]] | None]:
    """The step, and for each routed unit and task the modules in use."""
    newest = [(int(steps[-1]), kind) for kind in _KINDS if len(steps := log.tensor_steps(kind))]
    if not newest:
        return None, None
    step = max(step for step, _ in newest)
    kind = next(kind for at, kind in newest if at == step)
    tensor = log.tensor(kind)
    if tensor.ndim != (2 if kind == "tree" else 3) or 0 in tensor.shape:
        return None, None
    if kind == "tree":
        return step, [[(int(k),) for k in row] for row in tensor]
    if kind == "allocation":
        return step, [[_where(row) for row in unit] for unit in tensor]
    return step, [[(int(k),) for k in row] for row in tensor.argmax(-1)]


def _where(row: NDArray[Any]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(row).tolist())


def print_networks(page: Page, facts: NetworkFacts) -> None:
    """Print a line for each task."""
    what = f" of each task's network; the run stores {count(facts.stored)}"
    if facts.used < facts.stored:
        what += f", of which {count(facts.used)} are in use"
    page.line(Text.assemble(("Parameters", HEADING), (what, QUIET)), hanging=2)
    rows = [
        [name, count(each.total), count(each.own), shared_words(each.shared_with(facts.tasks))]
        for name, each in zip(facts.tasks, facts.parameters, strict=True)
    ]
    header = ["task", "all", "its own", "shared with"]
    sides = ["left", *right_side(2), "left"]
    page.table(header, rows, sides, limits=[_TASK_CELLS, None, None, None])
