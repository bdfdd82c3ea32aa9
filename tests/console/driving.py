"""The app without a terminal: keys in, rows of text out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

from textual.pilot import Pilot

from shareconsole.console.app import ConsoleApp
from shareconsole.console.palette import Palette
from shareconsole.store.folder import RunFolder

PATIENCE = 15.0


class Driver:
    """What tests do with a running app."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    def rows(self) -> list[str]:
        """The screen as text."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    def text(self) -> str:
        return "\n".join(self.rows())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", ":": "colon", "<": "less_than_sign", ".": "full_stop"}
        await self.press(*(names.get(character, character) for character in text))

    async def until(self, holds: str | Callable[[], object]) -> None:
        """Wait until a text is on the screen, or something holds."""
        end = time.monotonic() + PATIENCE
        while not ((holds in self.text()) if isinstance(holds, str) else holds()):
            assert time.monotonic() < end, f"waited for {holds!r}\n{self.text()}"
            await self.pilot.pause(0.01)

    async def gone(self, text: str) -> None:
        await self.until(lambda: text not in self.text())

    def screen(self) -> str:
        return type(self.app.screen).__name__


async def _a_moment(*seconds: float) -> None:
    """Stands in for Textual's wait until the process is idle: 40 ms a key, and all tests wait."""
    await asyncio.sleep(0.004)


def drive(
    runs: Path,
    act: Callable[[Driver], Awaitable[None]],
    *,
    run: RunFolder | None = None,
    size: tuple[int, int] = (120, 36),
    palette: Palette | None = None,
) -> ConsoleApp:
    """Run the app until ``act`` is done with it; errors of the app are raised."""
    app = ConsoleApp(runs, run, palette or Palette("256"))

    async def go() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await act(Driver(app, pilot))

    with (
        patch("textual.app.wait_for_idle", _a_moment),
        patch("textual.pilot.wait_for_idle", _a_moment),
    ):
        asyncio.run(go())
    return app
