"""Signals to a trainer in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from shareconsole import launch
from shareconsole.store.attempts import read_attempt
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.reader import RunLog
from shareconsole.store.status import derive_state

ENDLESS = ("train.steps=1000000", "train.checkpoint_every=1000000", "train.eval_every=1000000")


@pytest.fixture
def running(make_run):
    """A trainer that has made its first steps, and its folder."""
    folder = make_run(*ENDLESS)
    trainer = launch.start(folder)
    log = RunLog(folder)
    end = time.monotonic() + 60
    while len(log.table("step")) < 3:
        assert time.monotonic() < end, launch.log_tail(folder.log(1))
        time.sleep(0.02)
        log.refresh()
    yield folder, trainer.process
    if trainer.process.poll() is None:
        trainer.process.kill()


def test_hangup_is_ignored_and_one_sigterm_stops_after_the_step_with_a_checkpoint(running):
    folder, process = running
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    assert derive_state(folder).word == "running"
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 0
    assert derive_state(folder).word == "stopped"
    step = read_attempt(folder, 1).exit.step
    assert int(checkpoint_directories(folder)[0].name) == step


def test_a_second_signal_stops_at_once(running):
    folder, process = running
    # Paused between two steps, so that both signals wait for it when it comes back.
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)
    os.kill(process.pid, signal.SIGCONT)
    assert process.wait(30) == 0
    assert derive_state(folder).word == "stopped"
    assert checkpoint_directories(folder) == []


def test_kill_is_shown_as_crashed_within_three_seconds(running):
    folder, process = running
    process.kill()
    start = time.monotonic()
    while derive_state(folder).word != "crashed":
        assert time.monotonic() - start < 3
        time.sleep(0.05)


def test_a_full_disk_under_the_log_itself_ends_no_run(make_run):
    """Standard output lies on the disk that is full, so every print fails."""
    folder = make_run()
    with open("/dev/full", "w") as full:
        code = subprocess.run(
            [sys.executable, "-m", "shareconsole.trainer", str(folder.path)],
            stdout=full,
            stderr=full,
            check=False,
        ).returncode
    assert code == 0
    assert derive_state(folder).word == "finished"


@pytest.mark.parametrize("times", [3, 10])
def test_any_number_of_signals_leaves_a_terminal_record(running, times):
    folder, process = running
    for _ in range(times):
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
            time.sleep(0.001)
    assert process.wait(30) == 0
    assert derive_state(folder).word == "stopped"


SIGNAL_WHILE_THE_INTERPRETER_GOES = """
import os, runpy, signal, sys


class Late:
    def __del__(self, kill=os.kill, me=os.getpid(), number=signal.SIGTERM):
        kill(me, number)


sys.argv[0] = "shareconsole.trainer"
late = Late()
runpy.run_module("shareconsole.trainer", run_name="__main__", alter_sys=True)
"""


def test_a_signal_after_the_last_word_changes_no_exit_code(make_run):
    """Modules are taken down after Python has given signals their default back."""
    folder = make_run()
    command = [sys.executable, "-c", SIGNAL_WHILE_THE_INTERPRETER_GOES, str(folder.path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert derive_state(folder).word == "finished"
