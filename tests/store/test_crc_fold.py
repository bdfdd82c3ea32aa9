"""A pass over many rows finds exactly what a look at each of them would."""

from __future__ import annotations

import random
import struct
from zlib import crc32

import numpy as np
import pytest

from shareconsole.store.bursts import rows_at
from shareconsole.store.crc_fold import foretold
from shareconsole.store.scan import HEADER, MAGIC, ROW_FRAME, VERSION


def frames(payloads: list[bytes]) -> bytes:
    found = b""
    for payload in payloads:
        head = struct.pack("<2sBBI", MAGIC, ROW_FRAME, VERSION, len(payload))
        found += head + struct.pack("<I", crc32(payload, crc32(head[2:]))) + payload
    return found


def rows(count: int, length: int, seed: int = 0) -> list[bytes]:
    source = random.Random(seed)
    return [b"\1\0" + source.randbytes(length - 2) for _ in range(count)]


def checksums(data: bytes, length: int) -> np.ndarray:
    table = np.frombuffer(data, np.uint8).reshape(-1, HEADER.size + length)
    return np.ascontiguousarray(table[:, 8:12]).view("<u4")[:, 0]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 65, 1000])
@pytest.mark.parametrize("length", [2, 10, 58, 501])
def test_the_checksum_of_all_is_foretold(count: int, length: int) -> None:
    data = frames(rows(count, length, count))
    assert foretold(data[:8], length, checksums(data, length)) == crc32(data)


def test_nothing_has_the_checksum_of_nothing() -> None:
    assert foretold(frames(rows(1, 10))[:8], 10, np.empty(0, np.uint32)) == 0


def test_every_flipped_bit_ends_the_rows_before_it() -> None:
    count, length = 400, 34
    stride = HEADER.size + length
    data = bytearray(frames(rows(count, length)))
    assert len(rows_at(bytes(data), 0, length, count)) == count
    source = random.Random(1)
    for _ in range(2000):
        # Not in the first row, which the caller has found good.
        bit = source.randrange(8 * stride, 8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        assert len(rows_at(bytes(data), 0, length, count)) == bit // 8 // stride
        data[bit // 8] ^= 1 << bit % 8


def test_damage_that_repeats_does_not_cancel() -> None:
    count, length = 300, 34
    stride = HEADER.size + length
    good = frames(rows(count, length))
    source = random.Random(2)
    for _ in range(300):
        data, bit = bytearray(good), source.randrange(8 * stride)
        places = sorted(source.sample(range(1, count), source.choice((2, 4, 64))))
        for place in places:
            data[place * stride + bit // 8] ^= 1 << bit % 8
        assert len(rows_at(bytes(data), 0, length, count)) == places[0]


def test_rows_that_changed_places_are_as_good_as_before() -> None:
    some = rows(300, 34)
    data = frames(some[::-1])
    block = rows_at(data, 0, 34, 300)
    assert block.tobytes() == data
