"""The population's fitness: of every step the best, the middle and the worst member."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.curves import Floats
from shareconsole.console.viewmodel.growing import Growing
from shareconsole.console.viewmodel.scale import axis_end
from shareconsole.console.viewmodel.stages import StageMark, by_stage
from shareconsole.store.growing import Rows

_MOST_COMPARED = 32


@dataclass(frozen=True, eq=False)
class Band:
    """Least, median and largest fitness (a loss: lower is better) over N steps.

    A stage that has no population has no steps in here.

    Attributes:
        steps: [N] int64, ascending.
        lo, median, hi: [N] float32 or float64 over the members that are not NaN; NaN without any.
        last_members: the last step's fitness, member by member, as logged; empty if N is 0, and
            once a stage has begun that has no population.
        num_members: how many members a step has.
        x_max: upper end of the step axis, for all steps of the run; it grows in jumps.
        version: another number whenever anything in here changed.
        stages: those of the run that follow another one, begun or not.
    """

    steps: NDArray[np.int64]
    lo: Floats
    median: Floats
    hi: Floats
    last_members: tuple[float, ...]
    num_members: int
    x_max: float
    version: int
    stages: tuple[StageMark, ...] = ()


class BandBuilder:
    """Makes a band of the columns of a table whose name begins with a prefix."""

    def __init__(self, prefix: str = "fitness.") -> None:
        """For columns such as ``fitness.0``."""
        self._prefix = prefix
        self._columns: tuple[str, ...] = ()
        self._steps = Growing(np.int64)
        self._lines: tuple[Growing, ...] = ()
        self._last: tuple[float, ...] = ()
        self._last_step = 0
        self._searches = True
        self._band: Band | None = None
        self._version = 0

    def update(
        self,
        steps: NDArray[np.int64],
        fresh: Rows,
        anew: bool,
        aim: int,
        stages: tuple[StageMark, ...] = (),
    ) -> Band | None:
        """Return the band; the same object if nothing changed, None without such columns.

        The arguments are those of ``CurveBuilder.update``.
        """
        if anew:
            self._begin(fresh)
        if not self._columns:
            self._band = None
            return None
        end = axis_end(int(steps[-1]) if len(steps) else 0, aim)
        before, known = self._band, len(self._steps)
        for line in (self._steps, *self._lines):
            line.reserve(len(fresh))
        for part, stage in by_stage(fresh, self._last_step, stages):
            self._append(part, stage)
        last = self._last if self._searches else ()
        same = len(self._steps) == known and before is not None and before.last_members == last
        if before and not anew and same and before.x_max == end:
            return before
        self._version += 1
        kept, members = self._steps.view(), len(self._columns)
        lo, median, hi = (line.view() for line in self._lines)
        self._band = Band(kept, lo, median, hi, last, members, end, self._version, stages)
        return self._band

    def _begin(self, rows: Rows) -> None:
        names = rows.dtype.names or ()
        self._columns = tuple(name for name in names if name.startswith(self._prefix))
        kind = np.result_type("f4", *(rows.dtype[name] for name in self._columns))
        self._steps = Growing(np.int64)
        self._lines = (Growing(kind), Growing(kind), Growing(kind))
        self._last = ()
        self._last_step, self._searches = 0, True

    def _append(self, rows: Rows, begins: StageMark | None) -> None:
        self._last_step = int(rows["step"][-1])
        if begins is not None:
            # A population that is evaluated has a number somewhere, or the run says it diverged.
            self._searches = not all(np.isnan(rows[name][0]) for name in self._columns)
        if not self._searches:
            return
        self._steps.append(rows["step"])
        members = [np.ascontiguousarray(rows[name]) for name in self._columns]
        self._last = tuple(float(values[-1]) for values in members)
        for line, values in zip(self._lines, _extent(members), strict=True):
            line.append(values)


def _extent(members: list[Floats]) -> tuple[Floats, Floats, Floats]:
    """Least, middle and largest at each step, of what is not NaN; NaN where all is."""
    ordered = _ordered(members)
    most = len(ordered) - 1
    # NaN sorts last, so the least, if it is a number, is in front in any case.
    lo = ordered[0]
    if not np.isnan(ordered[most]).any():
        return lo, _between(ordered[most // 2], ordered[(most + 1) // 2]), ordered[most]
    all_MN = np.stack(ordered)
    known = len(ordered) - np.isnan(all_MN).sum(axis=0)
    steps = np.arange(len(lo))
    below = all_MN[np.maximum(known - 1, 0) // 2, steps]
    above = all_MN[np.minimum(known // 2, most), steps]
    return lo, _between(below, above), all_MN[np.maximum(known - 1, 0), steps]


def _ordered(members: list[Floats]) -> list[Floats]:
    """The members' values at each step from the least to the largest, NaN last."""
    if len(members) > _MOST_COMPARED:
        return list(np.sort(np.stack(members, axis=1), axis=1).T)
    ordered: list[Floats] = list(members)
    for i, j in _comparisons(len(members)):
        low, high = ordered[i], ordered[j]
        # One takes the number where the other is NaN, the other hands NaN on.
        ordered[i], ordered[j] = np.fmin(low, high), np.maximum(low, high)
    return ordered


@cache
def _comparisons(count: int) -> tuple[tuple[int, int], ...]:
    """Which of ``count`` values to compare and swap, in turn, so that they end up in order.

    Batcher's merge exchange (Knuth, The Art of Computer Programming, vol. 3, 5.2.2, algorithm M):
    whole columns are compared at once, 5 times faster than sorting each step's few values.
    """
    found = []
    top = 1 << max(0, (count - 1).bit_length() - 1)
    p = top if count > 1 else 0
    while p:
        q, r, distance = top, 0, p
        while distance:
            found += [(i, i + distance) for i in range(count - distance) if i & p == r]
            distance, q, r = q - p, q // 2, p
        p //= 2
    return tuple(found)


def _between(one: Floats, other: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        middle: Floats = one / 2 + other / 2
    # Half of the least numbers is zero; and half an infinity each, of different signs, is nothing.
    return np.where(one == other, one, middle)
