"""How the console ends: by a key, a signal, a crash, or with its terminal."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.cli import synthetic
from tests.console.in_pty import PATIENCE, console

SCREEN_LEFT = "\x1b[?1049l"


def told_in(terminal):
    """What stands in the terminal after the full screen was left."""
    return terminal.text().rpartition(SCREEN_LEFT)[2]


def test_q_leaves_with_0_and_the_terminal_as_it_was(finished_runs):
    with console(finished_runs, "ui") as terminal:
        terminal.until("finished")
        terminal.press("q")
        assert terminal.wait() == 0
    for sequence in (SCREEN_LEFT, "\x1b[?25h", "\x1b[?1000l"):
        assert sequence in terminal.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_properly(finished_runs, number):
    with console(finished_runs, "ui") as terminal:
        terminal.until("finished")
        os.kill(terminal.pid, number)
        assert terminal.wait() == 128 + number
    assert SCREEN_LEFT in terminal.text()
    assert "Traceback" not in terminal.text()


def test_it_ends_with_its_terminal(finished_runs):
    with console(finished_runs, "ui") as terminal:
        terminal.until("finished")
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP


def test_it_ends_with_its_terminal_also_when_nobody_tells(finished_runs):
    # Only what was ignored when Python began stays so until the console takes it over; so the
    # signal is blocked as well, and the console has to see for itself that nobody is there.
    def deaf():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])

    with console(finished_runs, "ui", start=deaf) as terminal:
        terminal.until("finished")
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP


def test_a_terminal_that_takes_nothing_does_not_keep_it(finished_runs):
    """Nobody reads, so the console waits with a full pipe; a signal ends it all the same."""
    with console(finished_runs, "ui") as terminal:
        terminal.until("finished")
        unanswered, cpu = 0, terminal.cpu_seconds()
        for turn in range(1000):
            terminal.resize(150 + turn % 2, 50)
            time.sleep(0.02)
            before, cpu = cpu, terminal.cpu_seconds()
            unanswered = unanswered + 1 if cpu == before else 0
            # It draws nothing more, as the last pictures still wait.
            if unanswered == 25:
                break
        os.kill(terminal.pid, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while not terminal.has_ended():
            assert time.monotonic() < end
            time.sleep(0.02)


BREAK = """
import sys
from shareconsole.console.screens.browser import BrowserScreen
def broken(self):
    raise RuntimeError("a mistake of ours")
BrowserScreen._figures = BrowserScreen.on_mount = broken
from shareconsole.cli import main
main()
"""


def test_a_crash_is_told_and_exits_with_1(finished_runs):
    with console(finished_runs, "ui", program=("-c", BREAK)) as terminal:
        assert terminal.wait() == 1
    assert "a mistake of ours" in terminal.text()
    assert SCREEN_LEFT in terminal.text()


def test_what_trains_on_is_said_at_the_end(runs):
    folder = synthetic.live_run(runs, "trained")
    with console(runs, "attach", folder.id) as terminal:
        terminal.until("running")
        terminal.press("q")
        assert terminal.wait() == 0
    assert f"shareconsole attach {folder.id}" in told_in(terminal)
