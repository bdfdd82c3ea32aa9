"""The population's fitness: of every step the best, the middle and the worst member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.curves import Floats
from shareconsole.console.viewmodel.growing import Growing
from shareconsole.console.viewmodel.scale import axis_end
from shareconsole.store.growing import Rows

_CHUNK = 65536


@dataclass(frozen=True, eq=False)
class Band:
    """Least, median and largest fitness (a loss: lower is better) over N steps.

    Attributes:
        steps: [N] int64, ascending.
        lo, median, hi: [N] float32 or float64 over the members that are not NaN; NaN without any.
        last_members: the last step's fitness, member by member, as logged; empty if N is 0.
        num_members: how many members a step has.
        x_max: upper end of the step axis; it grows in jumps.
        version: another number whenever anything in here changed.
    """

    steps: NDArray[np.int64]
    lo: Floats
    median: Floats
    hi: Floats
    last_members: tuple[float, ...]
    num_members: int
    x_max: float
    version: int


class BandBuilder:
    """Makes a band of the columns of a table whose name begins with a prefix."""

    def __init__(self, prefix: str = "fitness.") -> None:
        """For columns such as ``fitness.0``."""
        self._prefix = prefix
        self._columns: tuple[str, ...] = ()
        self._lines: tuple[Growing, ...] = ()
        self._last: tuple[float, ...] = ()
        self._band: Band | None = None
        self._version = 0

    def update(self, steps: NDArray[np.int64], fresh: Rows, anew: bool, aim: int) -> Band | None:
        """Return the band; the same object if nothing changed, None without such columns.

        The arguments are those of ``CurveBuilder.update``.
        """
        if anew:
            self._begin(fresh)
        if not self._columns:
            self._band = None
            return None
        end = axis_end(int(steps[-1]) if len(steps) else 0, aim)
        before = self._band
        if before and not anew and not len(fresh) and before.x_max == end:
            return before
        for first in range(0, len(fresh), _CHUNK):
            self._append(fresh[first : first + _CHUNK])
        self._version += 1
        lo, median, hi = (line.view() for line in self._lines)
        self._band = Band(steps, lo, median, hi, self._last, len(self._columns), end, self._version)
        return self._band

    def _begin(self, rows: Rows) -> None:
        names = rows.dtype.names or ()
        self._columns = tuple(name for name in names if name.startswith(self._prefix))
        kind = np.result_type("f4", *(rows.dtype[name] for name in self._columns))
        self._lines = (Growing(kind), Growing(kind), Growing(kind))
        self._last = ()

    def _append(self, rows: Rows) -> None:
        members_NM = np.stack([rows[name] for name in self._columns], axis=1)
        self._last = tuple(members_NM[-1].tolist())
        for line, values in zip(self._lines, _extent(members_NM), strict=True):
            line.append(values)


def _extent(members_NM: Floats) -> tuple[Floats, Floats, Floats]:
    """Least, middle and largest of each row, of what is not NaN; NaN where all is."""
    ordered = np.sort(members_NM, axis=1)
    num_members = ordered.shape[1]
    # NaN sorts last, so the least, if it is a number, is in front in any case.
    lo = ordered[:, 0]
    if not np.isnan(ordered[:, -1]).any():
        middle = ordered[:, (num_members - 1) // 2], ordered[:, num_members // 2]
        return lo, _between(*middle), ordered[:, -1]
    known = num_members - np.isnan(ordered).sum(axis=1)
    rows = np.arange(len(ordered))
    below = ordered[rows, np.maximum(known - 1, 0) // 2]
    above = ordered[rows, np.minimum(known // 2, num_members - 1)]
    return lo, _between(below, above), ordered[rows, np.maximum(known - 1, 0)]


def _between(one: Floats, other: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        middle: Floats = one / 2 + other / 2
    # Half of the least numbers is zero; and half an infinity each, of different signs, is nothing.
    return np.where(one == other, one, middle)
