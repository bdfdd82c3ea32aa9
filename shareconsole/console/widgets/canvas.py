"""A field of dots: braille, 2 x 4 dots to a cell, or one ASCII character to a cell.

Layers are painted from back to front. A cell belongs to the last layer that has a dot in it, which
leaves a halo around a line and keeps every cell to one colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from shareconsole.console.widgets.panel import Row

# Bit of the dot at [row][column] in Unicode's braille block.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_SPACE = 0x20


@dataclass(frozen=True)
class Ink:
    """What a layer is painted with; ``glyph`` is its character where there is no braille."""

    style: Style
    glyph: str


class Canvas:
    """``width`` x ``height`` cells of dots; positions run from 0 (bottom, left) to 1."""

    def __init__(self, width: int, height: int, *, ascii_only: bool = False) -> None:
        """Starts blank; both sizes are at least 1."""
        self.width, self.height = width, height
        self.dots_x, self.dots_y = (1, 1) if ascii_only else (2, 4)
        self.columns = width * self.dots_x
        self._lines = height * self.dots_y
        self._codes = np.full((height, width), _SPACE, np.uint32)
        self._inks = np.zeros((height, width), np.uint16)
        self._palette: list[Ink] = []

    def line_of(self, positions: NDArray[np.float64]) -> NDArray[np.int64]:
        """The line of dots, 0 at the top, for positions that are finite."""
        lines = np.rint((1.0 - np.clip(positions, -9.0, 9.0)) * (self._lines - 1))
        return lines.astype(np.int64)

    def row_of(self, position: float) -> int:
        """The row of cells that shows a position in [0, 1]."""
        return round((1.0 - position) * (self._lines - 1)) // self.dots_y

    def paint(
        self, lo: NDArray[np.float64], hi: NDArray[np.float64], ink: Ink, *, stipple: bool = False
    ) -> None:
        """Paint from ``lo`` to ``hi`` in every column of dots, [columns] each; NaN leaves it out.

        Args:
            lo: where each column starts; what lies outside [0, 1] is cut off.
            hi: where each column ends, at or above ``lo``.
            ink: what to paint with.
            stipple: paint every other dot, for areas that lie behind.
        """
        used = np.isfinite(lo) & np.isfinite(hi)
        if not used.any():
            return
        top = np.where(used, self.line_of(np.where(used, hi, 0.0)), 1)
        bottom = np.where(used, self.line_of(np.where(used, lo, 0.0)), 0)
        line = np.arange(self._lines)[:, None]
        dots = (line >= top) & (line <= bottom)
        if stipple and self.dots_x > 1:
            dots &= (line + np.arange(self.columns)) % 2 == 0
        self._lay(dots, self._number(ink))

    def mark(self, column: int, position: float, glyph: str, ink: Ink) -> None:
        """Put a character at a column of dots; a position outside [0, 1] goes to the edge."""
        if not (0 <= column < self.columns and np.isfinite(position)):
            return
        row = self.row_of(min(max(position, 0.0), 1.0))
        self._codes[row, column // self.dots_x] = ord(glyph)
        self._inks[row, column // self.dots_x] = self._number(ink)

    def write(self, column: int, row: int, text: str, ink: Ink) -> bool:
        """Write text from a column of dots on, if its cells are blank; returns whether it did.

        Args:
            column: where it begins.
            row: of cells, 0 at the top.
            text: every character takes one cell.
            ink: only its style is used.
        """
        first = column // self.dots_x
        last = first + len(text)
        if not 0 <= first < last <= self.width or (self._codes[row, first:last] != _SPACE).any():
            return False
        self._codes[row, first:last] = [ord(character) for character in text]
        self._inks[row, first:last] = self._number(ink)
        return True

    def _number(self, ink: Ink) -> int:
        if ink not in self._palette:
            self._palette.append(ink)
        return self._palette.index(ink) + 1

    def _lay(self, dots: NDArray[np.bool_], number: int) -> None:
        if self.dots_x == 1:
            self._codes[dots] = ord(self._palette[number - 1].glyph)
            self._inks[dots] = number
            return
        bits = np.zeros((self.height, self.width), np.uint8)
        for y, pair in enumerate(_BITS):
            for x, bit in enumerate(pair):
                bits |= dots[y :: self.dots_y, x :: self.dots_x] * np.uint8(bit)
        touched = bits != 0
        self._codes[touched] = _BRAILLE + bits[touched].astype(np.uint32)
        self._inks[touched] = number

    def changed_rows(self, before: Canvas | None) -> Sequence[int]:
        """The rows that look different from those of another canvas."""
        if (
            before is None
            or before._palette != self._palette
            or before._codes.shape != self._codes.shape
        ):
            return range(self.height)
        different = (self._codes != before._codes) | (self._inks != before._inks)
        return np.flatnonzero(different.any(axis=1)).tolist()

    def row(self, y: int) -> Row:
        """A row of cells as segments, as few as its colours allow."""
        text = self._codes[y].astype("<u4").tobytes().decode("utf-32-le")
        inks = self._inks[y]
        drawn = np.flatnonzero(inks)
        if not len(drawn):
            return (Segment(text, Style()),)
        # Blank cells take the colour left of them: it does not show, and it saves a segment.
        turns = drawn[np.flatnonzero(np.diff(inks[drawn], prepend=-1))]
        starts = [0, *turns[1:].tolist()]
        ends = [*starts[1:], self.width]
        return tuple(
            Segment(text[start:end], self._palette[inks[turn] - 1].style)
            for start, end, turn in zip(starts, ends, turns, strict=True)
        )
