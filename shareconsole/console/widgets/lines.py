"""Lines of text to scroll through, each of one or more styled parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType

from shareconsole.console.widgets.panel import Panel, Row, RowBuilder, blank_row, message_rows

Line = Sequence[tuple[str, Style]]
"""Parts of a line, side by side."""


class Lines(Panel, can_focus=True):
    """A scrolling text. Long lines go on below, so that nothing of them is hidden."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_lines(-1)", "Up", show=False, id="lines-up"),
        Binding("down,j", "scroll_lines(1)", "Down", show=False, id="lines-down"),
        Binding("pageup", "scroll_page(-1)", "Page up", show=False, id="lines-page-up"),
        Binding("pagedown,space", "scroll_page(1)", "Page down", show=False, id="lines-page-down"),
        Binding("home,g", "scroll_lines(-10000000)", "First", show=False, id="lines-first"),
        Binding("end,G", "scroll_lines(10000000)", "Last", show=False, id="lines-last"),
    ]

    def __init__(
        self,
        empty: str = "",
        *,
        follow: bool = False,
        counted: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Starts without text.

        Args:
            empty: what stands there while there is none.
            follow: keep the last line in view while it is in view.
            counted: where not all has room, say in the last row what is in view, and how to see
                more.
            name: as for every widget.
            id: as for every widget.
            classes: as for every widget.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._lines: Sequence[Line] = ()
        self._follow = follow
        self._counted = counted
        self._at_end = follow
        self._top = 0
        self._wrapped: list[Row] = []
        self._wrapped_for: tuple[object, ...] | None = None

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines; the place stays, unless the end is being followed."""
        if lines is self._lines:
            return
        self._lines = lines
        self._wrapped_for = None
        self.redraw()

    def to_top(self) -> None:
        """Go to the first line."""
        self._top, self._at_end = 0, False
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The rows from the present place on."""
        if not self._lines:
            return message_rows(self._empty, width, height, self.palette)
        rows = self._rows_at(width)
        room = self._room(len(rows), height)
        last = max(0, len(rows) - room)
        self._top = last if self._at_end else min(self._top, last)
        shown = rows[self._top : self._top + room]
        foot = [self._count_row(len(rows), room, width)] if room < height else []
        return [*shown, *[blank_row(width)] * (room - len(shown)), *foot]

    def _room(self, total: int, height: int) -> int:
        """Rows of text in view, of so many."""
        return height - 1 if self._counted and total > height > 1 else height

    def _count_row(self, total: int, room: int, width: int) -> Row:
        end = self._top + room
        keys = " ".join(["pgdn: more"] * (end < total) + ["pgup: back"] * (self._top > 0))
        text = f"{self._top + 1}-{end} of {total}   {keys}"
        return RowBuilder(width).add(text, self.palette.strong).row()

    def _rows_at(self, width: int) -> list[Row]:
        circumstances = (width, self.palette)
        if self._wrapped_for != circumstances:
            self._wrapped = [row for line in self._lines for row in _wrap(line, width)]
            self._wrapped_for = circumstances
        return self._wrapped

    def action_scroll_lines(self, by: int) -> None:
        """Go up or down."""
        width, height = self.size
        if width < 1 or height < 1 or not self._lines:
            return
        total = len(self._rows_at(width))
        last = max(0, total - self._room(total, height))
        self._top = max(0, min(last, self._top + by))
        self._at_end = self._follow and self._top == last
        self.redraw()

    def action_scroll_page(self, direction: int) -> None:
        """Go up or down by what is in view, but for one row."""
        width, height = self.size
        room = self._room(len(self._rows_at(width)), height) if width > 0 else height
        self.action_scroll_lines(direction * max(1, room - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down."""
        event.stop()
        self.action_scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up."""
        event.stop()
        self.action_scroll_lines(-3)


def _wrap(line: Line, width: int) -> list[Row]:
    """The rows that a line takes; parts are cut at spaces, or anywhere."""
    rows: list[Row] = []
    builder = RowBuilder(width)
    for text, style in line:
        rest = text
        while rest:
            head = _head(rest, builder.room)
            if not head and not builder.used:
                break  # not even one character fits
            builder.add(head, style)
            rest = rest[len(head) :]
            if rest:
                rows.append(builder.row())
                builder = RowBuilder(width)
    return [*rows, builder.row()]


def _head(text: str, cells: int) -> str:
    """As much of the beginning as fits, up to a space where there is one near the end."""
    if cell_len(text) <= cells:
        return text
    if text.isascii():
        place = cells
    else:
        place = used = 0
        while used + cell_len(text[place]) <= cells:
            used += cell_len(text[place])
            place += 1
    space = text.rfind(" ", 0, place) + 1
    return text[:space] if place < 2 * space else text[:place]
