"""What the console costs on a terminal: ``python -m tests.console.bench_console``.

Prints start-up, keys, bytes, CPU and memory, each beside its budget. Measured over a pseudo
terminal of 120 x 36 in 256 colours: the list on 10,000 runs that differ, the live screen on a run
of 10,000 steps with all four panels that grows by 20 steps a second, which the console looks at
four times a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.console.browsing import first_answers, hold, key_to_screen, opening, reading
from tests.console.in_pty import Terminal
from tests.console.training import Trainer, a_training_run
from tests.console.varied_runs import varied_runs
from tests.console.viewmodel.longrun import a_long_run

RUNS = 10_000
STEPS = 10_000
SLOW_LINE = 125e3
"""Bytes per second."""
KEYS = {
    "cursor": ("\x1b[B",),
    "page down": ("\x1b[6~",),
    "page down twice and up": ("\x1b[6~", "\x1b[6~", "\x1b[5~"),
    "end and home": ("\x1b[F", "\x1b[H"),
}
TIMES = 24
"""Pages down that 1,000 runs have room for."""
PAGES, PAGES_PER_SECOND = 100, 10
FRAME = 1 / 60


@dataclass(frozen=True)
class Live:
    """The live screen while the run trains."""

    cpu_share: float
    bytes_per_second: float
    memory: int


def live_costs(runs: Path, seconds: float) -> Live:
    """Watch a run that trains, for so many seconds after the screen has settled."""
    folder = a_training_run(runs, STEPS)
    with (
        Trainer(folder, STEPS),
        Terminal("attach", folder.id, "--runs", str(runs)) as terminal,
    ):
        terminal.wait_for("entropy")
        terminal.read(2.0)
        cpu = terminal.cpu_seconds()
        sent = terminal.read_for(seconds)
        share = (terminal.cpu_seconds() - cpu) / seconds
        return Live(share, sent / seconds, terminal.process.memory_info().rss)


def a_long_start(runs: Path) -> float:
    """Seconds from the start of the process until a run of a million steps is there whole."""
    folder = a_long_run(runs, 1_000_000)
    with Terminal("attach", folder.id, "--runs", str(runs)) as terminal:
        return terminal.wait_for("entropy")


def main() -> None:
    """Print one line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        many, some = Path(folder, "many"), Path(folder, "some")
        varied_runs(many, RUNS)
        varied_runs(some, 1000)
        _list(many)
        for name, keys in KEYS.items():
            _say(f"{name} key to screen", _milliseconds(first_answers(some, *keys, times=TIMES)),
                 "ms", 10)  # fmt: skip
            slow = key_to_screen(some, *keys, times=TIMES, bytes_per_second=SLOW_LINE)
            _say(f"{name} key, all of it at 125 KB/s", _milliseconds(slow), "ms", 50)
        _say("start to all panels, 1,000,000 steps", a_long_start(Path(folder, "long")), "s", 2)
        live = live_costs(Path(folder, "live"), 20.0)
        _say("live screen at 4 Hz: CPU", 100 * live.cpu_share, "% of a core", 6)
        _say("live screen at 4 Hz: written", live.bytes_per_second / 1e3, "KB/s", 12)
        _say("live screen: memory", live.memory / 2**20, "MiB", 80)


def _list(many: Path) -> None:
    """The list of many runs: until it is there, and while it is read on."""
    openings = [opening(many) for _ in range(7)]
    _say(f"start to first row, {RUNS:,} runs", statistics.median(o.first_row for o in openings),
         "s", 0.8)  # fmt: skip
    _say(f"first paint after start-up, {RUNS:,} runs",
         _milliseconds([o.painted - o.taken_over for o in openings]), "ms", 150)  # fmt: skip
    _say(f"all {RUNS:,} runs read, in the background", reading(many), "s", 10)
    pages = hold(many, "\x1b[6~", PAGES, PAGES_PER_SECOND)
    held = f"{PAGES} pages at {PAGES_PER_SECOND} Hz"
    _say(f"{held}: painted before the next key", sum(p.painted is not None for p in pages),
         "pages", PAGES, least=True)  # fmt: skip
    _say(f"{held}: key to whole page", _milliseconds([p.painted or 1 for p in pages]),
         "ms", 1e3 / PAGES_PER_SECOND)  # fmt: skip
    _say(f"{held}: longest with unread rows", 1e3 * max(p.unread for p in pages), "ms",
         round(1e3 * FRAME, 1))  # fmt: skip


def _milliseconds(seconds: list[float]) -> float:
    return 1e3 * statistics.median(seconds)


def _say(what: str, value: float, unit: str, budget: float, *, least: bool = False) -> None:
    print(f"{what:48} {value:8.2f} {unit:12} (budget {'at least ' * least}{budget:g})")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
