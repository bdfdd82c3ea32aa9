from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from shareconsole.store.heartbeat import Flag, Heartbeat, read_heartbeat
from tests.store.builders import a_folder


def test_beats_come_back(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert read_heartbeat(folder) is None
    with Heartbeat(folder) as heart:
        assert read_heartbeat(folder) is None
        assert heart.beat(5, Flag.PAUSED | Flag.DISK_FULL, 1.5, 0.25)
        first = read_heartbeat(folder)
        assert first is not None
        assert (first.counter, first.step, first.since_step_seconds) == (1, 5, 1.5)
        assert first.median_step_seconds == 0.25
        assert Flag.PAUSED in first.flags
        assert Flag.STOPPING not in first.flags
        assert abs(first.modified - time.time()) < 10
        size, inode = folder.heartbeat.stat().st_size, folder.heartbeat.stat().st_ino
        for step in range(100):
            heart.beat(step)
    assert (folder.heartbeat.stat().st_size, folder.heartbeat.stat().st_ino) == (size, inode)
    with Heartbeat(folder) as heart:
        heart.beat(100)
    last = read_heartbeat(folder)
    assert last is not None
    assert (last.counter, last.step, last.flags) == (102, 100, Flag(0))
    heart.close()


def test_unknown_flags_are_kept(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    with Heartbeat(folder) as heart:
        heart.beat(1, 65)
    beat = read_heartbeat(folder)
    assert beat is not None
    assert Flag.PAUSED in beat.flags


def test_a_refused_beat_is_told_not_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_folder(tmp_path)
    with Heartbeat(folder) as heart:

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            assert not heart.beat(1)
            assert heart.last_error is not None
        assert heart.beat(1)
        assert heart.last_error is None


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 44, b"\0" * 43, b"x" * 10**6])
def test_garbage_is_no_beat(tmp_path: Path, content: bytes) -> None:
    folder = a_folder(tmp_path)
    folder.heartbeat.write_bytes(content)
    # Forty-four zeros have the right length; their CRC does not fit.
    assert read_heartbeat(folder) is None
    with Heartbeat(folder) as heart:
        heart.beat(3)
    if len(content) <= 44:
        assert read_heartbeat(folder) is not None


def test_a_fifo_is_no_beat(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    os.mkfifo(folder.heartbeat)
    assert read_heartbeat(folder) is None
