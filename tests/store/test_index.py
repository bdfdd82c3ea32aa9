from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from shareconsole.errors import UsageError
from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Heartbeat
from shareconsole.store.index import RunSummary, list_runs, resolve, summarise
from shareconsole.store.status import Status, derive_state, write_status
from tests.store.builders import WHEN, a_folder, a_run, an_attempt
from tests.store.synthetic import synthetic_runs

KEYS = (
    "id name state preset method data seed tags step steps macro_error micro_error "
    "best_macro_error created updated"
)


def test_a_row_from_queued_to_finished(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    row = summarise(folder)
    assert row.to_json() == {
        "id": folder.id,
        "name": "digits",
        "state": "queued",
        "preset": "digits",
        "method": "learned_sharing",
        "data": "digits",
        "seed": 7,
        "tags": ["one", "two"],
        "step": 0,
        "steps": 1000,
        "macro_error": None,
        "micro_error": None,
        "best_macro_error": None,
        "created": WHEN,
        "updated": WHEN,
    }
    assert " ".join(row.to_json()) == KEYS
    attempt = an_attempt(folder, steps=3000, started="2026-11-22T02:00:00Z")
    assert (summarise(folder).state, summarise(folder).steps) == ("starting", 3000)
    write_status(folder, Status(10, 3000, 1, 0.5, 0.25, None, "2026-11-22T03:00:00Z"))
    with Heartbeat(folder) as heart:
        heart.beat(12)
    row = summarise(folder)
    assert (row.state, row.step, row.macro_error, row.micro_error) == ("running", 12, 0.5, 0.25)
    assert row.updated == "2026-11-22T03:00:00Z"
    folder.metrics(1).touch()
    end_attempt(folder, attempt, AttemptExit(1, "failed", 15, "boom", "2026-11-22T04:00:00Z"))
    row = summarise(folder)
    assert (row.state, row.step, row.reason) == ("failed", 15, "boom")
    assert row.updated == "2026-11-22T04:00:00Z"


def garbage(path: Path) -> None:
    for name, content in {
        "list": b"[1]",
        "nan": b'{"schema": NaN}',
        "huge": b" " * 5_000_000,
        "utf8": b"\xff\xfe",
        "cut": b'{"schema": 1, "id": "x',
        "deep": b'{"a":' * 100_000,
        "digits": b'{"schema": ' + b"1" * 5000 + b"}",
        "newer": b'{"schema": 2}',
        "empty": b"",
    }.items():
        a_folder(path, f"bad-{name}").run_json.write_bytes(content)
    os.mkfifo(a_folder(path, "bad-fifo").run_json)
    a_folder(path, "bad-folder").run_json.mkdir()
    a_folder(path, "bad-link").run_json.symlink_to("/etc/passwd")
    past = time.time() - 100
    os.utime(a_folder(path, "bad-missing").path, (past, past))


def test_garbage_is_listed_with_a_reason_and_harms_nobody(tmp_path: Path) -> None:
    good = a_run(tmp_path)
    garbage(tmp_path)
    (tmp_path / ".trash").mkdir()
    (tmp_path / "Not A Run").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(good.path)
    rows = list_runs(tmp_path)
    assert rows[0] == summarise(good)
    assert len(rows) == 14
    for row in rows[1:]:
        assert row.state == "unreadable"
        assert "run.json" in row.reason
        assert " ".join(row.to_json()) == KEYS
    newer = next(row for row in rows if row.id == "bad-newer")
    assert "made by a newer shareconsole" in newer.reason


def test_garbage_in_the_other_files_harms_no_one_either(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    an_attempt(folder)
    folder.status_json.write_text("[")
    os.mkfifo(folder.heartbeat)
    os.mkfifo(folder.lock)
    assert summarise(folder).state == "starting"
    folder.attempt_json(1).write_text("[")
    row = summarise(folder)
    assert (row.state, row.name) == ("unreadable", "digits")
    assert "attempt.0001.json" in row.reason


def test_a_folder_just_being_made_is_not_called_unreadable(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    row = summarise(folder)
    assert (row.state, row.reason, row.created) == ("queued", "being made", WHEN)
    past = time.time() - 11
    os.utime(folder.path, (past, past))
    row = summarise(folder)
    assert (row.state, row.reason) == ("unreadable", "no run.json")
    assert (derive_state(folder).word, derive_state(folder).reason) == ("unreadable", "no run.json")
    an_attempt(a_folder(tmp_path, "with-an-attempt"))
    assert summarise(RunFolder(tmp_path / "with-an-attempt")).state == "unreadable"


def test_newest_first_whatever_the_offset(tmp_path: Path) -> None:
    for name, created in {
        "a": "2026-11-22T10:00:00Z",
        "b": "2026-11-22T11:30:00+02:00",
        "c": "2026-11-22T10:00:00.500Z",
        "d": "2026-11-22T09:45:00",
    }.items():
        a_run(tmp_path, name, created=created)
    assert [row.id for row in list_runs(tmp_path)] == ["c", "a", "d", "b"]


def test_no_runs_folder(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "missing") == []
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Not a directory"):
        list_runs(tmp_path / "file")
    with pytest.raises(UsageError, match="no runs"):
        resolve(tmp_path / "missing", "latest")


def test_resolve(tmp_path: Path) -> None:
    a_run(tmp_path, "20261122-011530-a-0001", created="2026-11-22T05:00:00Z")
    a_run(tmp_path, "20261122-011530-a-0002", created="2026-11-22T04:00:00Z")
    a_run(tmp_path, "20261123-011530-b-0001", created="2026-11-22T03:00:00Z")
    a_run(tmp_path, "20261123-011530-b-00011", created="2026-11-22T02:00:00Z")
    assert resolve(tmp_path, "latest").id == "20261122-011530-a-0001"
    assert resolve(tmp_path, "20261123-011530-b-0001").id == "20261123-011530-b-0001"
    assert resolve(tmp_path, "20261123-011530-b-00011").id == "20261123-011530-b-00011"
    with pytest.raises(UsageError, match="20261122-011530-a-0001, 20261122-011530-a-0002"):
        resolve(tmp_path, "20261122")
    with pytest.raises(UsageError, match="did you mean 20261122-011530-a-0001"):
        resolve(tmp_path, "011530-a")
    for name in ("", "zzz", "../x", "\x1b"):
        with pytest.raises(UsageError):
            resolve(tmp_path, name)
    (tmp_path / "link").symlink_to(tmp_path / "20261122-011530-a-0001")
    with pytest.raises(UsageError):
        resolve(tmp_path, "link")


def test_many_runs(tmp_path: Path) -> None:
    synthetic_runs(tmp_path, 200)
    rows = list_runs(tmp_path)
    assert [row.seed for row in rows] == list(range(199, -1, -1))
    assert {row.state for row in rows} == {"finished", "stopped", "failed", "starting", "crashed"}
    start = time.process_time()
    list_runs(tmp_path)
    # 2,000 in a second; with room for a busy machine.
    assert time.process_time() - start < 0.2
    assert all(isinstance(row, RunSummary) for row in rows)
