"""Rows that keep arriving, held in one array without copying it at each arrival."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = np.ndarray[tuple[int], np.dtype[np.void]]


class GrowingRows:
    """A structured array that grows at its end.

    ``rows()`` is a view that stays as it is when more rows arrive.
    """

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        """Empty, of a packed structured dtype."""
        self.dtype = dtype
        self._bytes: NDArray[np.uint8] = np.empty((0, dtype.itemsize), np.uint8)
        self._count = 0

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count

    def reserve(self, more: int) -> None:
        """Make room for ``more`` rows; spares a large log being copied each time it grows."""
        capacity = self._count + more
        if capacity > len(self._bytes):
            grown = np.empty((capacity, self.dtype.itemsize), np.uint8)
            grown[: self._count] = self._bytes[: self._count]
            self._bytes = grown

    def append(self, block: NDArray[np.uint8]) -> None:
        """Add rows given as bytes [N, itemsize]."""
        count = self._count + len(block)
        if count > len(self._bytes):
            self.reserve(max(64, len(block), self._count // 2))
        self._bytes[self._count : count] = block
        self._count = count

    def append_rows(self, rows: Rows) -> None:
        """Add rows of the same dtype."""
        packed = np.ascontiguousarray(rows)
        self.append(packed.view(np.uint8).reshape(len(packed), self.dtype.itemsize))

    def rows(self) -> Rows:
        """All rows so far, read-only."""
        view = self._bytes[: self._count].reshape(-1).view(self.dtype)
        view.flags.writeable = False
        return view
