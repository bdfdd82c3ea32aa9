"""Numbers that keep arriving: which of a table's rows are new, and columns that grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shareconsole.store.growing import Rows

_COMPARED_BYTES = 4 * 1024 * 1024
_PIECE = 8192


class Growing:
    """A contiguous column of numbers. What ``view`` handed out stays as it is when more arrive."""

    def __init__(self, dtype: DTypeLike) -> None:
        """Empty."""
        self._values: NDArray[np.generic] = np.empty(0, dtype)
        self._count = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def reserve(self, more: int) -> None:
        """Make room for ``more`` values; what comes in pieces is then not copied as it grows."""
        count = self._count + more
        if count > len(self._values):
            grown = np.empty(max(64, count, self._count + self._count // 2), self._values.dtype)
            grown[: self._count] = self._values[: self._count]
            self._values = grown

    def append(self, values: NDArray[np.generic]) -> None:
        """Add values, cast to the column's dtype; too large for it becomes an infinity."""
        self.reserve(len(values))
        count = self._count + len(values)
        with np.errstate(over="ignore", invalid="ignore"):
            self._values[self._count : count] = values
        self._count = count

    def view(self) -> NDArray[Any]:
        """All of them so far, read-only."""
        view = self._values[: self._count]
        view.flags.writeable = False
        return view


def pieces(rows: Rows) -> Iterator[Rows]:
    """Yield the rows bit by bit: what is worked out of each then stays in the processor's cache.

    A million rows at once are several times slower, most of it for memory that nobody used yet.
    """
    for first in range(0, len(rows), _PIECE):
        yield rows[first : first + _PIECE]


class Arrivals:
    """Tells which rows of a table are new since the last look.

    A resumed run replaces rows that were there, so it is not enough to count. As long as a table
    only grows it lies where it lay, or was copied as it was to a larger place; both are checked.
    """

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._seen: Rows | None = None

    def take(self, rows: Rows) -> tuple[Rows, bool]:
        """Return the rows to add, and whether everything before them is to be forgotten."""
        before, self._seen = self._seen, rows
        if before is None or rows.dtype != before.dtype or len(rows) < len(before):
            return rows, True
        if _address(rows) == _address(before) or _same_bytes(before, rows[: len(before)]):
            return rows[len(before) :], False
        return rows, True


def _address(rows: Rows) -> int:
    # While the rows seen last are held, their memory is not given to anything else.
    return rows.ctypes.data


def _same_bytes(one: Rows, other: Rows) -> bool:
    ours, theirs = _bytes(one), _bytes(other)
    return all(
        np.array_equal(ours[at : at + _COMPARED_BYTES], theirs[at : at + _COMPARED_BYTES])
        for at in range(0, len(ours), _COMPARED_BYTES)
    )


def _bytes(rows: Rows) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rows).view(np.uint8)
