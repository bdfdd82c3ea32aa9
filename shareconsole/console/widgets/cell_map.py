"""A table of coloured cells with names left and above, a cursor, and scrolling under the names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType

from shareconsole.console.palette import Shade
from shareconsole.console.widgets.cell_text import filled, short_title
from shareconsole.console.widgets.cell_words import CellWords, add_words
from shareconsole.console.widgets.panel import (
    Panel,
    Row,
    RowBuilder,
    blank_row,
    fitted,
    message_rows,
)

_LABEL_CELLS = 22
_MAX_CELL = 12
_MAX_ROWS_PER_CELL = 3
_COUNT_CELLS = 4
"""What is kept for the number of columns that have no room."""


@dataclass(frozen=True)
class Geometry:
    """Where the cells lie: the first ones shown, how many are shown, and their size."""

    label: int
    cell: int
    gap: int
    tall: int
    top: int
    left: int
    rows: int
    columns: int


class CellMap(Panel, can_focus=True):
    """Base of the maps. Subclasses name rows and columns, and say what is in a cell."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="map-up"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="map-down"),
        Binding("left", "move(0, -1)", "Left", show=False, id="map-left"),
        Binding("right", "move(0, 1)", "Right", show=False, id="map-right"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="map-page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="map-page-down"),
        Binding("home", "move(-100000, -100000)", "First", show=False, id="map-first"),
        Binding("end", "move(100000, 100000)", "Last", show=False, id="map-last"),
    ]

    min_cell = 4
    """The narrowest cell, its gap included."""
    empty = "no assignment yet"

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self.cursor = (0, 0)
        """Row and column of the cell that the cursor is on."""
        self._offset = (0, 0)
        self._geometry: Geometry | None = None

    def row_names(self) -> Sequence[str]:
        """The names down the left side."""
        raise NotImplementedError

    def column_names(self) -> Sequence[str]:
        """The names along the top."""
        raise NotImplementedError

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """The text of a cell, and how it looks."""
        raise NotImplementedError

    @property
    def room(self) -> int:
        """Cells that the text of a cell may take."""
        return self._geometry.cell - self._geometry.gap if self._geometry is not None else 0

    @property
    def faded(self) -> Shade:
        """How a cell looks that steps back."""
        return Shade(self.palette.quiet, " ", " ")

    def footer(self, width: int, height: int) -> Sequence[Row]:
        """Rows under the cells, at most ``height``."""
        return [self.cursor_row(width)] if height >= 1 else []

    def words(self) -> CellWords:
        """What is in the cell under the cursor."""
        raise NotImplementedError

    def cursor_row(self, width: int) -> Row:
        """The cell under the cursor in words.

        Without the focus it is empty, but there: the cells must not move when the focus does.
        """
        row = RowBuilder(width)
        if self.has_focus:
            self.add_hints(add_words(row, self.words(), self.palette))
        return row.row()

    def add_hints(self, row: RowBuilder) -> None:
        """Say behind the words what keys do here, where there is room for it."""

    def column_style(self, column: int) -> Style:
        """How a name along the top looks."""
        return self.palette.quiet

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The names along the top, the cells, the footer."""
        names, titles = self.row_names(), self.column_names()
        if not names or not titles:
            self._geometry = None
            return message_rows(self.empty, width, height, self.palette)
        self._keep_cursor()
        footer = list(self.footer(width, max(0, height - 3)))
        geometry = self._geometry = self._measure(width, height - 1 - len(footer))
        rows = [self._title_row(width, geometry, titles)]
        for row in range(geometry.top, geometry.top + geometry.rows):
            rows += [self._cell_row(width, geometry, row, part) for part in range(geometry.tall)]
        # The footer stays at the bottom, whatever height the cells take.
        missing = max(0, height - len(rows) - len(footer))
        return [*rows, *[blank_row(width)] * missing, *footer]

    def _keep_cursor(self) -> None:
        """Newer data may have fewer rows or columns."""
        down, right = len(self.row_names()) - 1, len(self.column_names()) - 1
        self.cursor = (min(self.cursor[0], down), min(self.cursor[1], right))

    def _measure(self, width: int, height: int) -> Geometry:
        names, titles = self.row_names(), self.column_names()
        label = min(max(cell_len(name) for name in names), _LABEL_CELLS, max(0, width // 3)) + 2
        room = max(1, width - label)
        natural = max(cell_len(title) for title in titles) + 1
        cell = max(self.min_cell, min(max(natural, _MAX_CELL), room // len(titles)))
        if cell > 4:
            cell -= cell % 2  # With the gap off, an odd width: a letter stands in its middle.
        columns = max(1, min(len(titles), room // cell))
        if columns < len(titles):
            columns = max(1, (room - _COUNT_CELLS) // cell)
        # With a blank last row, two rows of shade would put the text off centre.
        most = _MAX_ROWS_PER_CELL if self.palette.shade(0, 0).edge.strip() else 2
        tall = max(1, min(most, height // len(names)))
        rows = max(1, min(len(names), height // tall))
        top, left = self._window_at(rows, columns)
        return Geometry(label, cell, int(cell > 3), tall, top, left, rows, columns)

    def _window_at(self, rows: int, columns: int) -> tuple[int, int]:
        """The first row and column to show, of so many, with the cursor among them."""
        names, titles = len(self.row_names()), len(self.column_names())
        top = _window(self.cursor[0], self._offset[0], rows, names)
        left = _window(self.cursor[1], self._offset[1], columns, titles)
        self._offset = (top, left)
        return top, left

    def _title_row(self, width: int, geometry: Geometry, titles: Sequence[str]) -> Row:
        palette = self.palette
        row = RowBuilder(width)
        total = len(self.row_names())
        if geometry.rows < total:
            span = f"{geometry.top + 1}-{geometry.top + geometry.rows}/{total}"
            row.add(fitted(span, geometry.label - 1, ascii_only=palette.ascii), palette.quiet)
        inner = geometry.cell - geometry.gap
        for column in range(geometry.left, geometry.left + geometry.columns):
            start = geometry.label + (column - geometry.left) * geometry.cell
            title = short_title(titles[column], inner, ascii_only=palette.ascii)
            style = self.column_style(column)
            if self.has_focus and column == self.cursor[1]:
                style = palette.strong
            row.to(start + (inner - cell_len(title)) // 2).add(title, style)
        hidden = len(titles) - geometry.left - geometry.columns
        if hidden > 0:
            row.add(f" +{hidden}", palette.quiet)
        return row.row()

    def _cell_row(self, width: int, geometry: Geometry, row: int, part: int) -> Row:
        palette = self.palette
        middle = part == (geometry.tall - 1) // 2
        last = part > 0 and part == geometry.tall - 1
        builder = RowBuilder(width)
        if middle:
            here = self.has_focus and row == self.cursor[0]
            name = fitted(self.row_names()[row], geometry.label - 2, ascii_only=palette.ascii)
            builder.add(name, palette.strong if here else palette.plain)
        builder.to(geometry.label)
        inner = geometry.cell - geometry.gap
        for column in range(geometry.left, geometry.left + geometry.columns):
            text, shade = self.content(row, column)
            if last:
                builder.add(shade.edge * inner, shade.edge_style).add(" " * geometry.gap)
                continue
            chosen = self.has_focus and (row, column) == self.cursor
            text = fitted(text if middle else "", inner, ascii_only=palette.ascii)
            shown = filled(text, inner, shade, chosen and middle)
            strong = middle and (chosen or shade.style != palette.quiet)
            style = shade.style + palette.strong if strong else shade.style
            builder.add(shown, style).add(" " * geometry.gap)
        return builder.row()

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor; it stops at the edges."""
        names, titles = self.row_names(), self.column_names()
        if not names or not titles:
            return
        row = min(max(self.cursor[0] + down, 0), len(names) - 1)
        column = min(max(self.cursor[1] + right, 0), len(titles) - 1)
        self.cursor = (row, column)
        self.redraw()

    def action_page(self, direction: int) -> None:
        """Move the cursor by as many rows as are shown."""
        if self._geometry is not None:
            self.action_move(direction * self._geometry.rows, 0)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the cell under the mouse."""
        place, geometry = event.get_content_offset(self), self._geometry
        if place is None or geometry is None:
            return
        row = (place.y - 1) // geometry.tall
        column = (place.x - geometry.label) // geometry.cell
        if 0 <= row < geometry.rows and 0 <= column < geometry.columns:
            self.cursor = (row + geometry.top, column + geometry.left)
            self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down a row."""
        event.stop()
        self.action_move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up a row."""
        event.stop()
        self.action_move(-1, 0)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the cursor while keys come here."""
        super().watch_has_focus(has_focus)
        self.redraw()


def _window(cursor: int, first: int, shown: int, total: int) -> int:
    """The first of ``shown`` in ``total``, near where it was, so that the cursor is among them."""
    first = min(max(first, cursor - shown + 1), cursor)
    return max(0, min(first, total - shown))
