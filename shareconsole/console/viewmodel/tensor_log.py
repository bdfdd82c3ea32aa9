"""Follows one kind of tensor of a run. Of thousands of them only a few hundred are read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder
    from shareconsole.store.reader import RunLog

MOST_POINTS = 256
"""What a tensor amounts to over time has at most so many points, and the newest."""

Names = tuple[str, ...]
View = TypeVar("View")


@dataclass(frozen=True, eq=False)
class Found:
    """The newest tensor of a kind, and what all of them amount to.

    Attributes:
        values: float32, read-only.
        axes: safe names along each of its axes.
        step: when it was recorded.
        steps: [N] int64, ascending; thinned out over long runs, the newest always there.
        measures: [N] float64, NaN where a tensor cannot be read.
        version: another number whenever anything in here changed.
    """

    values: NDArray[np.float32]
    axes: tuple[Names, ...]
    step: int
    steps: NDArray[np.int64]
    measures: NDArray[np.float64]
    version: int


class TensorLog(Generic[View]):
    """Makes views of the newest tensor of one kind. Subclasses say what a view of it is."""

    kind: str
    """The kind of tensor."""
    num_axes: int
    """How many axes such a tensor has."""

    def __init__(self, log: RunLog) -> None:
        """Touches no disk."""
        self._log = log
        self._files: frozenset[str] = frozenset()
        self._stamp: tuple[tuple[str, int], ...] | None = None
        self._steps: NDArray[np.int64] = np.empty(0, np.int64)
        self._measures: dict[int, float] = {}
        self._view: View | None = None
        self._version = 0
        self.declared = False
        """Whether the run logs such tensors, if only later; known after ``update``."""

    def measure(self, values: NDArray[Any]) -> float:
        """Return the one number that is drawn over time; NaN where there is none."""
        raise NotImplementedError

    def look(self, found: Found) -> View | None:
        """Return the view of a tensor of so many axes; None if it cannot be shown."""
        raise NotImplementedError

    def update(self, stamp: tuple[tuple[str, int], ...]) -> View | None:
        """Return the view; the same object if nothing changed, None without a tensor.

        Args:
            stamp: what tells whether there may be new tensors, from ``sizes``; taken before the
                log is read.

        Raises:
            StoreError: a tensor that was there cannot be read any more; ask again later.
        """
        if stamp == self._stamp:
            return self._view
        steps = self._log.tensor_steps(self.kind)
        self.declared = bool(self._log.tensor_axes(self.kind))
        files = frozenset(name for name, size in stamp if size)
        if files != self._files or not np.array_equal(steps[: len(self._steps)], self._steps):
            # Another attempt may have made anew what is there.
            self._measures.clear()
            self._view = None
        elif self._view is not None and len(steps) == len(self._steps):
            self._stamp = stamp
            return self._view
        self._view = self._newest(steps)
        # Only now: what could not be read is looked at again.
        self._files, self._steps, self._stamp = files, steps, stamp
        return self._view

    def _newest(self, steps: NDArray[np.int64]) -> View | None:
        if not len(steps):
            return None
        newest = self._log.tensor(self.kind)
        axes = self._log.tensor_axes(self.kind)
        if 0 in newest.shape or not newest.ndim == len(axes) == self.num_axes:
            return None
        newest = newest.astype(np.float32)
        newest.flags.writeable = False
        places = thinned(len(steps))
        self._measures = {
            place: self._measures[place] if place in self._measures else self._past(place)
            for place in places
        }
        self._version += 1
        return self.look(
            Found(
                values=newest,
                axes=tuple(tuple(safe_text(name) for name in axis) for axis in axes),
                step=int(steps[-1]),
                steps=steps[places],
                measures=np.array(list(self._measures.values())),
                version=self._version,
            )
        )

    def _past(self, place: int) -> float:
        try:
            values = self._log.tensor(self.kind, place)
        except StoreError:
            # One damaged tensor in the past is a gap in a curve, not the end of the panel.
            return float("nan")
        return self.measure(values) if values.ndim == self.num_axes else float("nan")


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
    while count > MOST_POINTS * stride:
        stride *= 2
    places = list(range(0, count, stride))
    if places and places[-1] != count - 1:
        places.append(count - 1)
    return places
