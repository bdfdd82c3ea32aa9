"""What a frame of the live charts costs: ``python -m tests.console.bench_chart``.

Prints CPU time per frame, and the bytes sent to the terminal per frame after one new point, for
three series and for the band of a population on a screen of 160 x 48.
"""

from __future__ import annotations

import asyncio
import time

from textual.app import App, ComposeResult

from shareconsole.console.palette import Palette
from shareconsole.console.widgets.chart import Chart
from tests.console.widgets.fakes import band, curves, until
from tests.console.widgets.stage import updates_as_text

FRAMES = 60


class Bench(App[None]):
    CSS = "Screen { overflow: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self.palette = Palette("256")

    def compose(self) -> ComposeResult:
        yield Chart("loss")


async def measure(kind: str, points: int, *, log: bool) -> tuple[float, float, float]:
    """Milliseconds of CPU per frame (drawing, then all of Textual's part) and KB per frame."""
    app = Bench()
    async with app.run_test(size=(160, 48)) as pilot:
        chart = app.query_one(Chart)
        whole = (curves if kind == "curves" else band)(points + FRAMES)
        frames = [until(whole, points + frame, 2.0 * points) for frame in range(FRAMES)]
        chart.show(frames[0])
        chart.log_y = log
        await pilot.pause()
        drawing = 0.0
        sent = 0
        start = time.process_time()
        for frame in frames[1:]:
            before = time.process_time()
            chart.show(frame)
            drawing += time.process_time() - before
            sent += len(updates_as_text(app, chart).encode())
        total = time.process_time() - start
    return 1e3 * drawing / (FRAMES - 1), 1e3 * total / (FRAMES - 1), sent / 1024 / (FRAMES - 1)


def main() -> None:
    """Print one line per case."""
    for kind in ("curves", "band"):
        for points in (10_000, 1_000_000):
            for log in (False, True):
                drawing, total, size = asyncio.run(measure(kind, points, log=log))
                print(
                    f"{kind:7} {points:>9,} points {'log' if log else 'linear':6} "
                    f"{drawing:6.2f} ms drawing {total:6.2f} ms in all {size:6.2f} KB a frame"
                )


if __name__ == "__main__":
    main()
