"""A real trainer, started from a console that goes away; another one takes over."""

from __future__ import annotations

import os
import re
import signal

import pytest

from shareconsole.store.attempts import read_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.index import list_runs
from shareconsole.store.process import is_alive
from shareconsole.store.status import derive_state
from tests.console.in_pty import console
from tests.trainer.conftest import SMALL

ENDLESS = (*SMALL, "train.steps=1000000", "train.eval_every=50")


def step(rows):
    """The step that the header tells, None if it tells none."""
    found = re.search(r"([\d,]+)/1,000,000", rows[1])
    return int(found[1].replace(",", "")) if found else None


@pytest.fixture
def training_runs(runs):
    """A folder for runs; whatever trains in it at the end is killed."""
    yield runs
    for path in runs.iterdir():
        state = derive_state(RunFolder(path))
        if state.attempt is not None and is_alive(state.attempt.process):
            os.kill(state.attempt.pid, signal.SIGKILL)


@pytest.mark.process
def test_run_watch_trains_on_when_its_console_is_gone_and_another_sees_the_end(training_runs):
    settings = [word for override in ENDLESS for word in ("--set", override)]
    with console(training_runs, "run", "digits", "--watch", *settings) as terminal:
        terminal.until("entropy")
        reached = step(terminal.rows())
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP
    (run,) = list_runs(training_runs)
    assert run.state == "running"
    with console(training_runs, "attach", "latest") as terminal:
        terminal.until("entropy")
        terminal.until(lambda rows: (step(rows) or 0) > reached)
        os.kill(read_attempt(RunFolder(training_runs / run.id), 1).pid, signal.SIGKILL)
        terminal.until("resumes from the last checkpoint")
        terminal.until("crashed")
        terminal.press("q")
        assert terminal.wait() == 0
