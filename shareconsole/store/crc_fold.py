"""The checksum of many frames in a row, foretold from the checksums that they carry.

CRC-32 is linear over GF(2): that of two texts one after the other is M a ^ b, where a and b are
theirs and M, a 32 x 32 matrix of bits, depends on the length of the second text alone. So one pass
over the bytes of a million rows, compared with what their own checksums foretell, takes the place
of a million passes. A single damaged row always shows, as M can be inverted; more of them stay
hidden only where their errors cancel, one chance in 2^32, as for any text with a CRC-32.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_CRC = struct.Struct("<I")
Words = NDArray[np.uint32]


def foretold(head: bytes, length: int, written: Words) -> int:
    """Return the CRC-32 of N whole frames that differ in nothing but checksum and payload.

    Args:
        head: what comes before the checksum in each of them, 8 bytes of which 2 are magic.
        length: bytes of each payload.
        written: [N] the checksums as they stand in the frames, each over ``head[2:]`` and payload.
    """
    nothing, ones = _frames(head, length)
    folded = _apply(ones, written) ^ np.uint32(nothing)
    level = 0
    while len(folded) > 1:
        if len(folded) % 2:
            # Zero is the checksum of no bytes at all, and so harmless in front.
            folded = np.concatenate([np.zeros(1, np.uint32), folded])
        shift = _shift(len(head) + _CRC.size + length, level)
        folded = _apply(shift, folded[0::2]) ^ folded[1::2]
        level += 1
    return int(folded[0]) if len(folded) else 0


@lru_cache(maxsize=32)
def _frames(head: bytes, length: int) -> tuple[int, Words]:
    """The CRC-32 of a whole frame by its own checksum: that of 0, and what each bit changes."""
    zeros = bytes(length)
    payload_less = crc32(zeros, crc32(head[2:]))

    def whole(own: int) -> int:
        return crc32(zeros, crc32(head + _CRC.pack(own))) ^ payload_less ^ own

    nothing = whole(0)
    return nothing, _tables([whole(1 << bit) ^ nothing for bit in range(32)])


@lru_cache(maxsize=512)
def _shift(length: int, doublings: int) -> Words:
    """What becomes of a checksum when ``length`` * 2 ** ``doublings`` more bytes follow."""
    if doublings:
        half = _shift(length, doublings - 1)
        bits = np.left_shift(np.uint32(1), np.arange(32, dtype=np.uint32))
        return _tables(_apply(half, _apply(half, bits)).tolist())
    zeros = bytes(length)
    return _tables([crc32(zeros, 1 << bit) ^ crc32(zeros) for bit in range(32)])


def _tables(images: list[int]) -> Words:
    """[4, 256]: what each value of each byte turns into, given what each bit does."""
    tables = np.zeros((4, 256), np.uint32)
    for bit, image in enumerate(images):
        byte, place = divmod(bit, 8)
        tables[byte, 1 << place : 2 << place] = tables[byte, : 1 << place] ^ np.uint32(image)
    return tables


def _apply(tables: Words, words: Words) -> Words:
    parts = np.ascontiguousarray(words, "<u4").view(np.uint8).reshape(-1, 4)
    found: Words = tables[0].take(parts[:, 0])
    for byte in range(1, 4):
        found ^= tables[byte].take(parts[:, byte])
    return found
