"""Follows the assignment tensors of a run. Of thousands of them only a few hundred are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.assignment import (
    KIND,
    AssignmentView,
    likeliest,
    mean_entropy,
)
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder
    from shareconsole.store.reader import RunLog

MOST_ENTROPIES = 256
"""The entropy over time has at most so many points, and the newest."""


class AssignmentLog:
    """Makes views of the newest assignment of one run's log."""

    def __init__(self, log: RunLog) -> None:
        """Touches no disk."""
        self._log = log
        self._files: frozenset[str] = frozenset()
        self._stamp: tuple[tuple[str, int], ...] | None = None
        self._steps: NDArray[np.int64] = np.empty(0, np.int64)
        self._entropies: dict[int, float] = {}
        self._view: AssignmentView | None = None
        self._version = 0

    def stamp(self, names: list[str]) -> tuple[tuple[str, int], ...]:
        """Return what tells whether there may be new tensors; take it before the log is read."""
        return sizes(self._log.folder, names, "tensors")

    def update(self, stamp: tuple[tuple[str, int], ...]) -> AssignmentView | None:
        """Return the view; the same object if nothing changed, None without an assignment.

        Raises:
            StoreError: a tensor that was there cannot be read any more; ask again later.
        """
        if stamp == self._stamp:
            return self._view
        steps = self._log.tensor_steps(KIND)
        files = frozenset(name for name, size in stamp if size)
        if files != self._files or not np.array_equal(steps[: len(self._steps)], self._steps):
            # Another attempt may have made anew what is there.
            self._entropies.clear()
            self._view = None
        elif self._view is not None and len(steps) == len(self._steps):
            self._stamp = stamp
            return self._view
        self._view = self._look(steps)
        # Only now: what could not be read is looked at again.
        self._files, self._steps, self._stamp = files, steps, stamp
        return self._view

    def _look(self, steps: NDArray[np.int64]) -> AssignmentView | None:
        if not len(steps):
            return None
        newest = self._log.tensor(KIND)
        axes = self._log.tensor_axes(KIND)
        if newest.ndim != 3 or 0 in newest.shape or len(axes) != 3:
            return None
        newest = newest.astype(np.float32)
        newest.flags.writeable = False
        places = thinned(len(steps))
        self._entropies = {
            place: self._entropies[place] if place in self._entropies else self._entropy(place)
            for place in places
        }
        units, tasks, modules = (tuple(safe_text(name) for name in axis) for axis in axes)
        self._version += 1
        return AssignmentView(
            units=units,
            tasks=tasks,
            modules=modules,
            probabilities=newest,
            likeliest=likeliest(newest),
            step=int(steps[-1]),
            entropy_steps=steps[places],
            entropy=np.array(list(self._entropies.values())),
            version=self._version,
        )

    def _entropy(self, place: int) -> float:
        try:
            return mean_entropy(self._log.tensor(KIND, place))
        except StoreError:
            # One damaged tensor in the past is a gap in a curve, not the end of the panel.
            return float("nan")


def sizes(folder: RunFolder, names: list[str], kind: str) -> tuple[tuple[str, int], ...]:
    """Return name and bytes of each of a run's files of a kind, such as ``tensors``."""
    found = []
    for name in sorted(name for name in names if name.startswith(f"{kind}.")):
        try:
            found.append((name, os.stat(folder.path / name).st_size))
        except OSError:
            # Gone since the folder was listed; the next look lists it anew.
            continue
    return tuple(found)


def thinned(count: int) -> list[int]:
    """Return which of ``count`` tensors to read: evenly spaced, and the newest.

    The distance is a power of two, so when it grows all that stay were read before.
    """
    stride = 1
    while count > MOST_ENTROPIES * stride:
        stride *= 2
    places = list(range(0, count, stride))
    if places and places[-1] != count - 1:
        places.append(count - 1)
    return places
