"""Whole commands with the real trainer: what people do, and what their terminals do to them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shareconsole.store.attempts import read_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import read_heartbeat
from shareconsole.store.lock import RunLock
from shareconsole.store.process import is_alive
from shareconsole.store.status import derive_state
from tests.cli import synthetic
from tests.trainer.conftest import SMALL

pytestmark = pytest.mark.process

COMMAND = [sys.executable, "-m", "shareconsole"]
NAME = "[@click=app.bell()]x[/]\x1b]0;pwned\x07"
SHOWN = "[@click=app.bell()]x[/]\\x1b]0;pwned\\x07"
SETTINGS = [word for override in SMALL for word in ("--set", override)]
ENDLESS = ["--set", "train.steps=1000000", "--set", "train.eval_every=50"]
PATIENCE = 60


@pytest.fixture
def sc(runs: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """sc("ls"): run the command as a process, without a terminal."""

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words, "--runs", str(runs)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    return call


class Terminal:
    """A terminal of 80x24 with one command in its foreground."""

    def __init__(self, *words: str) -> None:
        self.output = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
            os.execve(COMMAND[0], [*COMMAND, *words], environment)
        self._status: int | None = None

    def wait_for(self, text: bytes) -> None:
        until = time.monotonic() + PATIENCE
        while text not in self.output:
            assert time.monotonic() < until, self.output
            self._read(0.1)

    def press(self, key: bytes) -> None:
        os.write(self._fd, key)

    def hang_up(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def wait(self) -> int:
        """Return the exit code, negative for a signal."""
        until = time.monotonic() + PATIENCE
        while self._status is None:
            if self._fd >= 0:
                self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < until, self.output
        while self._fd >= 0 and self._read(0.05):
            continue
        return self._status

    def close(self) -> None:
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        if self._fd >= 0:
            os.close(self._fd)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._fd, 65536)
        except OSError:  # Linux says EIO once the last writer has closed
            return False
        self.output += chunk
        return bool(chunk)


@pytest.fixture
def terminal(runs: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def begin(*words: str) -> Terminal:
        opened.append(Terminal(*words, "--runs", str(runs)))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()
    for folder in map(RunFolder, runs.iterdir() if runs.is_dir() else ()):
        for number in folder.attempts():
            attempt = read_attempt(folder, number)
            if is_alive(attempt.process):
                os.kill(attempt.pid, signal.SIGKILL)


def the_run(runs: Path) -> RunFolder:
    until = time.monotonic() + PATIENCE
    while not (runs.is_dir() and any(runs.iterdir())):
        assert time.monotonic() < until
        time.sleep(0.02)
    [path] = runs.iterdir()
    return RunFolder(path)


def moves_on(folder: RunFolder) -> bool:
    """Whether the trainer makes further steps."""
    first = read_heartbeat(folder)
    assert first is not None
    until = time.monotonic() + 10
    while time.monotonic() < until:
        beat = read_heartbeat(folder)
        if beat is not None and beat.step > first.step and beat.counter > first.counter:
            return True
        time.sleep(0.05)
    return False


def test_a_run_in_the_foreground(sc, runs):
    result = sc("run", "digits", *SETTINGS, "--name", NAME, "--tag", "mine", "--seed", "3")
    assert result.returncode == 0, result.stderr
    folder = the_run(runs)
    assert result.stdout.startswith(f"✓ finished  {SHOWN}  40 of 40 steps")
    assert "Test error after step 40" in result.stdout
    assert "Assignment after step 40" in result.stdout
    assert f"run {folder.id}, trainer process" in result.stderr
    assert not {"\x1b", "\x07"} & set(result.stdout + result.stderr)
    shown = json.loads(sc("show", "latest", "--json").stdout)
    assert (shown["name"], shown["seed"], shown["tags"]) == (NAME, 3, ["mine"])
    assert (shown["step"], shown["steps"], shown["state"]) == (40, 40, "finished")
    assert all(0 <= task["error"] <= 1 for task in shown["tasks"])
    refused = sc("resume", "latest")
    assert refused.returncode == 2
    assert "--steps" in refused.stderr


def test_whatever_happens_to_the_command_the_trainer_goes_on(sc, terminal, runs):
    """A terminal that closes, kill -9, SIGTERM and Ctrl-C beside it: four of four go on."""
    following = terminal("run", "digits", *SETTINGS, *ENDLESS)
    following.wait_for(b"running")
    folder = the_run(runs)
    following.wait_for(b"test error")

    following.hang_up()
    assert following.wait() == -signal.SIGHUP
    assert moves_on(folder)

    def follow_again() -> Terminal:
        assert sc("pause", "latest").stdout == f"{folder.id} paused\n"
        again = terminal("resume", "latest")
        again.wait_for(b"running")
        return again

    following = follow_again()
    os.kill(following.pid, signal.SIGKILL)
    assert following.wait() == -signal.SIGKILL
    assert moves_on(folder)

    following = follow_again()
    os.kill(following.pid, signal.SIGTERM)
    assert following.wait() == 143
    assert b"goes on without this command" in following.output
    assert b"\x1b[?25h" in following.output, "the cursor is shown again"
    assert moves_on(folder)

    reading = terminal("logs", "latest", "-f")
    reading.wait_for(b"macro error")
    reading.press(b"\x03")
    assert reading.wait() == 130
    assert moves_on(folder)
    [row] = json.loads(sc("ls", "--json").stdout)
    assert (row["state"], len(folder.attempts())) == ("running", 1)

    assert re.fullmatch(
        f"{folder.id} running, checkpoint of step [0-9]+\n", sc("checkpoint", "latest").stdout
    )
    following = follow_again()
    following.press(b"\x03")
    assert following.wait() == 130
    assert b"stopping after this step" in following.output
    assert b"\xe2\x96\xa0 stopped" in following.output
    [row] = json.loads(sc("ls", "--json").stdout)
    assert row["state"] == "stopped"
    assert (folder.checkpoints / f"{row['step']:09d}").is_dir()


def test_a_killed_trainer_is_seen_within_three_seconds_and_resumed_exactly(sc, terminal, runs):
    following = terminal("run", "digits", *SETTINGS, *ENDLESS)
    following.wait_for(b"running")
    folder = the_run(runs)
    until = time.monotonic() + PATIENCE
    while not any(folder.checkpoints.glob("0*")):
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(read_attempt(folder, 1).pid, signal.SIGKILL)
    began = time.monotonic()
    while derive_state(folder).word != "crashed":
        assert time.monotonic() - began < 3
        time.sleep(0.02)
    assert following.wait() == 1
    assert b"left no word" in following.output
    crashed = json.loads(sc("show", "latest", "--json").stdout)
    assert crashed["state"] == "crashed"

    steps = crashed["step"] + 40
    detached = sc("resume", "latest", "--steps", str(steps), "--detach")
    assert (detached.returncode, detached.stdout) == (0, f"{folder.id}\n")
    assert f"to {steps}" in sc("logs", "latest", "-f").stdout
    end = json.loads(sc("show", "latest", "--json").stdout)
    assert (end["state"], end["step"], end["steps"]) == ("finished", steps, steps)
    assert [attempt["steps"] for attempt in end["attempts"]] == [1_000_000, steps]
    assert end["attempts"][1]["identical"]
    report = sc("show", "latest").stdout
    assert "bit-identical" in report or "resumed where the records ended" in report


def test_a_locked_run_ends_with_3(cli, runs):
    folder = synthetic.new_run(runs)
    with RunLock.acquire(folder):
        result = cli("resume", "latest")
    assert (result.code, result.out) == (3, "")
    assert "another trainer" in result.err
