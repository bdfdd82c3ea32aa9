"""The learned assignment: which module each task most likely uses in each routed unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

# numpy costs 0.1 s, and the palette needs LEVELS before anything is drawn.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KIND = "assignment"
"""The kind of tensor that holds the probabilities."""
LEVELS = 8
"""Shades of probability; so few that noise changes no cell."""


@dataclass(frozen=True, eq=False)
class AssignmentView:
    """The newest assignment of L units, T tasks and K modules, and how sure it was over time.

    Attributes:
        units, tasks, modules: names, safe text; L, T and K of them.
        probabilities: [L, T, K] float32.
        likeliest: [L, T] int64, index of the most likely module; -1 where nothing is a number.
        step: when it was recorded.
        entropy_steps: [N] int64, ascending; thinned out over long runs, the newest always there.
        entropy: [N] float64, mean over units and tasks, in nats.
        version: another number whenever anything in here changed.
    """

    units: tuple[str, ...]
    tasks: tuple[str, ...]
    modules: tuple[str, ...]
    probabilities: NDArray[np.float32]
    likeliest: NDArray[np.int64]
    step: int
    entropy_steps: NDArray[np.int64]
    entropy: NDArray[np.float64]
    version: int


@dataclass(frozen=True)
class Cell:
    """One cell of a map. Cells that look the same are equal: the probability is not compared.

    Attributes:
        letter: the module's name, at most two characters, safe text; "?" where there is none.
        module: its index; -1 where there is none.
        level: shade of the probability, 0 to LEVELS - 1.
        probability: fraction; NaN where there is none.
    """

    letter: str
    module: int
    level: int
    probability: float = field(default=float("nan"), compare=False)


def cells(view: AssignmentView) -> list[list[Cell]]:
    """Return the overview, T rows of L cells: the most likely module of each task in each unit."""
    return [
        [
            _cell(view, int(view.likeliest[unit, task]), unit, task)
            for unit in range(len(view.units))
        ]
        for task in range(len(view.tasks))
    ]


def unit_cells(view: AssignmentView, unit: int) -> list[list[Cell]]:
    """Return one unit, T rows of K cells: each module with its own probability."""
    return [
        [_cell(view, module, unit, task) for module in range(len(view.modules))]
        for task in range(len(view.tasks))
    ]


def shared_with(view: AssignmentView) -> NDArray[np.int64]:
    """Return [T, T]: in how many units two tasks have the same most likely module."""
    ours, theirs = view.likeliest[:, :, None], view.likeliest[:, None, :]
    agreeing: NDArray[np.int64] = ((ours == theirs) & (ours >= 0)).sum(axis=0, dtype="i8")
    return agreeing


def likeliest(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return [L, T] of [L, T, K]: the most likely module; -1 where no probability is a number."""
    import numpy as np

    known = ~np.isnan(probabilities)
    best = np.where(known, probabilities, -np.inf).argmax(axis=-1)
    return np.where(known.any(axis=-1), best, -1)


def mean_entropy(probabilities: NDArray[np.float32]) -> float:
    """Return the mean entropy over the rows [L, T] of [L, T, K], in nats; NaN counts as unknown."""
    import numpy as np

    p = probabilities.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p == 0, 0.0, -p * np.log(p))
        rows = terms.sum(axis=-1)
    known = rows[~np.isnan(rows)]
    return float(known.mean()) if known.size else float("nan")


def _cell(view: AssignmentView, module: int, unit: int, task: int) -> Cell:
    if module < 0:
        return Cell("?", -1, 0)
    probability = float(view.probabilities[unit, task, module])
    return Cell(view.modules[module][:2], module, _level(probability), probability)


def _level(probability: float) -> int:
    # Also of what no probability can be; NaN compares as false and gets the palest.
    return int(min(max(probability, 0.0), 1.0) * (LEVELS - 1) + 0.5) if probability > 0 else 0
