"""Numbers as people read them. Fractions come in, per cent goes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shareconsole.spec.checks import StageParameters

NONE = "-"
_TASKS_SHOWN = 8


def percent(fraction: float | None, digits: int = 1) -> str:
    """Return a fraction in [0, 1] as per cent without the sign, ``-`` for None, ``nan`` for NaN."""
    if fraction is None:
        return NONE
    if math.isnan(fraction):
        return "nan"
    return f"{100 * fraction:.{digits}f}"


def number(value: float | None, digits: int = 3) -> str:
    """Return a value with about ``digits`` significant digits, ``-`` for None."""
    if value is None:
        return NONE
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
        return f"{value:.{max(0, digits - whole)}f}"
    return f"{value:.{digits - 1}e}"


def hundredths(value: float | None) -> str:
    """Return a value with two decimals, so that a column of them lines up; ``-`` for None."""
    return NONE if value is None else f"{value:.2f}"


def count(value: int | None) -> str:
    """Return a whole number with thousands separated: ``12,000``."""
    return NONE if value is None else f"{value:,}"


def short_count(value: int | None) -> str:
    """Return a whole number in at most five characters: ``1000``, ``99999``, ``200k``, ``1.2M``."""
    if value is None:
        return NONE
    if value < 100_000:
        return str(value)
    for limit, suffix in ((1_000_000, "k"), (1_000_000_000, "M"), (math.inf, "G")):
        if value < limit:
            scaled = value / {"k": 1e3, "M": 1e6, "G": 1e9}[suffix]
            return f"{scaled:.1f}{suffix}" if scaled < 10 else f"{scaled:.0f}{suffix}"
    raise AssertionError("the last limit is infinite")


def duration(seconds: float | None) -> str:
    """Return a length of time: ``0.4s``, ``34s``, ``2m46s``, ``1h05m``, ``3d04h``."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def age(when: str | None, now: datetime | None = None) -> str:
    """Return how long ago an ISO 8601 time was: ``5s``, ``12m``, ``3h``, ``9d``.

    Args:
        when: the time; without a zone it is UTC. Anything that is not a time gives ``-``.
        now: the present, for tests.
    """
    try:
        then = datetime.fromisoformat(when or "")
    except ValueError:
        return NONE
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for size, suffix, limit in ((1, "s", 60), (60, "m", 3600), (3600, "h", 86400)):
        if seconds < limit:
            return f"{seconds // size}{suffix}"
    return f"{seconds // 86400}d"


def speed(steps_per_second: float | None) -> str:
    """Return a speed: ``17.2 steps/s``, or ``3.1 s/step`` for steps longer than a second."""
    if steps_per_second is None or not math.isfinite(steps_per_second) or steps_per_second <= 0:
        return NONE
    if steps_per_second < 1:
        return f"{1 / steps_per_second:.1f} s/step"
    digits = 1 if steps_per_second < 100 else 0
    return f"{steps_per_second:.{digits}f} steps/s"


def size(num_bytes: int | float) -> str:
    """Return a number of bytes in binary units: ``512 B``, ``1.4 GiB``."""
    value = float(num_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def needed_memory(num_bytes: int, at_once: int, tasks: int) -> str:
    """Return what a run takes: ``about 1.4 GiB``, then ``, 2 of 8 tasks at a time`` if not all."""
    chunk = f", {at_once} of {tasks} tasks at a time" if at_once < tasks else ""
    return f"about {size(num_bytes)}{chunk}"


def needed_parameters(stored: int, stages: Sequence[StageParameters]) -> str:
    """Return what a run stores, and what its stages use: ``900 stored; tree uses at most 500``.

    Stages that may use all go without saying.
    """
    fewer = [
        f"{stage.name} uses at most {count(stage.parameters)}"
        for stage in stages
        if stage.parameters < stored
    ]
    return "; ".join([f"{count(stored)} stored", *fewer]) if fewer else count(stored)


def steps_progress(step: int | None, steps: int | None) -> str:
    """Return ``412 of 1,000 steps``, as much of it as is known."""
    if steps is None:
        return "" if step is None else f"step {count(step)}"
    return f"{count(step)} of {count(steps)} steps"


def shared_words(shared: dict[str, int]) -> str:
    """Return with which tasks how many parameters are shared, most first; a few of many."""
    if not shared:
        return "nobody"
    pairs = sorted(shared.items(), key=lambda pair: -pair[1])
    words = ", ".join(f"{name} {count(size)}" for name, size in pairs[:_TASKS_SHOWN])
    rest = len(pairs) - _TASKS_SHOWN
    return f"{words}, {rest} more" if rest > 0 else words
