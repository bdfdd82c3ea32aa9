from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from shareconsole.store import control
from shareconsole.store.atomic import read_json
from shareconsole.store.control import VERBS, ControlInbox, request
from shareconsole.store.folder import RunFolder
from tests.store.builders import a_folder, child, says


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return a_folder(tmp_path)


def test_requests_arrive_once_and_in_order(folder: RunFolder) -> None:
    inbox = ControlInbox(folder)
    assert inbox.poll() == []
    paths = [request(folder, verb, now=verb == "stop") for verb in VERBS]
    assert [path.name for path in paths] == [
        "000001-stop.json",
        "000002-pause.json",
        "000003-resume.json",
        "000004-checkpoint.json",
    ]
    got = inbox.poll()
    assert [one.verb for one in got] == list(VERBS)
    assert got[0].data == {"now": True}
    assert got[0].filed.endswith("Z")
    assert inbox.poll() == []
    for one in got:
        one.done("so be it")
        one.done("twice is harmless")
    assert inbox.poll() == []
    assert sorted(os.listdir(folder.control)) == [f"{path.name}.done" for path in paths]
    assert read_json(folder.control / "000001-stop.json.done")["result"] == "so be it"
    assert request(folder, "stop").name == "000005-stop.json"
    with pytest.raises(ValueError, match="explode"):
        request(folder, "explode")


def test_what_was_not_acknowledged_reaches_the_next_attempt(folder: RunFolder) -> None:
    request(folder, "stop")
    assert len(ControlInbox(folder).poll()) == 1
    inbox = ControlInbox(folder)
    assert [one.verb for one in inbox.clear("meant for an earlier attempt")] == ["stop"]
    assert inbox.poll() == []
    request(folder, "pause")
    assert [one.verb for one in inbox.poll()] == ["pause"]


def test_a_touched_file_is_a_request(folder: RunFolder) -> None:
    (folder.control / "1-stop.json").touch()
    assert [one.verb for one in ControlInbox(folder).poll()] == ["stop"]


def test_nonsense_is_refused_and_never_blocks(folder: RunFolder) -> None:
    for name, content in {
        "1-stop.json": "[]",
        "2-stop.json": '{"data": 3}',
        "3-stop.json": "\0",
        "4-explode.json": "{}",
        "5-stop.json": "x" * 100_000,
    }.items():
        (folder.control / name).write_text(content)
    os.mkfifo(folder.control / "6-stop.json")
    (folder.control / "7-stop.json").mkdir()
    (folder.control / "8-stop.json").symlink_to("/etc/passwd")
    (folder.control / "readme.txt").touch()
    inbox = ControlInbox(folder)
    assert inbox.poll() == []
    assert inbox.poll() == []
    request(folder, "pause")
    assert [one.path.name for one in inbox.poll()] == ["000009-pause.json"]
    refused = read_json(folder.control / "4-explode.json.done")
    assert refused["result"].startswith("not understood")


def test_two_in_one_tick_of_the_clock_are_both_seen(folder: RunFolder) -> None:
    """The second leaves the folder's mtime as it was when the first was seen."""
    inbox = ControlInbox(folder)
    request(folder, "pause")
    stamp = os.stat(folder.control).st_mtime_ns
    os.utime(folder.control, ns=(stamp, stamp))
    assert [one.verb for one in inbox.poll()] == ["pause"]
    request(folder, "resume")
    os.utime(folder.control, ns=(stamp, stamp))
    assert [one.verb for one in inbox.poll()] == ["resume"]


def test_a_folder_whose_mtime_never_changes_is_still_looked_at(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    inbox = ControlInbox(folder)
    stamp = os.stat(folder.control).st_mtime_ns
    inbox.poll()
    now += 100
    inbox.poll()
    request(folder, "stop")
    os.utime(folder.control, ns=(stamp, stamp))
    now += 0.1
    assert inbox.poll() == []
    now += 1.0
    assert [one.verb for one in inbox.poll()] == ["stop"]


def test_polling_is_cheap(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_SETTLE_SECONDS", 0.0)
    inbox = ControlInbox(folder)
    inbox.poll()
    start = time.process_time()
    for _ in range(2000):
        inbox.poll()
    assert (time.process_time() - start) / 2000 < 50e-6


REQUESTER = """
import sys
from pathlib import Path
from shareconsole.store.control import VERBS, request
from shareconsole.store.folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
print("ready", flush=True)
input()
for i in range(25):
    request(folder, VERBS[i % 2], who=sys.argv[2], i=i)
print("done", flush=True)
"""


def test_requesters_at_once_lose_nothing_and_nothing_runs_twice(folder: RunFolder) -> None:
    inbox = ControlInbox(folder)
    seen: Counter[tuple[str, int]] = Counter()
    order: dict[str, list[int]] = {}
    with ExitStack() as stack:
        many = [stack.enter_context(child(REQUESTER, folder.path, who)) for who in "abcd"]
        assert [says(one) for one in many] == ["ready"] * 4
        for one in many:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        deadline = time.monotonic() + 30
        while sum(seen.values()) < 100 and time.monotonic() < deadline:
            for got in inbox.poll():
                seen[got.data["who"], got.data["i"]] += 1
                order.setdefault(got.data["who"], []).append(got.data["i"])
                got.done("ok")
        assert [says(one) for one in many] == ["done"] * 4
    assert len(seen) == 100
    assert set(seen.values()) == {1}
    assert all(found == sorted(found) for found in order.values())
    names = os.listdir(folder.control)
    assert sorted(int(name.split("-")[0]) for name in names) == list(range(1, 101))


def test_a_request_that_cannot_be_written_leaves_nothing(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        request(folder, "stop")
    assert os.listdir(folder.control) == []
