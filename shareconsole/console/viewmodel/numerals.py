"""Numbers written short, for axes and legends."""

from __future__ import annotations

import math

VALUE_CELLS = 6
"""No formatted value or step is wider than this many terminal cells."""
_SUFFIXES = ("", "k", "M", "G", "T", "P", "E")


def format_value(value: float | None, digits: int = 3) -> str:
    """Return a value in at most six cells: ``0.041``, ``1.2k``, ``3e-07``; ``-`` for None.

    At most ``digits`` significant digits, fewer where six cells do not hold them.
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    for count in range(digits, 0, -1):
        text = _written(value, count)
        if len(text) <= VALUE_CELLS:
            return text
    # A negative number with an exponent of three figures: its mantissa is all that fits less.
    return f"-1e{int(f'{value:.0e}'.partition('e')[2])}"[:VALUE_CELLS]


def _written(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -4 <= power < 3:
        text = f"{float(f'{mantissa}e{power}'):.{max(0, digits - 1 - power)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    suffix = power // 3
    if 0 < suffix < len(_SUFFIXES):
        return f"{float(mantissa) * 10 ** (power - 3 * suffix):.{digits}g}{_SUFFIXES[suffix]}"
    short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{short}e{power}"


def format_step(step: float | None) -> str:
    """Return a step in at most six cells: ``950``, ``1k``, ``1.25k``, ``12.3k``, ``1.5M``."""
    return format_value(None if step is None else float(step))
