"""Axes: where a value lies between two ends, and which ticks to write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shareconsole.console.viewmodel.numerals import format_label

# numpy costs 0.1 s, and lists of runs need the wording in here before anything is drawn.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_STEPPED = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_COARSE = (1.0, 2.0, 5.0, 10.0)
_FINE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
# Values within this factor get ends of _FINE sizes, or they would fill a corner of the axis.
_CLOSE = 3.0


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its value, its place in [0, 1] along the axis, and its label."""

    value: float
    position: float
    label: str


@dataclass(frozen=True)
class LinearScale:
    """Maps [lo, hi] evenly to [0, 1]; lo < hi, both finite. ``fit_scale`` makes good ends."""

    lo: float
    hi: float

    def positions(self, values: ArrayLike) -> NDArray[np.float64]:
        """Each value's place, any shape; outside [0, 1] beyond the ends, NaN where not finite."""
        import numpy as np

        found = np.asarray(values, np.float64)
        # Halved, so that ends as far apart as numbers go do not overflow.
        with np.errstate(all="ignore"):
            places = (found / 2 - self.lo / 2) / (self.hi / 2 - self.lo / 2)
        return np.where(np.isfinite(found), places, np.nan)

    def position(self, value: float) -> float:
        """One value's place; NaN where it is not finite."""
        if not math.isfinite(value):
            return math.nan
        return (value / 2 - self.lo / 2) / (self.hi / 2 - self.lo / 2)

    def ticks(self, n: int) -> tuple[Tick, ...]:
        """At most ``n`` ticks (two at the least) with labels that differ where six cells can."""
        values = nice_ticks(self.lo, self.hi, n)
        return _with_labels(self, values)


@dataclass(frozen=True)
class LogScale:
    """Maps [lo, hi] to [0, 1] evenly in the logarithm; 0 < lo < hi, both finite."""

    lo: float
    hi: float

    def positions(self, values: ArrayLike) -> NDArray[np.float64]:
        """Each value's place, any shape; NaN where it is not finite or not above zero."""
        import numpy as np

        found = np.asarray(values, np.float64)
        usable = np.isfinite(found) & (found > 0)
        logs = np.log10(found, out=np.full(found.shape, np.nan), where=usable)
        low, span = self._extent()
        places: NDArray[np.float64] = (logs - low) / span
        return places

    def position(self, value: float) -> float:
        """One value's place; NaN where it is not finite or not above zero."""
        if not (math.isfinite(value) and value > 0):
            return math.nan
        low, span = self._extent()
        return (math.log10(value) - low) / span

    def _extent(self) -> tuple[float, float]:
        """Logarithm of the lower end, and how much the upper one's is above it."""
        low = math.log10(self.lo)
        # Ends that differ may still have the same logarithm.
        return low, math.log10(self.hi) - low or math.inf

    def ticks(self, n: int) -> tuple[Tick, ...]:
        """At most ``n`` ticks (two at the least): 1-2-5 per decade, or every so many decades."""
        values = _log_ticks(self.lo, self.hi, max(2, n))
        return _with_labels(self, values)


Scale = LinearScale | LogScale


def fit_scale(lo: float, hi: float, *, log: bool = False) -> Scale:
    """Return a scale that holds ``lo`` to ``hi`` with calm ends: small changes leave them be.

    Takes anything: ends that are not finite, swapped, equal, or (for ``log``) not above zero give
    the nearest scale that makes sense. With ``log`` the caller passes the smallest value above
    zero as ``lo``; what is not above zero has no place on it.
    """
    known = sorted(end for end in (lo, hi) if math.isfinite(end) and (end > 0 or not log))
    if not known:
        return LogScale(0.1, 1.0) if log else LinearScale(0.0, 1.0)
    lo, hi = known[0], known[-1]
    if log:
        sizes = _FINE if hi / _CLOSE <= lo else _COARSE
        low, high = _floor_to(lo, sizes), _ceil_to(hi, sizes)
        if low < high:
            return LogScale(low, high)
        # The least number there is cannot be halved, nor the largest doubled.
        return LogScale(low / 2 or low, high * 2 if math.isfinite(high * 2) else high)
    if lo == hi:
        reach = abs(lo) / 2 if lo and math.isfinite(lo * 2) else 0.5
        lo, hi = (lo - reach, hi + reach) if lo else (0.0, 1.0)
    if hi / 2 - lo / 2 <= math.ulp(max(abs(lo), abs(hi))) * 4:
        return LinearScale(lo - math.ulp(lo) * 16, hi + math.ulp(hi) * 16)
    unit = _unit(hi / 2 - lo / 2, 2.5)
    low, high = math.floor(lo / unit) * unit, math.ceil(hi / unit) * unit
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return LinearScale(lo, hi)
    return LinearScale(low, high)


def stepped_max(x: float) -> float:
    """Return the upper end for an axis that begins at 0 and holds ``x``; at least 10.

    It stays for a while as ``x`` grows, so that new points fill columns instead of moving all.
    """
    if not math.isfinite(x) or x <= 10:
        return 10.0
    decade = 10.0 ** math.floor(math.log10(x))
    for size in _STEPPED:
        if x <= size * decade * (1 + 1e-12):
            return size * decade
    return 10.0 * decade


def axis_end(last_step: int, aim: int) -> float:
    """Return where a step axis ends: beyond the last step in jumps, but not beyond the aim."""
    end = stepped_max(float(last_step))
    return float(aim) if last_step <= aim < end else end


def nice_ticks(lo: float, hi: float, n: int) -> tuple[float, ...]:
    """Return at most ``max(2, n)`` multiples of 1, 2 or 5 times a power of ten in [lo, hi].

    Where fewer than two lie in there, the two ends; nothing if the ends are no finite interval.
    """
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        return ()
    unit = _unit(hi / 2 - lo / 2, (max(2, n) - 1) / 2)
    if not 0 < unit < math.inf:
        return (lo, hi)
    first, last = math.ceil(lo / unit - 1e-9), math.floor(hi / unit + 1e-9)
    # As many decimals as the unit has: 3 times 0.1 is 0.3.
    decimals = max(0, -math.floor(math.log10(unit)))
    found = tuple(round(place * unit, decimals) for place in range(first, min(last, first + n) + 1))
    return found if 2 <= len(set(found)) <= max(2, n) else (lo, hi)


def _unit(span: float, parts: float) -> float:
    """The least of 1, 2, 5 times a power of ten that goes at most ``parts`` times into ``span``."""
    raw = span / parts
    if not 0 < raw < math.inf:
        return math.nan
    decade = 10.0 ** math.floor(math.log10(raw))
    return next((m * decade for m in (1, 2, 5) if m * decade >= raw * (1 - 1e-9)), 10 * decade)


def _log_ticks(lo: float, hi: float, n: int) -> tuple[float, ...]:
    first = math.ceil(math.log10(lo) - 1e-9)
    last = math.floor(math.log10(hi) + 1e-9)
    powers = [10.0**power for power in range(first, last + 1)]
    between = [
        size * 10.0**power
        for power in range(first - 1, last + 1)
        for size in (1, 2, 5)
        if lo * (1 - 1e-9) <= size * 10.0**power <= hi * (1 + 1e-9)
    ]
    if 2 <= len(between) <= n:
        return tuple(between)
    if len(powers) < 2:
        return nice_ticks(lo, hi, n)
    every = -(-len(powers) // n)
    found = powers[::every]
    return tuple(found) if len(found) > 1 else (powers[0], powers[-1])


def _floor_to(x: float, sizes: tuple[float, ...]) -> float:
    """The largest of ``sizes`` times a power of ten that is not above ``x``."""
    decade = 10.0 ** math.floor(math.log10(x))
    fitting = [m * decade for m in (0.5, *sizes) if 0 < m * decade <= x * (1 + 1e-12)]
    return fitting[-1] if fitting else x


def _ceil_to(x: float, sizes: tuple[float, ...]) -> float:
    """The least of ``sizes`` times a power of ten that is not below ``x``."""
    decade = 10.0 ** math.floor(math.log10(x))
    fitting = (m * decade for m in sizes if m * decade >= x * (1 - 1e-12))
    end = next(fitting, x)
    return end if math.isfinite(end) else x


def _with_labels(scale: Scale, values: tuple[float, ...]) -> tuple[Tick, ...]:
    """Ticks with the shortest labels that tell all values apart, where six cells can."""
    labels: list[str] = []
    for digits in (3, 4, 5):
        labels = [format_label(value, digits) for value in values]
        if len(set(labels)) == len(values):
            break
    return tuple(
        Tick(value, scale.position(value), label)
        for value, label in zip(values, labels, strict=True)
    )
