"""What the console costs on a terminal: ``python -m tests.console.bench_console``.

Prints start-up, keys, bytes, CPU and memory, each beside its budget. Measured over a pseudo
terminal of 120 x 36 in 256 colours, on a run of 10,000 steps with all four panels that grows by 20
steps a second, which the console looks at four times a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.console.in_pty import Terminal
from tests.console.training import Trainer, a_training_run
from tests.console.viewmodel.longrun import a_long_run
from tests.store.synthetic import synthetic_runs

DONE = 10_000


@dataclass(frozen=True)
class Live:
    """The live screen while the run trains."""

    cpu_share: float
    bytes_per_second: float
    memory: int


def live_costs(runs: Path, seconds: float, **more: str) -> Live:
    """Watch a run that trains, for so many seconds after the screen has settled."""
    folder = a_training_run(runs, DONE)
    with (
        Trainer(folder, DONE),
        Terminal("attach", folder.id, "--runs", str(runs), **more) as terminal,
    ):
        terminal.wait_for("entropy")
        terminal.read(2.0)
        cpu = terminal.cpu_seconds()
        sent = terminal.read_for(seconds)
        share = (terminal.cpu_seconds() - cpu) / seconds
        return Live(share, sent / seconds, terminal.process.memory_info().rss)


def start_up(runs: Path, text: str, *words: str) -> float:
    """Seconds from the start of the process until the first row is there."""
    with Terminal(*words, "--runs", str(runs)) as terminal:
        return terminal.wait_for(text)


def keys(runs: Path, key: str, times: int, bytes_per_second: float | None) -> list[float]:
    """Seconds from a key in the list of runs until the last byte of what it changed is through."""
    with Terminal("ui", "--runs", str(runs), bytes_per_second=bytes_per_second) as terminal:
        _settle(terminal)
        return [terminal.key_to_screen(key) for _ in range(times)]


def first_answers(runs: Path, key: str, times: int) -> list[float]:
    """Seconds from a key in the list of runs until the terminal is sent what it changed."""
    with Terminal("ui", "--runs", str(runs)) as terminal:
        _settle(terminal)
        return [terminal.first_answer(key) for _ in range(times)]


def _settle(terminal: Terminal) -> None:
    """Wait until all runs are read, which takes turns with the keys."""
    terminal.wait_for("finished")
    while terminal.read_for(0.6) > 3000:
        pass


def main() -> None:
    """Print one line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        many = Path(folder, "many")
        synthetic_runs(many, 10_000)
        starts = [start_up(many, "finished", "ui") for _ in range(5)]
        _say("start to first row, 10,000 runs", statistics.median(starts), "s", 0.8)
        for name, key in (("cursor", "\x1b[B"), ("page", "\x1b[6~")):
            some = Path(folder, "some")
            if not some.exists():
                synthetic_runs(some, 1000)
            _say(f"{name} key to screen", 1e3 * statistics.median(first_answers(some, key, 30)),
                 "ms", 10)  # fmt: skip
            slow = statistics.median(keys(some, key, 20, 125e3))
            _say(f"{name} key, all of it at 125 KB/s", 1e3 * slow, "ms", 50)
        opening = start_up(Path(folder, "long"), "entropy", "attach", a_long_run(
            Path(folder, "long"), 1_000_000).id)  # fmt: skip
        _say("start to all panels, 1,000,000 steps", opening, "s", 2)
        live = live_costs(Path(folder, "live"), 20.0)
        _say("live screen at 4 Hz: CPU", 100 * live.cpu_share, "% of a core", 6)
        _say("live screen at 4 Hz: written", live.bytes_per_second / 1e3, "KB/s", 12)
        _say("live screen: memory", live.memory / 2**20, "MiB", 80)


def _say(what: str, value: float, unit: str, budget: float) -> None:
    print(f"{what:42} {value:8.2f} {unit:14} (budget {budget:g})")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
