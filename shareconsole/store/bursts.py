"""Many rows just like one another, taken at once."""

from __future__ import annotations

import struct
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.crc_fold import foretold
from shareconsole.store.scan import HEADER

_INDEX = struct.Struct("<H")
_HEAD = 8
"""Bytes of a header before its checksum."""
# Fewer rows are checked one by one, which takes no longer.
_FEW = 128


def rows_at(data: bytes, start: int, length: int, most: int) -> NDArray[np.uint8]:
    """The undamaged frames from ``start`` on that are just like the first, as [N, bytes].

    ``start`` must be at a row frame with ``length`` bytes of payload. At most ``most`` frames;
    as many as follow one another with the same header and table index and a good CRC. Many are
    checked in one pass, which is what makes a million rows load in a tenth of a second.
    """
    stride = HEADER.size + length
    count = min((len(data) - start) // stride, most)
    block: NDArray[np.uint8] = np.frombuffer(data, np.uint8, count * stride, start)
    block = block.reshape(count, stride)
    body = HEADER.size
    heads = block[:, :_HEAD].view("<u8")[:, 0]
    indices = block[:, body : body + _INDEX.size].view("<u2")[:, 0]
    alike = (heads == heads[0]) & (indices == indices[0])
    if not alike.all():
        count = int(alike.argmin())
    written = np.ascontiguousarray(block[:count, _HEAD:body]).view("<u4")[:, 0]
    view = memoryview(data)[start : start + count * stride]
    head = bytes(view[:_HEAD])
    if count >= _FEW and foretold(head, length, written) == crc32(view):
        return block[:count]
    seed = crc32(head[2:])
    computed = [crc32(view[at + body : at + stride], seed) for at in range(0, len(view), stride)]
    good = written == np.array(computed, np.uint32)
    if not good.all():
        count = int(good.argmin())
    return block[:count]
