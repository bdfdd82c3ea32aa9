"""The list of runs. Only what is in view is drawn, so ten thousand runs cost as much as fifty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.listing import RunListing, RunRow
from shareconsole.console.widgets.panel import Panel, Row, RowBuilder, blank_row, fitted
from shareconsole.console.widgets.run_columns import GAP, Column, fit, order_mark, run_row
from shareconsole.console.widgets.selection import selected_row

_MOST_BUILT = 1000
# By then the page is on the screen, and whoever holds a key has not yet sent the next.
_IDLE_SECONDS = 0.025


class RunTable(Panel, can_focus=True):
    """Runs as rows, with a cursor that stays on its run while others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="open"),
        Binding("up,k", "move(-1)", "Up", show=False, id="runs-up"),
        Binding("down,j", "move(1)", "Down", show=False, id="runs-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="runs-page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="runs-page-down"),
        Binding("home,g", "move(-10000000)", "First", show=False, id="runs-first"),
        Binding("end,G", "move(10000000)", "Last", show=False, id="runs-last"),
    ]

    class Moved(Message):
        """Other rows are in view, or the cursor is on another run."""

        def __init__(self, first: int, count: int, run_id: str | None) -> None:
            """``first``, ``count``: places in view; ``run_id``: under the cursor."""
            super().__init__()
            self.first, self.count, self.run_id = first, count, run_id

    class HeadClicked(Message):
        """Somebody wants another order."""

        def __init__(self, key: str) -> None:
            """``key``: of the column."""
            super().__init__()
            self.key = key

    def __init__(
        self, open_run: Callable[[str], object] | None = None, *, id: str | None = None
    ) -> None:
        """Starts without a list.

        Args:
            open_run: shows a run by its id, before it returns: keys that came in the same packet
                as Enter are for what is in front then.
            id: of the widget.
        """
        super().__init__(id=id)
        self._open_run = open_run
        self._listing: RunListing | None = None
        self._cursor = 0
        self._top = 0
        self._run_id: str | None = None
        self._columns: list[tuple[Column, int]] = []
        self._told: tuple[int, int, str | None] | None = None
        self._built: dict[RunRow, Row] = {}
        self._built_for: tuple[int, Palette] | None = None
        self._kept: dict[int, tuple[Row, Style, Strip]] = {}

    @property
    def run_id(self) -> str | None:
        """The run under the cursor."""
        return self._run_id

    @property
    def row(self) -> RunRow | None:
        """The row under the cursor."""
        if self._listing is None or self._run_id is None:
            return None
        return self._listing.row(self._run_id)

    def show(self, listing: RunListing) -> None:
        """Show a list; the cursor stays on its run, or else on its place."""
        place = listing.place(self._run_id) if self._run_id else None
        self._listing = listing
        if place is not None:
            # From the first row the list does not scroll along: newer runs come into sight above.
            self._top += place - self._cursor if self._cursor else 0
            self._cursor = place
        self._go_to(self._cursor)

    def select(self, run_id: str) -> None:
        """Put the cursor on a run, if it is shown."""
        place = self._listing.place(run_id) if self._listing is not None else None
        if place is not None:
            self._go_to(place)

    def _go_to(self, place: int) -> None:
        listing = self._listing
        total = len(listing) if listing is not None else 0
        self._cursor = max(0, min(place, total - 1))
        self._run_id = listing.ids[self._cursor] if listing is not None and total else None
        self.redraw()
        self._tell()

    def _tell(self) -> None:
        now = (self._top, max(1, self.size.height - 1), self._run_id)
        if now != self._told and self.is_mounted:
            before, self._told = self._told, now
            self.post_message(self.Moved(*now))
            if before is not None and before[0] != self._top:
                page = self._top + now[1] * (1 if before[0] < self._top else -1)
                self.set_timer(_IDLE_SECONDS, partial(self._prepare, page, now[1]))

    def _prepare(self, first: int, count: int) -> None:
        """Build the page that comes next, if somebody goes on as before, while nobody waits."""
        listing, width = self._listing, self.size.width
        if listing is not None and self._built_for == (width, self.palette):
            for run in listing[max(0, first) : max(0, first + count)]:
                if run.filled:
                    self._strip(self._row(run, width, self.palette, here=False), width)

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The heads, then the runs in view."""
        listing, palette = self._listing, self.palette
        self._columns = fit(width)
        room = height - 1
        if listing is None or not len(listing) or room < 1:
            return [] if listing is None or not len(listing) else [self._run_row(listing, width)]
        self._start_afresh(width, palette)
        self._top = max(0, min(self._top, self._cursor, len(listing) - room))
        self._top = max(self._top, self._cursor - room + 1)
        places = range(self._top, min(len(listing), self._top + room))
        rows = [self._head_row(listing, width)]
        for place, run in zip(places, listing[places.start : places.stop], strict=True):
            rows.append(self._row(run, width, palette, here=place == self._cursor))
        return [*rows, *[blank_row(width)] * (height - len(rows))]

    def on_resize(self, event: events.Resize) -> None:
        """Other rows may be in view."""
        self.redraw()
        self.call_after_refresh(self._tell)

    def _run_row(self, listing: RunListing, width: int) -> Row:
        self._start_afresh(width, self.palette)
        return self._row(listing[self._cursor], width, self.palette, here=True)

    def _head_row(self, listing: RunListing, width: int) -> Row:
        palette = self.palette
        row = RowBuilder(width).add(" ")
        key, arrow = listing.sort_key.removeprefix("-"), order_mark(listing.sort_key, palette)
        for column, cells in self._columns:
            sorted_by = bool(key) and column.key == key
            text = f"{column.head}{arrow if sorted_by else ''}"
            text = text.rjust(cells) if column.right else text.ljust(cells)
            row.add(text[-cells:] if column.right else text[:cells],
                    palette.strong if sorted_by else palette.quiet)  # fmt: skip
            row.add(" " * GAP)
        return row.row()

    def _row(self, run: RunRow, width: int, palette: Palette, *, here: bool) -> Row:
        built = self._built.get(run)
        if built is None:
            built = self._built[run] = self._build(run, width, palette)
        if not here:
            return built
        style = palette.selected if self.has_focus else Style(underline=True)
        return selected_row(built, style)

    def _build(self, run: RunRow, width: int, palette: Palette) -> Row:
        if run.filled:
            return run_row(run, self._columns, width, palette)
        row = RowBuilder(width).add(" ")
        return row.add(fitted(run.id, max(0, row.room - 1)), palette.quiet).row()

    def _start_afresh(self, width: int, palette: Palette) -> None:
        """Drop rows that were built for something else, or that are many."""
        if self._built_for != (width, palette) or len(self._built) > _MOST_BUILT:
            self._built, self._built_for = {}, (width, palette)

    def _strip(self, row: Row, width: int) -> Strip:
        """A row that was on the screen before, at whatever height, is not put together again."""
        kept = self._kept.get(id(row))
        if kept is None or kept[0] is not row or kept[1] is not self._base:
            if len(self._kept) > _MOST_BUILT:
                self._kept = {}
            kept = self._kept[id(row)] = (row, self._base, super()._strip(row, width))
        return kept[2]

    def action_move(self, by: int) -> None:
        """Move the cursor; it stops at the ends."""
        self._go_to(self._cursor + by)

    def action_page(self, direction: int) -> None:
        """Move the cursor by as many rows as are in view."""
        self._go_to(self._cursor + direction * max(1, self.size.height - 2))

    def action_open(self) -> None:
        """Show the run under the cursor."""
        if self._run_id is not None and self._open_run is not None:
            self._open_run(self._run_id)

    def on_click(self, event: events.Click) -> None:
        """Take the row under the mouse, open it at the second click, or sort by a head."""
        place = event.get_content_offset(self)
        if place is None or self._listing is None:
            return
        if place.y == 0:
            self._click_head(place.x)
            return
        at = self._top + place.y - 1
        if at < len(self._listing):
            again = at == self._cursor and event.chain == 2
            self._go_to(at)
            if again:
                self.action_open()

    def _click_head(self, x: int) -> None:
        start = 1
        for column, cells in self._columns:
            if start <= x < start + cells + GAP and column.key:
                self.post_message(self.HeadClicked(column.key))
                return
            start += cells + GAP

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down."""
        event.stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up."""
        event.stop()
        self.action_move(-3)

    def on_focus(self) -> None:
        """Show the cursor in full."""
        self.redraw()

    def on_blur(self) -> None:
        """Show the cursor faintly."""
        self.redraw()
