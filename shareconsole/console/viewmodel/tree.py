"""The tree of tasks: from the input on they share, and part where their clusters part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.console.viewmodel.tensor_log import Found, TensorLog
from shareconsole.headless.kinds import arranged

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TreeView:
    """The newest tree of T tasks over L units.

    Attributes:
        units: names of the units from the input on, safe text.
        tasks: names of the tasks in the order of the leaves: those that part late side by side.
        clusters: [L, T] int64 in that order: the first leaf of the branch that a task is on.
        step: when it was recorded.
        branches: [N] int64 as float64, branches at the last unit, over time.
        version: another number whenever anything in here changed.
    """

    units: tuple[str, ...]
    tasks: tuple[str, ...]
    clusters: NDArray[np.int64]
    step: int
    branches: NDArray[np.float64]
    version: int


class TreeLog(TensorLog[TreeView]):
    """Makes views of the newest tree of one run's log."""

    kind = "tree"
    num_axes = 2

    def measure(self, values: NDArray[Any]) -> float:
        """Branches at the last unit."""
        return float(len(np.unique(arranged(values)[1][-1])))

    def look(self, found: Found) -> TreeView:
        """The tasks in the order of the leaves, and their branches."""
        units, tasks = found.axes
        order, clusters = arranged(found.values)
        return TreeView(
            units=units,
            tasks=tuple(tasks[task] for task in order),
            clusters=clusters,
            step=found.step,
            branches=found.measures,
            version=found.version,
        )
