"""Where a run stands, read from the end of its records and from its checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from shareconsole.store.atomic import write_json
from shareconsole.store.checkpoints import newest_checkpoint
from shareconsole.store.folder import RunFolder
from shareconsole.store.index import list_runs, other_folders, summarise
from shareconsole.store.process import ProcessIdentity, this_process
from shareconsole.store.records import LogSchema, RecordWriter, TableSchema
from shareconsole.store.status import Status, write_status
from shareconsole.store.tail import Tail, read_tail
from tests.store.builders import WHEN, a_folder, a_run, an_attempt

TABLES = (
    TableSchema("step", tuple((f"loss.{i}", "f8") for i in range(10))),
    TableSchema("evaluation", (("macro_error", "f8"), ("micro_error", "f8"))),
)


def write(folder: RunFolder, attempt: int, resumed: int, last: int, every: int = 10) -> None:
    with RecordWriter(folder.metrics(attempt), LogSchema(attempt, resumed, TABLES)) as writer:
        for step in range(resumed + 1, last + 1):
            writer.row("step", step, [1.0] * 10)
            if step % every == 0:
                writer.row("evaluation", step, [step / 10_000, step / 20_000])
                writer.repeat_schema()


def tail(folder: RunFolder) -> Tail:
    return read_tail(folder, folder.names(), errors=True)


def gone() -> ProcessIdentity:
    me = this_process()
    return ProcessIdentity(me.pid, me.boot_id, me.start_ticks + 1, me.host)


def test_of_nothing(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert tail(folder) == Tail()
    folder.metrics(1).write_bytes(b"\xc5\x5a no frame")
    folder.metrics(2).mkdir()
    assert tail(folder) == Tail()


def test_of_a_long_log_only_the_end_is_needed(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    write(folder, 1, 0, 5000)
    assert tail(folder) == Tail(5000, 0.5, 0.25)
    data = bytearray(folder.metrics(1).read_bytes())
    data[:-60_000] = bytes(len(data) - 60_000)
    folder.metrics(1).write_bytes(data + b"\xc5\x5a\x02\x01half a frame")
    assert tail(folder) == Tail(5000, 0.5, 0.25)


def test_of_frames_larger_than_the_usual_end(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    wide = TableSchema("step", tuple((f"fitness.{i}", "f8") for i in range(20_000)))
    with RecordWriter(folder.metrics(1), LogSchema(1, 0, (wide,))) as writer:
        writer.row("step", 7, [0.0] * 20_000)
    assert tail(folder).step == 7


def test_of_attempts_that_took_steps_back(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    write(folder, 1, 0, 45)
    write(folder, 2, 30, 33)
    assert tail(folder) == Tail(33, 0.003, 0.0015)
    write(folder, 3, 30, 30)
    assert tail(folder).step == 30
    folder.metrics(4).touch()
    assert tail(folder).step == 30


@pytest.mark.parametrize("status", [None, "[", '{"step": 1}'])
def test_a_crashed_run_stands_where_its_records_end(tmp_path: Path, status: str | None) -> None:
    folder = a_run(tmp_path)
    an_attempt(folder, process=gone(), resume_from_step=0)
    write(folder, 1, 0, 57)
    if status:
        folder.status_json.write_text(status)
    row = summarise(folder)
    assert (row.state, row.step, row.steps) == ("crashed", 57, 1000)
    assert (row.macro_error, row.micro_error) == (0.005, 0.0025)


def test_a_hint_that_knows_of_no_evaluation_is_believed(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    an_attempt(folder, process=gone(), resume_from_step=0)
    write(folder, 1, 0, 57)
    write_status(folder, Status(3, 1000, 1, None, None, None, WHEN))
    row = summarise(folder)
    assert (row.step, row.macro_error, row.micro_error) == (57, None, None)


def test_a_step_that_nothing_tells_is_not_called_zero(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    an_attempt(folder, process=gone(), resume_from_step=0)
    assert (summarise(folder).state, summarise(folder).step) == ("crashed", None)
    write(folder, 1, 0, 12)
    folder.attempt_json(1).write_text("{")
    row = summarise(folder)
    assert (row.state, row.step) == ("unreadable", 12)


def test_newest_checkpoint(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert newest_checkpoint(folder) is None
    for step in (20, 41, 9):
        path = folder.checkpoints / f"{step:09d}"
        path.mkdir(parents=True)
        write_json(path / "manifest.json", {"step": step})
    (folder.checkpoints / ".tmp-000000050").mkdir()
    (folder.checkpoints / "000000060").mkdir()
    assert newest_checkpoint(folder) == 41
    (folder.checkpoints / "000000041" / "manifest.json").write_text("{")
    assert newest_checkpoint(folder) == 20


def test_folders_that_cannot_be_runs_are_counted(tmp_path: Path) -> None:
    a_run(tmp_path)
    for name in ("My Run", ".trash", "UPPER"):
        (tmp_path / name).mkdir()
    (tmp_path / "a file").touch()
    assert other_folders(tmp_path) == 2
    assert other_folders(tmp_path / "none") == 0
    assert len(list_runs(tmp_path)) == 1
