"""What the view models cost: ``python tests/console/bench_viewmodel.py [STEPS [RUNS]]``.

Prints medians beside their budgets. Files were written just before, so the page cache has them.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from shareconsole.console.viewmodel.browser import RunList
from shareconsole.console.viewmodel.curves import Ema, columns
from shareconsole.console.viewmodel.live import LiveReader
from tests.console.in_pty import Terminal
from tests.console.viewmodel.longrun import a_long_run, more_steps
from tests.store.synthetic import synthetic_runs


def measure(action: Callable[[], object], times: int = 5) -> list[tuple[float, float]]:
    """(wall, CPU) milliseconds of each of a few times, in the order of the wall clock."""
    found = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        action()
        found.append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)))
    return sorted(found)


def show(what: str, found: list[tuple[float, float]], budget: float | None = None) -> None:
    """Print median and worst wall time, and the median's CPU time, which other work sways less."""
    wall, cpu = found[len(found) // 2]
    limit = "" if budget is None else f"  budget {budget:5,.0f}{'' if wall <= budget else '  OVER'}"
    times = f"{wall:9.2f} ms (worst {found[-1][0]:9.2f}, CPU {cpu:9.2f}, n {len(found):2})"
    print(f"{what:52}{times}{limit}")


def main(num_steps: int = 1_000_000, num_runs: int = 10_000) -> None:
    curves(num_steps)
    with tempfile.TemporaryDirectory() as scratch:
        live(Path(scratch) / "live", num_steps)
        browser(Path(scratch) / "many", num_runs)
    print(f"largest resident size {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def curves(num_steps: int) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(1, num_steps + 1)
    smooth = rng.random(num_steps).astype(np.float32)
    holed = smooth.copy()
    holed[rng.random(num_steps) < 0.05] = np.nan
    print(f"{num_steps:,} points")
    show("EMA", measure(lambda: Ema().extend(smooth), 9), 100)
    show("EMA, 5 % NaN", measure(lambda: Ema().extend(holed), 9), 100)
    endless = np.where(np.isnan(holed), np.inf, smooth)
    kinds = {
        "": smooth,
        " as float64": smooth.astype(float),
        ", 5 % NaN": holed,
        ", 5 % NaN, float64": holed.astype(float),
        ", 5 % inf": endless,
        ", 5 % inf, float64": endless.astype(float),
    }
    for name, values in kinds.items():
        found = measure(lambda values=values: columns(steps, values, 0, num_steps, 320), 21)
        show(f"columns() into 320{name}", found, 5)


def live(runs: Path, num_steps: int) -> None:
    folder = a_long_run(runs, num_steps)
    show("first snapshot", measure(lambda: LiveReader(folder).snapshot(), 5), 500)
    header, panels = opened(runs, folder.id, 7)
    show("attach: start of the process to the header", header)
    show("attach: start of the process to all panels", panels, 2000)
    reader = LiveReader(folder)
    reader.snapshot()
    show("snapshot without news", measure(reader.snapshot, 21))
    found = []
    for step in range(num_steps + 1, num_steps + 22):
        more_steps(folder, step, step)
        found += measure(reader.snapshot, 1)
    show("snapshot after one more step", sorted(found))


def opened(runs: Path, run: str, times: int) -> list[list[tuple[float, float]]]:
    """(wall, CPU) milliseconds of the whole console, until the header and until the last panel."""
    found: list[list[tuple[float, float]]] = [[], []]
    for _ in range(times):
        with Terminal("attach", run, "--runs", str(runs)) as terminal:
            for part, text in zip(found, ("finished", "entropy"), strict=True):
                wall = terminal.wait_for(text)
                part.append((1000 * wall, 1000 * terminal.cpu_seconds()))
    return [sorted(part) for part in found]


def browser(runs: Path, num_runs: int) -> None:
    synthetic_runs(runs, num_runs)
    print(f"{num_runs:,} runs")
    show("names", measure(lambda: RunList(runs).load_names(), 9), 30)

    def window() -> None:
        found = RunList(runs)
        found.load_names()
        found.listing()
        windows.extend(measure(lambda: (found.fill(0, 60), found.listing()[:60]), 1))

    windows: list[tuple[float, float]] = []
    measure(window, 9)
    show("window of 60 rows", sorted(windows), 40)
    names = RunList(runs)
    names.load_names()
    show("all rows", measure(lambda: names.fill_more(1e9), 1))
    names.fill(0, 60)
    show("refresh of a full list", measure(names.refresh, 9))
    for key in ("macro_error", "-name"):
        show(f"sort by {key}", measure(lambda key=key: (names.sort(key), names.listing()), 1))
    text = "state:finished macro_error<0.5"
    show("filter", measure(lambda: (names.filter(text), names.listing()), 1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
