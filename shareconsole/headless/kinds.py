"""Tensors of the kinds that tell what tasks share, as a run last recorded them.

What is worked out of them is here for the console too, so there is no drawing and no toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shareconsole.store.reader import RunLog

AXES = {"allocation": 3, "similarity": 3, "affinity": 3, "spectrum": 2, "tree": 2}
"""Kinds that a report shows beside the assignment, and how many axes each has."""


@dataclass(frozen=True, eq=False)
class KindFacts:
    """The newest tensor of a kind.

    Attributes:
        kind: one of ``AXES``.
        step: when it was recorded.
        axes: the names along each axis; may be foreign.
        values: the tensor.
    """

    kind: str
    step: int
    axes: tuple[tuple[str, ...], ...]
    values: NDArray[Any]


def read_kinds(log: RunLog) -> tuple[KindFacts, ...]:
    """Return what a run recorded of each kind; what is of no fitting shape is left out.

    Raises:
        StoreError: the log was damaged or removed since it was opened.
    """
    found = []
    for kind, num_axes in AXES.items():
        steps = log.tensor_steps(kind)
        if not len(steps):
            continue
        values, axes = log.tensor(kind), log.tensor_axes(kind)
        if not values.ndim == num_axes == len(axes) or 0 in values.shape:
            continue
        if kind not in ("similarity", "affinity") or values.shape[1] == values.shape[2]:
            found.append(KindFacts(kind, int(steps[-1]), axes, values))
    return tuple(found)


def arranged(numbers: NDArray[Any]) -> tuple[list[int], NDArray[np.int64]]:
    """Return the order of a tree's leaves, and [L, T] in it: the first leaf of each task's branch.

    Tasks that have parted never meet again, so only tasks of one branch can be of one cluster in
    the next unit, whatever its number there.

    Args:
        numbers: [L, T], equal for tasks of one cluster.
    """
    table = np.nan_to_num(numbers.astype(np.float64), nan=-1.0, posinf=-1.0, neginf=-1.0)
    paths = [tuple(column) for column in table.T.tolist()]
    # A cluster stands where its first task would.
    first: dict[tuple[float, ...], int] = {}
    for task, path in enumerate(paths):
        for depth in range(1, len(path) + 1):
            first.setdefault(path[:depth], task)
    keys = [[first[path[:depth]] for depth in range(1, len(path) + 1)] for path in paths]
    order = sorted(range(len(paths)), key=lambda task: (*keys[task], task))
    leaf = {task: place for place, task in enumerate(order)}
    clusters = [[leaf[task] for task in keys[number]] for number in order]
    return order, np.array(clusters, np.int64).T


def effective_rank(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return [L] of singular values [L, R]: exp of the entropy of their shares of the sum.

    1 where one is all there is, R where all are the same (Roy & Vetterli, "The effective rank",
    EUSIPCO 2007); NaN where a value is none, or all are 0.
    """
    sizes = np.abs(values.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = sizes / sizes.sum(axis=-1, keepdims=True)
        entropy = -np.where(shares == 0, 0.0, shares * np.log(shares)).sum(axis=-1)
        ranks: NDArray[np.float64] = np.exp(entropy)
    return ranks


def mean_of_units(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return [T, T] of [L, T, T]: the mean over the units where it is a number; else NaN."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
    mean: NDArray[np.float64] = np.full(total.shape, np.nan)
    np.divide(total, known.sum(axis=0), out=mean, where=known.any(axis=0))
    return mean
