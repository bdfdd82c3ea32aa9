"""One widget in an app of its own, and what it puts on the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.widgets.panel import Panel

Shown = TypeVar("Shown", bound=Panel)


class Stage(App[None]):
    """The whole screen for one widget."""

    CSS = "Screen { overflow: hidden; }"

    def __init__(self, widget: Panel, palette: Palette) -> None:
        super().__init__()
        self.widget = widget
        self.palette = palette

    def compose(self) -> ComposeResult:
        yield self.widget


def on_stage(
    widget: Shown,
    act: Callable[[Shown, Pilot[None]], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    palette: Palette | None = None,
) -> None:
    """Run an app with the widget, let ``act`` do something with it."""

    async def run() -> None:
        app = Stage(widget, palette or Palette("256"))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await act(widget, pilot)

    asyncio.run(run())


def rows_of(widget: Panel) -> list[str]:
    """The text of every row, as the terminal gets it."""
    return [widget.render_line(y).text for y in range(widget.size.height)]


def screen_of(
    widget: Panel, size: tuple[int, int] = (80, 24), palette: Palette | None = None
) -> list[str]:
    """The rows of a widget that fills a screen of this size."""
    found: list[str] = []

    async def act(shown: Panel, pilot: Pilot[None]) -> None:
        found.extend(rows_of(shown))

    on_stage(widget, act, size=size, palette=palette)
    return found


def updates_as_text(app: App[None], widget: Panel) -> str:
    """What Textual would write for the spans that a widget asked to refresh."""
    compositor = app.screen._compositor
    compositor.update_widgets({widget})
    update = compositor.render_update()
    return "" if update is None else update.render_segments(app.console)


def shown(widget: Panel, *view: object, size: tuple[int, int] = (60, 14),
          palette: Palette | None = None) -> list[str]:  # fmt: skip
    widget.show(*view)  # type: ignore[attr-defined]
    rows = screen_of(widget, size, palette)
    return [row.replace("[", " ").replace("]", " ") for row in rows]
