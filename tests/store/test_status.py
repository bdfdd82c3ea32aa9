"""Each word of the state, reached the way a run reaches it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from shareconsole.store.attempts import AttemptExit, end_attempt, read_attempt, update_attempt
from shareconsole.store.clock import FolderClock, Reading
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Flag, Heartbeat
from shareconsole.store.process import this_process
from shareconsole.store.status import Status, derive_state, read_status, write_status
from tests.store.builders import WHEN, a_run, an_attempt, child, says

TRAINER = """
import sys
from pathlib import Path
from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Flag, Heartbeat
from shareconsole.store.lock import RunLock
from tests.store.builders import WHEN, an_attempt
folder = RunFolder(Path(sys.argv[1]))
lock = RunLock.acquire(folder)
attempt = an_attempt(folder, int(sys.argv[2]))
print("up", flush=True)
heart = Heartbeat(folder)
for line in sys.stdin:
    what, *rest = line.split()
    if what == "beat":
        step, flags, since, median = rest
        heart.beat(int(step), int(flags), float(since), float(median))
    else:
        folder.metrics(attempt.number).touch()
        end_attempt(folder, attempt, AttemptExit(int(what == "failed"), what, 9, "why", WHEN))
    print("ok", flush=True)
"""


def an_end(folder: RunFolder, number: int, exit: AttemptExit) -> None:
    """An attempt from its beginning to its end, with a file for its records."""
    attempt = an_attempt(folder, number)
    folder.metrics(number).touch()
    end_attempt(folder, attempt, exit)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return a_run(tmp_path)


class Later(FolderClock):
    """A clock that is ahead by so many seconds."""

    def __init__(self, folder: RunFolder, ahead: float, approximate: bool = False) -> None:
        super().__init__(folder.path.parent, near_seconds=0.0)
        self._ahead, self._approximate = ahead, approximate

    def read(self) -> Reading:
        return Reading(super().read().seconds + self._ahead, self._approximate)


def tell(process: object, line: str) -> None:
    process.stdin.write(line + "\n")  # type: ignore[attr-defined]
    process.stdin.flush()  # type: ignore[attr-defined]
    assert says(process) == "ok"  # type: ignore[arg-type]


def word(folder: RunFolder, ahead: float = 0.0) -> str:
    return derive_state(folder, clock=Later(folder, ahead)).word


def test_before_the_first_attempt(folder: RunFolder) -> None:
    assert word(folder) == "queued"
    folder.launch_log("x1").touch()
    assert word(folder) == "starting"
    assert word(folder, 31) == "crashed"
    assert derive_state(folder, clock=Later(folder, 31)).reason == "the trainer did not come up"


@pytest.mark.parametrize("kind", ["metrics", "tensors", "events"])
def test_records_of_an_attempt_whose_own_file_is_gone(folder: RunFolder, kind: str) -> None:
    """It was trained, so it does not wait for its first trainer."""
    getattr(folder, kind)(1).touch()
    state = derive_state(folder)
    assert state.word == "unreadable"
    assert state.reason == "attempt.0001.json is missing: what became of attempt 1 is not known"
    folder.launch_log("x1").touch()
    assert word(folder) == "starting"
    assert word(folder, 31) == "unreadable"


def test_the_newest_attempt_is_gone_and_an_older_one_there(folder: RunFolder) -> None:
    an_end(folder, 1, AttemptExit(0, "stopped", 9, "", WHEN))
    folder.metrics(2).touch()
    assert derive_state(folder).reason.startswith("attempt.0002.json is missing")
    an_end(folder, 3, AttemptExit(0, "finished", 20, "", WHEN))
    assert word(folder) == "finished"


def test_a_log_alone_is_no_record(folder: RunFolder) -> None:
    """It has its name a moment before the attempt is on record."""
    folder.log(1).touch()
    assert word(folder) == "queued"


def test_an_attempt_that_appears_while_the_folder_is_listed(folder: RunFolder) -> None:
    an_attempt(folder, 1)
    folder.metrics(1).touch()
    names = [name for name in folder.names() if not name.startswith("attempt")]
    assert derive_state(folder, names=names).word == "starting"


def test_slow_to_come_up_but_it_holds_the_lock(folder: RunFolder) -> None:
    folder.launch_log("x1").touch()
    program = TRAINER.replace("attempt = ", "print('locked', flush=True); input(); attempt = ")
    with child(program, folder.path, 1) as trainer:
        assert says(trainer) == "locked"
        assert word(folder, 31) == "starting"


def test_a_life(folder: RunFolder) -> None:
    with child(TRAINER, folder.path, 1) as trainer:
        assert says(trainer) == "up"
        assert word(folder) == "starting"
        tell(trainer, "beat 5 0 0.1 0.1")
        state = derive_state(folder)
        assert (state.word, state.reason) == ("running", "")
        assert state.beat is not None
        assert state.beat.step == 5
        assert state.attempt == read_attempt(folder, 1)
        tell(trainer, f"beat 5 {Flag.PAUSED} 500 0.1")
        assert word(folder) == "paused"
        tell(trainer, f"beat 5 {Flag.PAUSED | Flag.DISK_FULL} 500 0.1")
        assert "disk is full" in derive_state(folder).reason
        tell(trainer, f"beat 6 {Flag.STOPPING | Flag.PAUSED} 0 0.1")
        assert word(folder) == "stopping"
        tell(trainer, f"beat 6 {Flag.EVALUATING} 500 0.1")
        assert word(folder) == "running"
        tell(trainer, "beat 6 0 59 0.1")
        assert word(folder) == "running"
        tell(trainer, "beat 6 0 61 0.1")
        assert word(folder) == "stalled"
        tell(trainer, "beat 6 0 61 4.0")
        assert word(folder) == "running"
        tell(trainer, "beat 6 0 81 4.0")
        assert word(folder) == "stalled"
        tell(trainer, "stopped")
        assert word(folder) == "stopped"
        tell(trainer, "finished")
        assert word(folder) == "finished"
        tell(trainer, "failed")
        state = derive_state(folder)
        assert (state.word, state.reason) == ("failed", "why")


def test_frozen_as_a_whole(folder: RunFolder) -> None:
    with child(TRAINER, folder.path, 1) as trainer:
        assert says(trainer) == "up"
        tell(trainer, "beat 5 0 0 0.1")
        os.kill(trainer.pid, signal.SIGSTOP)
        assert word(folder, 30) == "running"
        assert word(folder, 70) == "stalled"


def test_killed(folder: RunFolder) -> None:
    with child(TRAINER, folder.path, 1) as trainer:
        assert says(trainer) == "up"
        tell(trainer, "beat 5 0 0 0.1")
        trainer.kill()
        # Nobody has reaped it: a zombie is gone all the same.
        os.waitid(os.P_PID, trainer.pid, os.WEXITED | os.WNOWAIT)
        start = time.monotonic()
        state = derive_state(folder)
        assert time.monotonic() - start < 3
        assert state.word == "crashed"
        assert str(trainer.pid) in state.reason
    assert word(folder) == "crashed"


def test_a_reused_pid_does_not_fool(folder: RunFolder) -> None:
    me = this_process()
    an_attempt(folder, process=replace(me, start_ticks=me.start_ticks - 100))
    with Heartbeat(folder) as heart:
        heart.beat(1)
    assert word(folder) == "crashed"


def test_a_restart_of_the_machine(folder: RunFolder) -> None:
    an_attempt(folder, process=replace(this_process(), boot_id="the boot before"))
    state = derive_state(folder)
    assert state.word == "crashed"
    assert "restarted" in state.reason


def test_a_resumed_run_starts_before_its_first_beat(folder: RunFolder) -> None:
    with Heartbeat(folder) as heart:
        heart.beat(7, Flag.STOPPING)
    an_end(folder, 1, AttemptExit(0, "stopped", 7, "", WHEN))
    past = time.time() - 100
    os.utime(folder.heartbeat, (past, past))
    an_attempt(folder, 2)
    assert word(folder) == "starting"
    with Heartbeat(folder) as heart:
        heart.beat(8)
    assert word(folder) == "running"


def test_a_resume_that_has_no_attempt_yet(folder: RunFolder) -> None:
    an_end(folder, 1, AttemptExit(0, "stopped", 7, "", WHEN))
    past = time.time() - 100
    os.utime(folder.attempt_json(1), (past, past))
    folder.launch_log("x2").touch()
    # A launch that failed leaves such a log too; only the lock tells that one is coming up.
    assert word(folder) == "stopped"
    program = TRAINER.replace("attempt = ", "print('locked', flush=True); input(); attempt = ")
    with child(program, folder.path, 2) as trainer:
        assert says(trainer) == "locked"
        assert word(folder) == "starting"
    os.utime(folder.launch_log("x2"), (past - 1, past - 1))
    assert word(folder) == "stopped"


ELSEWHERE = replace(this_process(), host="elsewhere", boot_id="another-boot")


def test_on_another_machine(folder: RunFolder) -> None:
    an_attempt(folder, process=ELSEWHERE)
    assert word(folder) == "starting"
    assert word(folder, 61) == "lost"
    with Heartbeat(folder) as heart:
        heart.beat(3, Flag.PAUSED)
        assert word(folder) == "paused"
        heart.beat(3)
    assert word(folder) == "running"
    assert word(folder, 59) == "running"
    state = derive_state(folder, clock=Later(folder, 61))
    assert (state.word, state.approximate) == ("lost", False)
    assert "elsewhere" in state.reason
    assert "about" not in state.reason
    state = derive_state(folder, clock=Later(folder, 61, approximate=True))
    assert (state.word, state.approximate) == ("lost", True)
    assert "about" in state.reason


def test_beyond_our_sight_but_it_holds_the_lock(folder: RunFolder) -> None:
    """As with a container whose processes we cannot see."""
    with child(TRAINER, folder.path, 1) as trainer:
        assert says(trainer) == "up"
        tell(trainer, "beat 3 0 0 0.1")
        folder.attempt_json(1).unlink()
        an_attempt(folder, process=ELSEWHERE)
        now = time.time() + 5
        os.utime(folder.heartbeat, (now, now))
        assert word(folder) == "running"


def test_an_exit_recorded_between_two_looks(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = an_attempt(folder, process=replace(this_process(), start_ticks=1))

    def gone(_: object) -> bool:
        folder.metrics(1).touch()
        end_attempt(folder, attempt, AttemptExit(0, "finished", 9, "", WHEN))
        return False

    monkeypatch.setattr("shareconsole.store.status.is_alive", gone)
    assert word(folder) == "finished"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"number": NaN}', "\0" * 100])
def test_unreadable(folder: RunFolder, content: str) -> None:
    folder.attempt_json(1).write_text(content)
    state = derive_state(folder)
    assert state.word == "unreadable"
    assert "attempt.0001.json" in state.reason


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    assert derive_state(RunFolder(tmp_path / "x" / "y")).word == "unreadable"


def test_nothing_is_written_into_the_run(folder: RunFolder) -> None:
    an_attempt(folder, process=ELSEWHERE)
    with Heartbeat(folder) as heart:
        heart.beat(3)
    before = sorted(os.listdir(folder.path)), folder.path.stat().st_mtime_ns
    derive_state(folder)
    assert (sorted(os.listdir(folder.path)), folder.path.stat().st_mtime_ns) == before
    assert os.listdir(folder.path.parent) == [folder.id]


def test_the_clock_of_a_folder(tmp_path: Path) -> None:
    reading = FolderClock(tmp_path).read()
    assert abs(reading.seconds - time.time()) < 5
    assert not reading.approximate
    assert FolderClock(tmp_path / "missing").read().approximate
    assert os.listdir(tmp_path) == []


def test_ages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FolderClock(tmp_path)
    now = time.time()
    assert clock.age(now + 3).seconds == 0
    assert 50 < clock.age(now - 60).seconds < 70
    # A machine whose clock is two hours off judges by the file system's.
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    assert clock.age(now).seconds < 30


def test_the_hint_comes_back_and_garbage_is_none(folder: RunFolder) -> None:
    assert read_status(folder) is None
    status = Status(5, 10, 1, 0.25, None, 12.5, WHEN)
    write_status(folder, status)
    assert read_status(folder) == status
    with pytest.raises(ValueError, match="JSON"):
        write_status(folder, replace(status, macro_error=float("nan")))
    assert read_status(folder) == status
    for text in ("", "{}", '{"step": "5"}', '{"step": 1e999}'):
        folder.status_json.write_text(text)
        assert read_status(folder) is None


@pytest.mark.parametrize("reason", ["finished", "stopped", "failed"])
def test_a_run_that_made_steps_and_has_no_records_of_them_is_unreadable(
    folder: RunFolder, reason: str
) -> None:
    an_end(folder, 1, AttemptExit(0, reason, 9, "why", WHEN))
    assert word(folder) == reason
    refuse(folder, 2)
    folder.metrics(1).unlink()
    state = derive_state(folder)
    assert (state.word, state.attempt) == ("unreadable", read_attempt(folder, 1))
    assert state.refused == read_attempt(folder, 2)
    assert state.reason == "metrics.0001.rec is missing: the steps of attempt 1 are lost"
    # Goes on from a checkpoint; one that ended before its first step leaves nothing to miss.
    attempt = an_attempt(folder, 3, resume_from_step=8)
    assert word(folder) == "starting"
    end_attempt(folder, attempt, AttemptExit(1, "failed", 8, "no memory", WHEN))
    assert word(folder) == "failed"


def refuse(folder: RunFolder, number: int) -> None:
    end = AttemptExit(2, "refused", 9, "other data", WHEN, inexact=True)
    end_attempt(folder, an_attempt(folder, number), end)
    folder.events(number).touch()


@pytest.mark.parametrize("reason", ["finished", "stopped", "failed"])
def test_a_refused_attempt_leaves_the_run_as_it_was(folder: RunFolder, reason: str) -> None:
    an_end(folder, 1, AttemptExit(0, reason, 9, "why", WHEN))
    before = derive_state(folder)
    for number in (2, 3):
        refuse(folder, number)
        state = derive_state(folder)
        assert replace(state, refused=None) == before
        assert state.refused == read_attempt(folder, number)
    assert state.refused.exit.inexact
    an_end(folder, 4, AttemptExit(0, "stopped", 12, "", WHEN))
    assert (word(folder), derive_state(folder).refused) == ("stopped", None)


def test_a_refusal_is_no_sign_of_life_of_the_attempt_before(folder: RunFolder) -> None:
    with child("pass", folder.path) as gone:
        gone.wait()
    attempt = replace(an_attempt(folder, 1), pid=gone.pid, start_ticks=1)
    update_attempt(folder, attempt)
    refuse(folder, 2)
    Heartbeat(folder).beat(9, Flag.STARTING, 0.0, 0.0)
    assert word(folder) == "crashed"
    update_attempt(folder, replace(attempt, host="elsewhere", boot_id="other"))
    assert word(folder) == "lost"


def test_refused_attempts_alone_do_not_tell_how_a_run_stands(folder: RunFolder) -> None:
    refuse(folder, 2)
    assert derive_state(folder).reason.startswith("attempt.0001.json is missing")


def test_a_run_at_rest_without_its_preset_is_unreadable(folder: RunFolder) -> None:
    folder.resolved_toml.unlink()
    assert (word(folder), derive_state(folder).reason) == (
        "unreadable",
        "preset.resolved.toml is missing",
    )
    attempt = an_attempt(folder, 1)
    assert word(folder) == "starting"
    end_attempt(folder, attempt, AttemptExit(1, "failed", 9, "why", WHEN))
    assert word(folder) == "unreadable"
    assert derive_state(folder).attempt == read_attempt(folder, 1)
