"""Making a run folder and starting a trainer: hand-shake, failures, what the child is given."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from shareconsole import launch
from shareconsole.errors import (
    LockedError,
    PresetError,
    RunFailedError,
    ShareconsoleError,
    UsageError,
)
from shareconsole.spec.toml import load_preset, parse_resolved
from shareconsole.store.folder import RunFolder
from shareconsole.store.identity import read_identity
from shareconsole.store.status import derive_state

HOSTILE = "[@click=app.bell()]x[/]\x1b]0;pwned\x07"

# What a trainer does before it trains: name its attempt and take over its log.
COME_UP = """
import json, os, sys
from pathlib import Path
from shareconsole.store.attempts import Attempt, create_attempt
from shareconsole.store.clock import utc_now
from shareconsole.store.folder import RunFolder
from shareconsole.store.process import this_process
folder = RunFolder(Path(sys.argv[1]))
number = folder.next_attempt()
(folder.path / sys.argv[3]).rename(folder.log(number))
me = this_process()
create_attempt(folder, Attempt(number, me.pid, me.boot_id, me.start_ticks, me.host,
                               tuple(sys.argv), utc_now(), 10))
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    loaded = load_preset("digits", ["train.steps=10", "device.threads=1"])
    return launch.create_run(loaded, tmp_path / "runs")


def fake(tmp_path: Path, code: str) -> list[str]:
    script = tmp_path / "fake_trainer.py"
    script.write_text(code)
    return [sys.executable, str(script)]


def wait_for(path: Path) -> str:
    until = time.monotonic() + 10
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < until, f"{path} does not come"
        time.sleep(0.01)
    return path.read_text()


def test_a_new_run_holds_the_preset_as_given_and_as_it_runs(tmp_path):
    source = tmp_path / "mine.toml"
    source.write_bytes(Path("presets/digits.toml").read_bytes() + b"# kept to the byte\n")
    now = datetime(2026, 11, 22, 1, 15, 30, tzinfo=UTC)
    overrides = ["train.steps=7", "run.seed=5", 'run.tags=["a"]']
    folder = launch.create_run(load_preset(str(source), overrides), tmp_path / "runs", now=now)
    assert folder.id.startswith("20261122-011530-")
    assert stat.S_IMODE(folder.path.parent.stat().st_mode) == 0o700
    assert folder.preset_toml.read_bytes() == source.read_bytes()
    resolved = folder.resolved_toml.read_bytes()
    assert parse_resolved(resolved.decode()).train.steps == 7
    identity = read_identity(folder)
    assert identity.preset_sha256 == hashlib.sha256(resolved).hexdigest()
    assert (identity.name, identity.seed, identity.steps, identity.tags) == (
        parse_resolved(resolved.decode()).run.name,
        5,
        7,
        ("a",),
    )
    assert identity.created == "2026-11-22T01:15:30.000Z"
    assert identity.settings["train"]["steps"] == 7
    assert {"python", "torch"} <= identity.versions.keys()
    assert derive_state(folder).word == "queued"


def test_a_hostile_name_is_kept_and_harms_no_path(tmp_path):
    from shareconsole.spec.overrides import as_override

    loaded = load_preset("digits", [as_override("run.name", HOSTILE)])
    folder = launch.create_run(loaded, tmp_path / "runs")
    assert read_identity(folder).name == HOSTILE
    assert "\x1b" not in str(folder.path)


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path, monkeypatch):
    def full(folder: RunFolder, identity: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(launch, "write_identity", full)
    with pytest.raises(ShareconsoleError, match="No space left"):
        launch.create_run(load_preset("digits"), tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ShareconsoleError, match="cannot make a run"):
        launch.create_run(load_preset("digits"), tmp_path / "file")


def test_what_does_not_fit_is_told_before_anything_is_made(tmp_path, monkeypatch):
    import psutil

    preset = load_preset("digits").preset
    launch.check_room(preset, tmp_path / "runs")
    disk = SimpleNamespace(free=1000, total=10**12)
    monkeypatch.setattr(launch.shutil, "disk_usage", lambda path: disk)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(PresetError) as caught:
        launch.check_room(preset, tmp_path / "runs", file="digits")
    memory, room = caught.value.problems
    assert "of memory" in memory.problem
    assert "80%" in memory.allowed
    assert "even with one task at a time" in memory.problem
    assert str(tmp_path) in room.allowed
    assert "64 MiB of it kept in reserve" in room.allowed
    assert caught.value.exit_code == 2
    assert not (tmp_path / "runs").exists()
    on_gpu = load_preset("digits", ["device.device=cuda"]).preset
    with pytest.raises(PresetError) as caught:
        launch.check_room(on_gpu, tmp_path / "runs")
    assert [problem.key for problem in caught.value.problems] == ["train.steps"]


def test_a_small_disk_keeps_less_in_reserve(tmp_path, monkeypatch):
    disk = SimpleNamespace(free=60 * 2**20, total=100 * 2**20)
    monkeypatch.setattr(launch.shutil, "disk_usage", lambda path: disk)
    launch.check_room(load_preset("digits").preset, tmp_path / "runs")
    with pytest.raises(PresetError, match=r"60 MiB free in .*, 2 MiB of it kept in reserve"):
        launch.check_room(load_preset("digits", ["train.steps=1000000"]).preset, tmp_path)


def test_a_folder_that_cannot_be_used_is_named_and_no_setting_blamed(tmp_path, monkeypatch):
    preset = load_preset("digits").preset
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is not a folder") as caught:
        launch.check_room(preset, tmp_path / "file" / "runs")
    assert not isinstance(caught.value, PresetError)
    with pytest.raises(ShareconsoleError, match="no disk behind /proc"):
        launch.check_room(preset, Path("/proc/x"))
    monkeypatch.setattr(launch.os, "access", lambda path, mode: False)
    with pytest.raises(ShareconsoleError, match="nothing can be written in") as caught:
        launch.check_room(preset, tmp_path / "runs")
    # As where a run that is there cannot be written.
    assert caught.value.exit_code == 1


def test_a_trainer_that_comes_up_is_returned_with_its_attempt(folder, tmp_path):
    command = fake(tmp_path, COME_UP)
    trainer = launch.start(folder, 20, allow_inexact=True, command=command)
    assert trainer.attempt.number == 1
    assert trainer.attempt.pid == trainer.process.pid
    assert trainer.attempt.argv[-3:] == ("--steps", "20", "--allow-inexact")
    assert trainer.process.wait(10) == 0
    assert launch.start(folder, command=command).attempt.number == 2


def test_the_child_stands_alone(folder, tmp_path, monkeypatch):
    """Its own session, no terminal, no pipe, none of our descriptors, its own threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    report = tmp_path / "report"
    code = (
        COME_UP
        + f"""
names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONUNBUFFERED", "PYTHONHASHSEED")
seen = [os.getsid(0) == os.getpid(), os.readlink("/proc/self/fd/0"),
        os.readlink("/proc/self/fd/1") == os.readlink("/proc/self/fd/2") == str(folder.log(1)),
        os.path.exists("/proc/self/fd/{inherited}"), *(os.environ[name] for name in names)]
Path({str(report)!r}).write_text(json.dumps(seen) + "\\n")
"""
    )
    try:
        trainer = launch.start(folder, command=fake(tmp_path, code))
    finally:
        os.close(inherited)
    assert wait_for(report) == '[true, "/dev/null", true, false, "1", "1", "1", "0"]\n'
    trainer.process.wait(10)
    assert stat.S_IMODE(folder.log(1).stat().st_mode) == 0o600


def test_a_child_is_reaped_without_anybody_asking(folder, tmp_path):
    trainer = launch.start(folder, command=fake(tmp_path, COME_UP))
    until = time.monotonic() + 10
    while Path(f"/proc/{trainer.process.pid}").exists():
        assert time.monotonic() < until, "still there, as a zombie"
        time.sleep(0.01)
    assert derive_state(folder).word == "crashed"


@pytest.mark.parametrize(
    ("ending", "error", "words"),
    [
        ("sys.exit(1)", RunFailedError, "exit code 1"),
        ("sys.exit(2)", UsageError, "refused"),
        ("sys.exit(3)", LockedError, "another trainer"),
        ("os.kill(os.getpid(), 9)", RunFailedError, "signal 9"),
    ],
)
def test_an_early_death_is_told_with_the_end_of_the_log(folder, tmp_path, ending, error, words):
    code = f"""
import os, sys
for line in range(100):
    print("line", line)
print("the reason \\x1b]0;pwned\\x07", flush=True)
{ending}
"""
    with pytest.raises(error) as caught:
        launch.start(folder, command=fake(tmp_path, code))
    text = str(caught.value)
    assert words in text
    assert "the reason \\x1b]0;pwned\\x07" in text
    assert "\x1b" not in text
    assert "line 99" in text
    assert "line 59\n" not in text
    assert error.exit_code == type(caught.value).exit_code


def test_a_refused_resume_leaves_no_litter(folder, tmp_path):
    launch.start(folder, command=fake(tmp_path, COME_UP)).process.wait(10)
    with pytest.raises(UsageError):
        launch.start(folder, command=fake(tmp_path, "raise SystemExit(2)"))
    assert not list(folder.path.glob("launch.*"))


def test_a_silent_trainer_is_ended_and_told(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(launch, "_TERMINATE_SECONDS", 0.3)
    pid = tmp_path / "pid"
    code = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("thinking", flush=True)
open({str(pid)!r}, "w").write(f"{{os.getpid()}}\\n")
time.sleep(60)
"""
    told: list[str] = []
    with pytest.raises(RunFailedError, match=r"within 1 s[\s\S]*thinking"):
        launch.start(folder, command=fake(tmp_path, code), timeout=1.0, narrate=told.append)
    assert len(told) == 1
    assert "slow to come up" in told[0]
    until = time.monotonic() + 5
    while Path(f"/proc/{wait_for(pid).strip()}").exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_trainer_is_not_what_lies_around(tmp_path, monkeypatch):
    """Neither the current folder nor an installed namesake decides which trainer starts."""
    assert launch._trainer_command()[1:] == ["-P", "-m", "shareconsole.trainer"]
    environment = launch.trainer_environment({"PYTHONPATH": "/elsewhere"}, None)
    package = Path(launch.__file__).resolve().parent
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(package.parent), "/elsewhere"]
    assert "OMP_NUM_THREADS" not in environment


def test_log_tail_of_nothing_is_empty(tmp_path):
    assert launch.log_tail(tmp_path / "missing") == ""
    (tmp_path / "log").write_bytes(b"a\n\xff\nlast without end")
    assert launch.log_tail(tmp_path / "log", 2) == "\\xff\nlast without end"
