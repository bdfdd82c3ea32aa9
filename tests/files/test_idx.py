"""IDX files: what is read is what was written, and every way a file can be wrong."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from shareconsole.errors import DataDamaged
from shareconsole.files.idx import measure, read_idx
from tests.datasets.official import idx, write_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 6, 7), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(3,), (50, 6, 7), (4, 1), (2, 3, 2, 5)])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_was_written_is_read(tmp_path, shape, compressed):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    content = idx(array)
    (tmp_path / "x").write_bytes(gzip.compress(content) if compressed else content)
    assert np.array_equal(read_idx(tmp_path / "x"), array)
    assert measure(tmp_path / "x").shape == shape


def test_chosen_rows_come_in_order_from_all_parts(tmp_path, monkeypatch):
    from shareconsole.files import idx as module

    monkeypatch.setattr(module, "_CHUNK", 100)  # two images a part
    write_idx(tmp_path / "x.gz", IMAGES)
    for rows in ([0, 1, 2, 3, 17, 30, 49], [], [49], list(range(50))):
        assert np.array_equal(read_idx(tmp_path / "x.gz", np.array(rows, int)), IMAGES[rows])
    for rows in ([50], [-1], [3, 60]):
        with pytest.raises(IndexError):
            read_idx(tmp_path / "x.gz", np.array(rows))


def header(kind: int = 8, shape: tuple[int, ...] = (50, 6, 7)) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"PNG" + IMAGES.tobytes(), "not an IDX file"),
        (header(0x0D) + IMAGES.tobytes(), "type 0x0d, not bytes"),
        (bytes([0, 0, 8, 0]), "0 dimensions"),
        (bytes([0, 0, 8, 5]) + bytes(40), "5 dimensions"),
        (header()[:9], "inside its header"),
        (header(), "cut short after 0 of 50"),
        (header() + IMAGES.tobytes()[:-1], "cut short after 49 of 50"),
        (header() + IMAGES.tobytes() + b"x", "bytes behind its 50 items"),
        (header(shape=(0, 6, 7)), "says it is 0x6x7"),
        (header(shape=(2**31, 2**31)), "says it is"),
        (header(shape=(2**32 - 1, 1)) + bytes(100), "cut short after 100"),
    ],
)
@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_that_is_wrong_is_said_to_be(tmp_path, content, complaint, compressed):
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if compressed else content)
    for read in (read_idx, measure):
        with pytest.raises(DataDamaged, match=complaint) as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_a_damaged_compression_is_noticed_wherever_it_is(tmp_path):
    path = tmp_path / "x.gz"
    write_idx(path, IMAGES)
    whole = path.read_bytes()
    for length in (3, 12, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataDamaged):
            measure(path)
    # The checksum at the end covers every byte of the content.
    for place in (len(whole) - 8, len(whole) - 5, len(whole) // 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DataDamaged):
            read_idx(path)
