from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from shareconsole.errors import LockedError
from shareconsole.store.atomic import StoreError
from shareconsole.store.folder import RunFolder
from shareconsole.store.lock import RunLock, probe
from tests.store.builders import a_folder, child, says

LONG = os.environ.get("SHARECONSOLE_LONG") == "1"

HOLDER = """
import sys
from pathlib import Path
from shareconsole.errors import LockedError
from shareconsole.store.folder import RunFolder
from shareconsole.store.lock import RunLock, probe
folder = RunFolder(Path(sys.argv[1]))
for line in sys.stdin:
    command = line.strip()
    if command == "acquire":
        try:
            lock = RunLock.acquire(folder)
            print("held", flush=True)
        except LockedError as error:
            print("locked", flush=True)
    elif command == "probe":
        print(probe(folder), flush=True)
    elif command == "release":
        lock.release()
        print("released", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return a_folder(tmp_path)


def ask(process: object, command: str) -> str:
    process.stdin.write(command + "\n")  # type: ignore[attr-defined]
    process.stdin.flush()  # type: ignore[attr-defined]
    return says(process)  # type: ignore[arg-type]


def test_held_until_released(folder: RunFolder) -> None:
    assert not probe(folder)
    with child(HOLDER, folder.path) as other, RunLock.acquire(folder) as lock:
        assert ask(other, "probe") == "True"
        assert ask(other, "acquire") == "locked"
        lock.release()
        lock.release()
        assert ask(other, "probe") == "False"
        assert ask(other, "acquire") == "held"
        with pytest.raises(LockedError, match=f"process {other.pid}"):
            RunLock.acquire(folder)
        other.kill()
        other.wait()
        assert not probe(folder)
        RunLock.acquire(folder).release()


def test_a_probe_neither_takes_nor_drops_the_lock(folder: RunFolder) -> None:
    with child(HOLDER, folder.path) as other:
        assert ask(other, "acquire") == "held"
        for _ in range(20):
            assert probe(folder)
        # Even the holder's own probe, and its own second attempt, leave the lock alone.
        assert ask(other, "probe") == "True"
        assert ask(other, "acquire") == "locked"
        assert probe(folder)
        assert ask(other, "release") == "released"
        assert not probe(folder)
        assert not probe(folder)
        assert ask(other, "acquire") == "held"


def test_the_trap_that_this_module_exists_for(folder: RunFolder) -> None:
    """Shows that the tests above test something: any close drops a POSIX lock."""
    with child(HOLDER, folder.path) as other, RunLock.acquire(folder):
        assert ask(other, "probe") == "True"
        os.close(os.open(folder.lock, os.O_RDONLY))
        assert ask(other, "probe") == "False"


def test_a_fork_neither_has_nor_drops_the_lock(folder: RunFolder) -> None:
    with child(HOLDER, folder.path) as other, RunLock.acquire(folder) as lock:
        pid = os.fork()
        if pid == 0:
            held = probe(folder)
            lock.release()
            os._exit(0 if held else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert ask(other, "probe") == "True"


def test_what_is_no_lock_file(folder: RunFolder) -> None:
    os.mkfifo(folder.lock)
    assert not probe(folder)
    with pytest.raises(StoreError, match="not a regular file"):
        RunLock.acquire(folder)
    folder.lock.unlink()
    folder.lock.symlink_to("/etc/passwd")
    assert not probe(folder)
    with pytest.raises(StoreError, match="lock"):
        RunLock.acquire(folder)


def test_a_file_system_without_locks_is_named(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", no_locks)
    with pytest.raises(StoreError, match="does not support locks"):
        RunLock.acquire(folder)


RACER = """
import sys
from pathlib import Path
from shareconsole.errors import LockedError
from shareconsole.store.folder import RunFolder
from shareconsole.store.lock import RunLock
print("ready", flush=True)
for line in sys.stdin:
    try:
        lock = RunLock.acquire(RunFolder(Path(line.strip())))
        print("won", flush=True)
    except LockedError:
        print("lost", flush=True)
"""


def test_of_many_that_start_at_once_exactly_one_wins(tmp_path: Path) -> None:
    with ExitStack() as stack:
        racers = [stack.enter_context(child(RACER)) for _ in range(5)]
        assert [says(racer) for racer in racers] == ["ready"] * 5
        for race in range(100 if LONG else 20):
            folder = a_folder(tmp_path, f"race-{race}")
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{folder.path}\n")
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.flush()
            answers = sorted(says(racer) for racer in racers)
            assert answers == ["lost"] * 4 + ["won"]
            assert probe(folder)
