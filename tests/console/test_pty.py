"""The console's budgets, on a pseudo terminal, with room for a busy machine.

``python -m tests.console.bench_console`` prints the exact figures beside the budgets themselves.
"""

from __future__ import annotations

import statistics

from tests.console.bench_console import first_answers, keys, live_costs, start_up
from tests.store.synthetic import synthetic_runs

SLOW = 3
"""So many times the budget is let pass: other people's work runs on the same cores."""


def test_a_live_screen_is_cheap(tmp_path):
    live = live_costs(tmp_path, 4.0)
    assert live.cpu_share < SLOW * 0.06
    assert live.bytes_per_second < 1.5 * 12e3
    assert live.memory < 1.25 * 80e6


def test_the_first_row_is_there_soon_however_many_runs(tmp_path):
    synthetic_runs(tmp_path, 2000)
    assert min(start_up(tmp_path, "finished", "ui") for _ in range(2)) < SLOW * 0.8


def test_keys_are_answered_at_once_also_over_a_slow_line(tmp_path):
    synthetic_runs(tmp_path, 60)
    assert statistics.median(first_answers(tmp_path, "\x1b[B", 8)) < SLOW * 0.010
    assert statistics.median(keys(tmp_path, "\x1b[B", 8, 125e3)) < SLOW * 0.050
