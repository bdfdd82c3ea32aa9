"""The app without a terminal: keys in, rows of text out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.strip import Strip

from shareconsole.console.app import ConsoleApp
from shareconsole.console.palette import Palette
from shareconsole.console.widgets.panel import Panel, row_text
from shareconsole.store.folder import RunFolder
from tests.console.resting import PATIENCE, at_rest

Sight = str | Callable[[], object]
"""A text on the screen, or something that holds."""
# On a busy machine a test takes long; notices must not be gone by then, nor runs look stalled.
_LONG = 3600.0


class Driver:
    """What tests do with a running app."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    def strips(self) -> list[Strip]:
        """The screen, with those that show through it."""
        visible_screen_stack.set(self.app._background_screens)
        return self.app.screen._compositor.render_strips()

    def rows(self) -> list[str]:
        """The screen as text."""
        return [strip.text for strip in self.strips()]

    def text(self) -> str:
        return "\n".join(self.rows())

    def row(self, *words: str) -> str:
        """The first row with all of the words."""
        return next(row for row in self.rows() if all(word in row for word in words))

    def panel(self, selector: str) -> str:
        """What a drawn widget shows."""
        return "\n".join(row_text(row) for row in self.app.screen.query_one(selector, Panel)._rows)

    def screen(self) -> str:
        return type(self.app.screen).__name__

    def sees(self, sight: Sight) -> bool:
        return sight in self.text() if isinstance(sight, str) else bool(sight())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def click(self, x: int, y: int, *, times: int = 1) -> None:
        await self.pilot.click(offset=(x, y), times=times)

    async def type(self, text: str) -> None:
        names = {" ": "space", ":": "colon", "<": "less_than_sign", ".": "full_stop"}
        await self.press(*(names.get(character, character) for character in text))

    async def until(self, sight: Sight) -> None:
        """Wait until a text is on the screen, or something holds."""
        end = time.monotonic() + PATIENCE
        await at_rest(self.app)
        while not self.sees(sight):
            assert time.monotonic() < end, f"waited for {sight!r}\n{self.text()}"
            await asyncio.sleep(0.02)
            await at_rest(self.app)

    async def rest(self) -> None:
        await at_rest(self.app)

    async def gone(self, text: str) -> None:
        await self.until(lambda: text not in self.text())

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        # Textual waits a moment for more of them.
        await self.until(lambda: self.app.screen._compositor.size == (width, height))


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

    async def rest(*seconds: float) -> None:
        await at_rest(app)

    async def go() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await at_rest(app)
            await act(Driver(app, pilot))

    with ExitStack() as stack:
        for name in ("textual.app.wait_for_idle", "textual.pilot.wait_for_idle"):
            stack.enter_context(patch(name, rest))
        stack.enter_context(patch("shareconsole.console.app._NOTICE_SECONDS", _LONG))
        stack.enter_context(patch.object(ConsoleApp, "NOTIFICATION_TIMEOUT", _LONG))
        # Whoever stands in for a trainer beats its heart once.
        stack.enter_context(patch("shareconsole.store.status.STALL_SECONDS", _LONG))
        asyncio.run(go())
    return app
