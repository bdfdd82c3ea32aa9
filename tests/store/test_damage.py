"""Whatever is done to a log: no exception, and no value that was not written."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from shareconsole.store.atomic import StoreError
from shareconsole.store.record_reader import Damage
from shareconsole.store.records import (
    LogSchema,
    RecordReader,
    RecordWriter,
    TableSchema,
    TensorSchema,
    frame,
)
from tests.store.builders import a_schema, a_tensor, write_rows

LONG = os.environ.get("SHARECONSOLE_LONG") == "1"
NUM_STEPS = 12


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two tables and a tensor, with the schema at the front and in the middle."""
    path = tmp_path / "good.rec"
    with RecordWriter(path, a_schema()) as writer:
        write_rows(writer, 1, NUM_STEPS // 2)
        writer.tensor("assignment", 6, a_tensor(6))
        writer.repeat_schema()
        write_rows(writer, NUM_STEPS // 2 + 1, NUM_STEPS)
        writer.tensor("assignment", 12, a_tensor(12))
    return path


Contents = dict[str, list[bytes]]


def contents(reader: RecordReader) -> Contents:
    found = {name: [row.tobytes() for row in reader.rows(name)] for name in ("step", "evaluation")}
    steps = reader.tensor_steps("assignment").tolist()
    found["assignment"] = [
        step.to_bytes(8, "little") + reader.tensor("assignment", i).tobytes()
        for i, step in enumerate(steps)
    ]
    return found


def read(path: Path, final: bool = True) -> RecordReader:
    reader = RecordReader(path)
    reader.poll(final=final)
    return reader


def lost(whole: Contents, rest: Contents) -> int:
    """How many records are missing; fails if one is there that was not written, or out of order."""
    for name, records in rest.items():
        remaining = iter(whole[name])
        assert all(record in remaining for record in records)
    return sum(map(len, whole.values())) - sum(map(len, rest.values()))


def flip(path: Path, bit: int) -> None:
    """In place: replacing the file each time costs ten times as much on some file systems."""
    with open(path, "r+b", buffering=0) as stream:
        stream.seek(bit // 8)
        (byte,) = stream.read(1)
        stream.seek(bit // 8)
        stream.write(bytes([byte ^ 1 << bit % 8]))


def test_cut_at_every_byte(tmp_path: Path, log: Path) -> None:
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "cut.rec"
    path.write_bytes(data)
    before = 0
    for length in range(len(data), -1, -1):
        os.truncate(path, length)
        reader = read(path)
        missing = lost(whole, contents(reader))
        assert reader.damage.skipped_bytes == reader.damage.unknown_frames == 0
        assert missing >= before
        before = missing
    assert before == sum(map(len, whole.values()))


def test_single_bit_flips(tmp_path: Path, log: Path) -> None:
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "flipped.rec"
    path.write_bytes(data)
    chance = random.Random(1)
    bits = range(8 * len(data))
    for bit in chance.choices(bits, k=5000):
        flip(path, bit)
        reader = read(path)
        missing = lost(whole, contents(reader))
        assert missing <= 1
        damage = reader.damage
        assert damage.skipped_bytes + damage.torn_bytes > 0
        flip(path, bit)


def test_a_live_reader_passes_over_a_flip_as_soon_as_more_comes(tmp_path: Path, log: Path) -> None:
    """Even where the flip makes a length so long that its end will never come."""
    path = tmp_path / "live.rec"
    path.write_bytes(log.read_bytes())
    for bit in range(8 * 4, 8 * 8):
        flip(path, bit)
        reader = read(path, final=False)
        assert reader.rows("step")["step"].tolist() == list(range(1, NUM_STEPS + 1))
        flip(path, bit)


def test_zeroed_pages(tmp_path: Path) -> None:
    path, hurt = tmp_path / "good.rec", tmp_path / "hurt.rec"
    with RecordWriter(path, a_schema()) as writer:
        for step in range(1, 601):
            write_rows(writer, step, step)
            if step % 100 == 0:
                writer.repeat_schema()
    whole, data = contents(read(path)), path.read_bytes()
    page, chance = 512, random.Random(2)
    for _ in range(1000 if LONG else 200):
        start = page * chance.randrange(len(data) // page)
        hurt.unlink(missing_ok=True)
        hurt.write_bytes(data[:start] + bytes(page) + data[start + page :])
        reader = read(hurt)
        assert lost(whole, contents(reader)) <= page // 30 + 2
        assert reader.damage.skipped_bytes + reader.damage.torn_bytes >= page


@pytest.mark.parametrize(
    "junk", [b"\0" * 300, b"\xc5", b"\xc5\x5a" * 100, random.Random(4).randbytes(300)]
)
def test_junk_before_between_and_after(tmp_path: Path, log: Path, junk: bytes) -> None:
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "junk.rec"
    path.write_bytes(junk + data + junk + data[:0])
    reader = read(path)
    assert contents(reader) == whole
    assert reader.damage == Damage(len(junk), len(junk), 0)
    path.write_bytes(data + junk)
    assert read(path, final=False).damage == Damage(0, 0, 0)


def test_random_files(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(200):
        (tmp_path / "x.rec").write_bytes(chance.randbytes(chance.randrange(2000)))
        assert contents(read(tmp_path / "x.rec")) == {
            "step": [],
            "evaluation": [],
            "assignment": [],
        }


def test_unknown_frames_are_skipped_and_counted(tmp_path: Path, log: Path) -> None:
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "x.rec"
    strange = frame(9, b"from the future") + frame(2, b"other rows", version=2)
    path.write_bytes(strange + data + strange)
    reader = read(path)
    assert contents(reader) == whole
    assert reader.damage == Damage(0, 0, 4)


ROW = (0).to_bytes(2, "little") + (5).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (2, b""),
        (2, b"\0"),
        (2, ROW),
        (2, ROW + bytes(15)),
        (2, ROW + bytes(17)),
        (2, (1).to_bytes(2, "little") + bytes(8 + 16 + 1)),
        (2, (2).to_bytes(2, "little") + bytes(8 + 16)),
        (2, (65535).to_bytes(2, "little") + bytes(8 + 16)),
        (3, (1).to_bytes(2, "little") + bytes(8 + 16)),
        (3, ROW + bytes(15)),
        (1, b""),
        (1, b"{}"),
        (1, b"[]"),
        (1, b"\xff"),
        (1, b"[" * 100_000),
        (1, b'{"schema":1,"attempt":1,"resume_from_step":0,"tables":"ab","tensors":[],"meta":{}}'),
        (1, b'{"schema":1,"attempt":1e3,"resume_from_step":0,"tables":[],"tensors":[],"meta":{}}'),
        (1, b'{"schema":2,"attempt":1,"resume_from_step":0,"tables":[],"tensors":[],"meta":{}}'),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_good_crc_over_nonsense_is_damage(
    tmp_path: Path, log: Path, kind: int, payload: bytes, first: bool
) -> None:
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "x.rec"
    liar = frame(kind, payload)
    path.write_bytes(liar + data if first else data + liar + data)
    reader = read(path)
    if first:
        assert contents(reader) == whole
    else:
        assert contents(reader)["step"] == whole["step"] * 2
    assert reader.damage == Damage(len(liar), 0, 0)


def test_a_second_and_different_schema_is_damage(tmp_path: Path, log: Path) -> None:
    whole, path = contents(read(log)), tmp_path / "x.rec"
    other = frame(1, a_schema(2).to_bytes())
    path.write_bytes(log.read_bytes() + other)
    reader = read(path)
    assert contents(reader) == whole
    assert reader.schema == a_schema()
    assert reader.damage == Damage(len(other), 0, 0)


@pytest.mark.parametrize(
    "schema",
    [
        b'[["t","f4",[-1],[[]]]]',
        b'[["t","f4",[99999999999,99999999999],[[],[]]]]',
        b'[["t","f4",[2],[["a"]]]]',
        b'[["t","f2",[1],[["a"]]]]',
        b'[["t","f4",1,1]]',
    ],
)
def test_impossible_tensors_in_a_schema_are_damage(tmp_path: Path, schema: bytes) -> None:
    start = b'{"schema":1,"attempt":1,"resume_from_step":0,"tables":[],"meta":{},"tensors":'
    (tmp_path / "x.rec").write_bytes(frame(1, start + schema + b"}"))
    reader = read(tmp_path / "x.rec")
    assert reader.schema is None
    assert reader.damage.skipped_bytes > 0


def test_a_later_schema_serves_for_the_rows_before_it(tmp_path: Path, log: Path) -> None:
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "x.rec"
    path.write_bytes(bytes(20) + data[20:])
    reader = read(path)
    assert contents(reader) == whole
    first_frame = 12 + len(a_schema().to_bytes())
    assert reader.damage == Damage(first_frame, 0, 0)


def test_rows_that_no_schema_explains_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.rec"
    with RecordWriter(path, a_schema()) as writer:
        write_rows(writer, 1, 3)
    data = path.read_bytes()
    path.write_bytes(bytes(20) + data[20:])
    reader = read(path)
    assert reader.damage.skipped_bytes == len(data)


def test_frames_larger_than_the_window_are_read_and_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shareconsole.store.record_reader._WINDOW", 1000)
    axes = (tuple(map(str, range(5000))),)
    tensors = (TensorSchema("big", "f8", (5000,), axes),)
    schema = LogSchema(1, 0, (TableSchema("t", (("x", "f4"),)),), tensors)
    path = tmp_path / "x.rec"
    with RecordWriter(path, schema) as writer:
        for step in range(4):
            writer.tensor("big", step, np.full(5000, step))
            writer.row("t", step, [step])
    reader = read(path)
    assert reader.tensor_steps("big").tolist() == [0, 1, 2, 3]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    data[100:100] = bytes(7777)
    path.write_bytes(data)
    reader = read(path)
    assert reader.schema is None
    path.write_bytes(data[:100] + data[100 + 7777 :])
    reader = read(path)
    assert len(reader.tensor_steps("big")) == 3
    assert reader.rows("t")["step"].tolist() == [0, 1, 2, 3]
    assert reader.damage.skipped_bytes == 12 + 10 + 40000


def test_a_long_stretch_of_nothing_is_passed_over(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_WINDOW", 700), ("_LARGEST_WINDOW", 5600), ("MAX_FRAME", 2800)):
        monkeypatch.setattr(f"shareconsole.store.record_reader.{name}", value)
    whole, data, path = contents(read(log)), log.read_bytes(), tmp_path / "x.rec"
    path.write_bytes(bytes(50_001) + data + bytes(50_001) + data)
    reader = read(path)
    assert contents(reader) == {name: records * 2 for name, records in whole.items()}
    assert reader.damage == Damage(100_002, 0, 0)


def test_a_tensor_damaged_since_it_was_indexed_is_an_error(tmp_path: Path, log: Path) -> None:
    reader = read(log)
    data = bytearray(log.read_bytes())
    data[-1] ^= 1
    log.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        reader.tensor("assignment", -1)
    log.unlink()
    with pytest.raises(StoreError, match="gone"):
        reader.tensor("assignment", -1)
