from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shareconsole.store.records import LogSchema, RecordReader, RecordWriter, TableSchema
from tests.store.builders import a_schema, a_tensor, child, losses, says, write_rows


def read(path: Path, final: bool = True) -> RecordReader:
    reader = RecordReader(path)
    reader.poll(final=final)
    return reader


def test_rows_and_tensors_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "x.rec"
    with RecordWriter(path, a_schema(3, 40)) as writer:
        write_rows(writer, 1, 30)
        writer.tensor("assignment", 7, a_tensor(7))
        writer.repeat_schema()
        writer.tensor("assignment", 9, a_tensor(9).astype(np.float64))
    reader = read(path)
    assert reader.schema == a_schema(3, 40)
    rows = reader.rows("step")
    assert rows.dtype.names == ("step", "loss.a", "loss.b", "step_seconds")
    assert rows["step"].tolist() == list(range(1, 31))
    expected = np.array([losses(step) for step in range(1, 31)])
    for column, name in enumerate(rows.dtype.names[1:]):
        assert rows[name].tobytes() == expected[:, column].astype(rows[name].dtype).tobytes()
    assert reader.rows("evaluation")["count"].tolist() == [4, 8, 12, 16, 20, 24, 28]
    assert len(reader.rows("unheard of")) == 0
    assert reader.tensor_steps("assignment").tolist() == [7, 9]
    assert np.array_equal(reader.tensor("assignment", -1), a_tensor(9))
    assert reader.damage.skipped_bytes == reader.damage.torn_bytes == 0
    assert not rows.flags.writeable


def test_values_beyond_a_float_are_infinite_and_wrong_ones_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.rec"
    with RecordWriter(path, a_schema()) as writer:
        writer.row("step", 1, [1e300, -1e300, 1e300])
        writer.row("step", 2, np.array([1, 2, 3], np.float32))
        writer.row("evaluation", 2, [0.5, 3.0])
        for wrong in ([], [1.0, 2.0], [1.0] * 4):
            with pytest.raises(ValueError, match="3 columns"):
                writer.row("step", 3, wrong)
        with pytest.raises(ValueError, match="whole"):
            writer.row("evaluation", 3, [0.5, 3.5])
        with pytest.raises(ValueError, match="shape"):
            writer.tensor("assignment", 3, np.zeros((2, 2)))
        with pytest.raises(KeyError):
            writer.row("nothing", 3, [])
    with pytest.raises(ValueError, match="closed"):
        writer.row("step", 3, [1, 2, 3])
    reader = read(path)
    assert reader.rows("step").tolist() == [(1, math.inf, -math.inf, 1e300), (2, 1, 2, 3)]
    assert reader.rows("evaluation").tolist() == [(2, 0.5, 3)]


@pytest.mark.parametrize(
    "tables",
    [
        (TableSchema("a", ()), TableSchema("a", ())),
        (TableSchema("", ()),),
        (TableSchema("a", (("step", "f4"),)),),
        (TableSchema("a", (("x", "f4"), ("x", "f4"))),),
        (TableSchema("a", (("x", "f2"),)),),
    ],
)
def test_a_schema_that_cannot_be_read_cannot_be_written(tables: tuple[TableSchema, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        LogSchema(1, 0, tables)


def test_nobody_elses_file_is_touched(tmp_path: Path) -> None:
    RecordWriter(tmp_path / "x.rec", a_schema()).close()
    with pytest.raises(FileExistsError):
        RecordWriter(tmp_path / "x.rec", a_schema())


def test_logging_is_cheap(tmp_path: Path) -> None:
    table = TableSchema("step", tuple((f"loss.{i}", "f4") for i in range(62)))
    values = [0.5] * 62
    best = math.inf
    with RecordWriter(tmp_path / "x.rec", LogSchema(1, 0, (table,))) as writer:
        for _ in range(5):
            start = time.process_time()
            for step in range(1000):
                writer.row("step", step, values)
            best = min(best, (time.process_time() - start) / 1000)
    assert best < 15e-6


class Disk:
    """Stands in for ``os.write``: takes so many bytes, at most so many at once, then refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = math.inf
        self.at_once = math.inf
        self.error = errno.ENOSPC
        self._write = os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, fd: int, data: bytes) -> int:
        count = int(min(len(data), self.room, self.at_once))
        if count == 0:
            raise OSError(self.error, os.strerror(self.error))
        self.room -= count
        return self._write(fd, bytes(data)[:count])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("room", [0, 1, 17, 100, 333])
def test_a_full_disk_keeps_records_waiting_in_order(
    tmp_path: Path, disk: Disk, error: int, room: int
) -> None:
    path = tmp_path / "x.rec"
    disk.error = error
    writer = RecordWriter(path, a_schema(), backlog_cap=2000)
    write_rows(writer, 1, 5)
    assert writer.last_error is None
    disk.room = room
    write_rows(writer, 6, 30)
    assert writer.last_error is not None
    assert writer.last_error.errno == error
    assert writer.backlog_bytes > 0
    assert not writer.blocked
    assert not writer.retry()
    assert not writer.sync()
    seen = read(path, final=False).rows("step")["step"].tolist()
    assert seen == list(range(1, len(seen) + 1))
    write_rows(writer, 31, 100)
    assert writer.blocked
    disk.room = 50
    assert not writer.retry()
    disk.room = math.inf
    write_rows(writer, 101, 101)
    assert writer.backlog_bytes == 0
    assert not writer.blocked
    assert writer.last_error is None
    assert writer.sync()
    assert writer.close()
    reader = read(path)
    assert reader.rows("step")["step"].tolist() == list(range(1, 102))
    assert reader.damage.skipped_bytes == reader.damage.torn_bytes == 0


def test_short_writes_are_continued(tmp_path: Path, disk: Disk) -> None:
    disk.at_once = 7
    with RecordWriter(tmp_path / "x.rec", a_schema()) as writer:
        write_rows(writer, 1, 20)
        assert writer.backlog_bytes == 0
    assert read(tmp_path / "x.rec").rows("step")["step"].tolist() == list(range(1, 21))


def test_closing_on_a_full_disk_says_so(tmp_path: Path, disk: Disk) -> None:
    writer = RecordWriter(tmp_path / "x.rec", a_schema())
    disk.room = 30
    write_rows(writer, 1, 3)
    assert not writer.close()
    assert read(tmp_path / "x.rec").damage.torn_bytes == 30


def test_the_reader_waits_at_an_unfinished_frame(tmp_path: Path) -> None:
    source, path = tmp_path / "source.rec", tmp_path / "x.rec"
    ends = []
    with RecordWriter(source, a_schema()) as writer:
        for step in range(1, 9):
            write_rows(writer, step, step)
            writer.tensor("assignment", step, a_tensor(step))
            ends.append(source.stat().st_size)
    reader = RecordReader(path)
    assert reader.poll() == 0
    data = source.read_bytes()
    with open(path, "wb", buffering=0) as stream:
        for length in range(1, len(data) + 1):
            stream.write(data[length - 1 : length])
            reader.poll()
            steps = reader.tensor_steps("assignment").tolist()
            assert steps == [i + 1 for i, end in enumerate(ends) if end <= length]
    assert reader.rows("step")["step"].tolist() == list(range(1, 9))
    assert reader.damage.skipped_bytes == reader.damage.torn_bytes == 0


def test_zeros_at_the_end_that_later_become_data_are_waited_for(tmp_path: Path) -> None:
    """A network mount can show the length of a file before its content."""
    path = tmp_path / "x.rec"
    with RecordWriter(path, a_schema()) as writer:
        write_rows(writer, 1, 20)
    whole = path.read_bytes()
    reader = RecordReader(path)
    for known in (len(whole) // 3, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:known] + bytes(len(whole) - known))
        reader.poll()
        assert reader.damage.skipped_bytes == 0
    path.write_bytes(whole)
    reader.poll(final=True)
    assert reader.rows("step")["step"].tolist() == list(range(1, 21))
    assert reader.damage.skipped_bytes == reader.damage.torn_bytes == 0


def test_a_shorter_file_is_read_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "x.rec", tmp_path / "y.rec"
    with RecordWriter(path, a_schema()) as writer:
        write_rows(writer, 1, 20)
    with RecordWriter(other, a_schema()) as writer:
        write_rows(writer, 5, 8)
    reader = read(path)
    os.replace(other, path)
    reader.poll()
    assert reader.rows("step")["step"].tolist() == [5, 6, 7, 8]


def test_views_stay_while_rows_arrive(tmp_path: Path) -> None:
    path = tmp_path / "x.rec"
    reader = RecordReader(path)
    with RecordWriter(path, a_schema()) as writer:
        write_rows(writer, 1, 3)
        assert reader.poll() == 3
        early = reader.rows("step")
        write_rows(writer, 4, 500)
        assert reader.poll() == 497 + 125
    assert early["step"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_has_a_problem(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.rec")
    reader = read(tmp_path / "x.rec")
    assert "not a regular file" in reader.problem


WRITER = """
import sys
from pathlib import Path
from shareconsole.store.records import RecordWriter
from tests.store.builders import a_schema, write_rows
writer = RecordWriter(Path(sys.argv[1]), a_schema())
for step in range(1, 10**9):
    write_rows(writer, step, step)
    print(step, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 57, 400, 1500])
def test_a_killed_writer_loses_nothing_that_it_handed_in(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "x.rec"
    with child(WRITER, path) as process:
        while int(says(process)) < acknowledged:
            pass
        process.kill()
        process.wait()
        assert process.stdout is not None
        # What it printed before it died, it had handed in. A last line may be cut short.
        rest = process.stdout.read().rpartition("\n")[0].split()
    last = int(rest[-1]) if rest else acknowledged
    reader = read(path)
    steps = reader.rows("step")["step"].tolist()
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= last
    assert reader.damage.skipped_bytes == 0
