"""Many rows just like one another, taken at once."""

from __future__ import annotations

import struct
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.scan import HEADER

_INDEX = struct.Struct("<H")


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
