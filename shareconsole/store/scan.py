"""Finding whole, undamaged frames in bytes. See ``store.records`` for the format."""

from __future__ import annotations

import struct
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.schema import MAX_FRAME, LogSchema

MAGIC = b"\xc5\x5a"
VERSION = 1
SCHEMA_FRAME = 1
ROW_FRAME = 2
TENSOR_FRAME = 3
HEADER = struct.Struct("<2sBBII")
_INDEX = struct.Struct("<H")


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


def rows_at(data: bytes, start: int, length: int, most: int) -> NDArray[np.uint8]:
    """The undamaged frames from ``start`` on that are just like the first, as [N, bytes].

    ``start`` must be at a row frame with ``length`` bytes of payload. At most ``most`` frames;
    as many as follow one another with the same header and table index and a good CRC. This is
    what makes a million rows load in well under a second: Python touches each row once.
    """
    stride = HEADER.size + length
    count = min((len(data) - start) // stride, most)
    block: NDArray[np.uint8] = np.frombuffer(data, np.uint8, count * stride, start)
    block = block.reshape(count, stride)
    alike = (block[:, :8] == block[0, :8]).all(1)
    body = HEADER.size
    alike &= (block[:, body : body + _INDEX.size] == block[0, body : body + _INDEX.size]).all(1)
    if not alike.all():
        count = int(alike.argmin())
    view = memoryview(data)
    seed = crc32(view[start + 2 : start + 8])
    first = start + body
    computed = [
        crc32(view[at : at + length], seed) for at in range(first, first + count * stride, stride)
    ]
    written = np.ascontiguousarray(block[:count, 8:body]).view("<u4")[:, 0]
    good = written == np.array(computed, np.uint32)
    if not good.all():
        count = int(good.argmin())
    return block[:count]
