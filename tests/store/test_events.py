from __future__ import annotations

import os
from pathlib import Path

import pytest

from shareconsole.store.events import EventReader, EventWriter, read_events
from shareconsole.store.folder import RunFolder
from tests.store.builders import a_folder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return a_folder(tmp_path)


def test_events_come_back_over_all_attempts(folder: RunFolder) -> None:
    with EventWriter(folder.events(1), 1) as writer:
        writer.write("attempt_started")
        writer.write("failed", step=3, error='loss is NaN, "crc": "', loss=float("nan"))
    with EventWriter(folder.events(2), 2) as writer:
        writer.write("resumed_from", step=2, path=Path("x"), nested={"a": [1, (2.5,)]})
    events = read_events(folder)
    assert [(event.kind, event.attempt) for event in events] == [
        ("attempt_started", 1),
        ("failed", 1),
        ("resumed_from", 2),
    ]
    assert events[1].data == {"step": 3, "error": 'loss is NaN, "crc": "', "loss": "nan"}
    assert events[2].data == {"step": 2, "path": "x", "nested": {"a": [1, [2.5]]}}
    assert events.bad_lines == 0
    with pytest.raises(FileExistsError):
        EventWriter(folder.events(1), 1)


def test_every_flip_is_noticed(folder: RunFolder) -> None:
    path = folder.events(1)
    with EventWriter(path, 1) as writer:
        for step in range(3):
            writer.write("checkpoint_saved", step=step)
    whole, data = read_events(folder), path.read_bytes()
    path.unlink()
    for bit in range(0, 8 * len(data), 3):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.unlink(missing_ok=True)
        path.write_bytes(flipped)
        events = read_events(folder)
        # A newline that is lost takes two lines with it, or leaves the last one unfinished.
        assert len(events) >= 1
        assert all(event in whole for event in events)
        assert events.bad_lines >= 1 or bit // 8 == len(data) - 1


def test_garbage_is_counted(folder: RunFolder) -> None:
    folder.events(1).write_bytes(b"\n{}\n\xff\0\n" + b"x" * 3_000_000 + b"\n")
    events = read_events(folder)
    assert list(events) == []
    assert events.bad_lines == 4
    os.mkfifo(folder.events(2))
    assert list(read_events(folder)) == []


def test_lines_are_waited_for(folder: RunFolder) -> None:
    with EventWriter(folder.events(1), 1) as writer:
        writer.write("paused")
        writer.write("continued")
    data, path = folder.events(1).read_bytes(), folder.events(3)
    reader = EventReader(path)
    assert reader.poll() == []
    kinds = []
    with open(path, "wb", buffering=0) as stream:
        for byte in data:
            stream.write(bytes([byte]))
            kinds += [event.kind for event in reader.poll()]
    assert kinds == ["paused", "continued"]
    assert reader.bad_lines == 0


def test_a_full_disk_delays_events(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    writer = EventWriter(folder.events(1), 1)
    writer.write("attempt_started")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        writer.write("disk_full")
        assert not writer.retry()
        assert writer.backlog_bytes > 0
    writer.write("disk_recovered")
    assert writer.sync()
    assert writer.close()
    kinds = [event.kind for event in read_events(folder)]
    assert kinds == ["attempt_started", "disk_full", "disk_recovered"]
