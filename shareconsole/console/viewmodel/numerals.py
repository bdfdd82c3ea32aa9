"""Numbers written short, for axes and legends."""

from __future__ import annotations

import math
from collections.abc import Iterator

VALUE_CELLS = 6
"""No formatted value, label or step is wider than this many terminal cells, if not told else."""
_SUFFIXES = ("", "k", "M", "G", "T", "P", "E")


def format_value(value: float | None, digits: int = 3, *, cells: int = VALUE_CELLS) -> str:
    """Return a measured value: ``0.0410``, ``1.20k``, ``2.1e-4``; ``-`` for None.

    It has ``digits`` significant digits, zeros at the end included, so that values below one
    another tell equally much; fewer where the cells do not hold them.
    """
    return _formatted(value, digits, cells, zeros=True)


def format_label(value: float | None, digits: int = 3) -> str:
    """Return a round number in as few cells as it takes, at most six: ``0.05``, ``1k``, ``2e-7``.

    At most ``digits`` significant digits, fewer where six cells do not hold them.
    """
    return _formatted(value, digits, VALUE_CELLS, zeros=False)


def format_step(step: float | None) -> str:
    """Return a step in at most six cells: ``950``, ``1k``, ``1.25k``, ``12.3k``, ``1.5M``."""
    return format_label(None if step is None else float(step))


def _formatted(value: float | None, digits: int, cells: int, *, zeros: bool) -> str:
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    for count in range(digits, 0, -1):
        for text in _forms(value, count, zeros=zeros):
            if len(text) <= cells:
                return text
    # A negative number with an exponent of three figures: its mantissa is all that fits less.
    return f"-1e{int(f'{value:.0e}'.partition('e')[2])}"[:cells]


def _forms(value: float, digits: int, *, zeros: bool) -> Iterator[str]:
    """The ways to write so many digits, the one that is easiest to read first."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    suffix = power // 3
    if -4 <= power < 3:
        yield _decimal(float(f"{mantissa}e{power}"), digits - 1 - power, zeros=zeros)
    elif 0 < suffix < len(_SUFFIXES):
        left = power - 3 * suffix
        short = _decimal(float(mantissa) * 10**left, digits - 1 - left, zeros=zeros)
        yield f"{short}{_SUFFIXES[suffix]}"
    yield f"{mantissa if zeros else _stripped(mantissa)}e{power}"


def _decimal(value: float, decimals: int, *, zeros: bool) -> str:
    text = f"{value:.{max(0, decimals)}f}"
    return text if zeros else _stripped(text)


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
