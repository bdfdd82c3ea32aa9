"""Finding whole, undamaged frames in bytes. See ``store.records`` for the format.

Without numpy, so that a list can look at the end of a log before anything heavy is loaded.
"""

from __future__ import annotations

import struct
from zlib import crc32

from shareconsole.store.schema import MAX_FRAME, LogSchema

MAGIC = b"\xc5\x5a"
VERSION = 1
SCHEMA_FRAME = 1
ROW_FRAME = 2
TENSOR_FRAME = 3
HEADER = struct.Struct("<2sBBII")


class Incomplete(Exception):
    """A believable header whose frame goes on after the bytes at hand."""


class FrameRules:
    """Which headers can be true, given the schema; without one, any with a bearable length."""

    def __init__(self, schema: LogSchema | None = None) -> None:
        """Precompute the lengths that each type of frame may have."""
        self._lengths: dict[int, frozenset[int]] = {}
        self.rows: tuple[int, ...] = ()
        self.tensors: tuple[int, ...] = ()
        if schema is not None:
            self.rows = tuple(table.payload_length for table in schema.tables)
            self.tensors = tuple(tensor.payload_length for tensor in schema.tensors)
            self._lengths = {
                ROW_FRAME: frozenset(self.rows),
                TENSOR_FRAME: frozenset(self.tensors),
            }

    def believable(self, kind: int, version: int, length: int) -> bool:
        """Whether a writer of this log could have written such a header."""
        if version == VERSION and kind in self._lengths:
            return length in self._lengths[kind]
        return length <= MAX_FRAME

    def consistent(self, kind: int, payload_length: int, index: int) -> bool:
        """Whether a row or tensor of ``index`` has that many bytes of payload."""
        lengths = self.rows if kind == ROW_FRAME else self.tensors
        return index < len(lengths) and lengths[index] == payload_length


def frame_at(data: bytes, start: int, rules: FrameRules) -> tuple[int, int, int] | None:
    """The whole, undamaged frame at ``start`` as (type, version, end), or None.

    Raises:
        Incomplete: ``data`` ends before the frame does.
    """
    if len(data) - start < HEADER.size:
        if data.startswith(MAGIC[: len(data) - start], start):
            raise Incomplete
        return None
    magic, kind, version, length, crc = HEADER.unpack_from(data, start)
    if magic != MAGIC or not rules.believable(kind, version, length):
        return None
    end = start + HEADER.size + length
    if end > len(data):
        raise Incomplete
    view = memoryview(data)
    if crc32(view[start + HEADER.size : end], crc32(view[start + 2 : start + 8])) != crc:
        return None
    return kind, version, end


def find_frame(data: bytes, start: int, rules: FrameRules) -> int:
    """Where the next whole, undamaged frame at or after ``start`` begins, or -1."""
    at = data.find(MAGIC, start)
    while at >= 0:
        try:
            if frame_at(data, at, rules) is not None:
                return at
        except Incomplete:
            # Its header may be a lie; a whole frame after it shows that it was.
            pass
        at = data.find(MAGIC, at + 1)
    return -1
