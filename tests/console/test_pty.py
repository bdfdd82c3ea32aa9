"""The console's budgets on a pseudo terminal, in what other work on the machine does not change.

That is bytes, memory and its own CPU time, the latter with a margin. How long things take is
printed by ``python -m tests.console.bench_console``, beside the budgets themselves.
"""

from __future__ import annotations

import re
import time

import pytest

from tests.console.in_pty import Terminal
from tests.console.training import Trainer, a_training_run
from tests.console.varied_runs import varied_runs

DONE = 10_000
SLOW_LINE = 125e3
"""Bytes per second."""


@pytest.fixture(scope="module")
def many_runs(tmp_path_factory):
    runs = tmp_path_factory.mktemp("many") / "runs"
    varied_runs(runs, 400)
    return runs


class Steps:
    """Which steps the header has told so far."""

    def __init__(self):
        self.seen = set()

    def __call__(self, rows):
        found = re.search(r"([\d,]+)/20,000", rows[1])
        if found:
            self.seen.add(found[1])
        return self.seen


def test_a_live_screen_costs_little(runs):
    """Four panels, four curves of 10,000 steps, looked at four times a second or less often."""
    folder = a_training_run(runs, DONE)
    steps = Steps()
    with Trainer(folder, DONE), Terminal("attach", folder.id, "--runs", str(runs)) as terminal:
        terminal.until("entropy")
        terminal.until(lambda rows: len(steps(rows)) > 3)
        before = len(steps.seen)
        cpu, written, begun = terminal.cpu_seconds(), len(terminal.output), time.monotonic()
        terminal.until(lambda rows: len(steps(rows)) >= before + 12)
        seconds = time.monotonic() - begun
        # 6 % and 12 KB/s are the budget.
        assert (terminal.cpu_seconds() - cpu) / seconds < 0.12
        assert (len(terminal.output) - written) / seconds < 12e3
        assert terminal.process.memory_info().rss < 80e6
        assert not [file.path for file in terminal.process.memory_maps() if "torch" in file.path]


def test_the_first_rows_do_not_wait_for_the_rest(many_runs):
    with Terminal("ui", "--runs", str(many_runs)) as terminal:
        terminal.until("finished")
        # 0.8 s of a free core is the budget.
        assert terminal.cpu_seconds() < 1.2


@pytest.mark.parametrize(("key", "times"), [("\x1b[B", 20), ("\x1b[6~", 8)], ids=["down", "page"])
def test_a_key_costs_little(many_runs, key, times):
    with Terminal("ui", "--runs", str(many_runs)) as terminal:
        terminal.until(lambda rows: "400 runs" in rows[0] and "reading" not in rows[0])
        cpu, written = terminal.cpu_seconds(), len(terminal.output)
        for _ in range(times):
            about = terminal.rows()[-2]
            terminal.press(key)
            terminal.until(lambda rows, about=about: rows[-2] != about)
        # What a line of 125 KB/s carries in 50 ms.
        assert (len(terminal.output) - written) / times < 0.050 * SLOW_LINE
        # 10 ms are the budget of a key that moves the cursor.
        assert (terminal.cpu_seconds() - cpu) / times < 0.030
