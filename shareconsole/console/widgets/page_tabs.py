"""The names of the panels where only one of them has room."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from shareconsole.console.widgets.panel import Panel, Row, RowBuilder


class PageTabs(Panel):
    """One row: ``1 loss  2 fitness`` with the page in front marked."""

    DEFAULT_CSS = """
    PageTabs {
        height: 1;
        padding: 0 1;
    }
    """

    class Chosen(Message):
        """Somebody clicked on a page."""

        def __init__(self, page: str) -> None:
            """``page``: its name."""
            super().__init__()
            self.page = page

    def __init__(self, *, id: str | None = None) -> None:
        """Starts without pages."""
        super().__init__(id=id)
        self._pages: Sequence[tuple[str, str]] = ()
        self._front = ""
        self._ends: list[tuple[int, str]] = []

    def show(self, pages: Sequence[tuple[str, str]], front: str) -> None:
        """Show pages, (key, name) each, with one in front."""
        if (pages, front) != (self._pages, self._front):
            self._pages, self._front = pages, front
            self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The keys and the names."""
        palette = self.palette
        row = RowBuilder(width)
        self._ends = []
        for key, name in self._pages:
            front = name == self._front
            style = palette.strong + palette.series(0) if front else palette.quiet
            left, right = ("[", "]") if front else (" ", " ")
            title = f"{key} {name.replace('_', ' ')}"
            row.add(left, style).add(title, style).add(right, style).add(" ")
            self._ends.append((row.used, name))
        return [row.row()]

    def on_click(self, event: events.Click) -> None:
        """Choose the page under the mouse."""
        place = event.get_content_offset(self)
        if place is not None:
            for end, name in self._ends:
                if place.x < end:
                    self.post_message(self.Chosen(name))
                    return
