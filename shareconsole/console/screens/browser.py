"""The list of all runs."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize, ScreenResume
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from shareconsole.console.feed import BrowserFeed
from shareconsole.console.messages import RunsListed
from shareconsole.console.screens.base import RUN_BINDINGS, RunActing
from shareconsole.console.viewmodel.browser import NEWEST_FIRST, RunList
from shareconsole.console.viewmodel.listing import RunListing
from shareconsole.console.widgets.filter_input import FilterInput
from shareconsole.console.widgets.key_bar import KeyBar
from shareconsole.console.widgets.run_columns import SORTABLE, hidden_order
from shareconsole.console.widgets.run_table import RunTable
from shareconsole.console.widgets.text_row import TextRow
from shareconsole.errors import UsageError
from shareconsole.headless.figures import count
from shareconsole.safe_text import safe_text
from shareconsole.store.folder import RunFolder

_AGE_SECONDS = 1.0
_ABOUT = re.compile(r"""filter( '(\\.|[^'\\])*'| "(\\.|[^"\\])*")?: """)
"""What a problem with a filter begins with."""


class BrowserScreen(RunActing):
    """All runs, newest first; what is new or changes shows by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New run", id="new"),
        Binding("slash", "filter", "Filter", id="filter"),
        Binding("o", "sort", "Order", id="sort"),
        Binding("O", "reverse", "Reverse order", show=False, id="sort-reverse"),
        *RUN_BINDINGS,
        Binding("l", "log", "Log", id="log"),
        Binding("escape", "clear", "Clear the filter", id="filter-clear"),
    ]
    what: ClassVar[str] = "Runs"
    AUTO_FOCUS = "RunTable"

    def __init__(self, runs: RunList) -> None:
        """``runs``: what to list."""
        super().__init__()
        self._runs = runs
        self._feed = BrowserFeed(runs)
        self._listing: RunListing | None = None
        self._state = ""

    def compose(self) -> ComposeResult:
        """The line of figures, the filter, the table, the line about the run, the keys."""
        yield TextRow(id="title")
        with Horizontal(id="filter"):
            yield Static("filter", id="filter-label", markup=False)
            yield FilterInput(
                placeholder="word  method:learned_sharing  macro_error<0.12  -tag:bad",
                id="filter-text",
            )
            yield Static(id="filter-problem", markup=False)
        yield RunTable(self._open, id="runs")
        yield Static(id="empty", markup=False)
        yield TextRow(id="about")
        yield KeyBar()

    def on_mount(self) -> None:
        """Start to look."""
        self.query_one("#filter").display = False
        self.query_one("#empty").display = False
        self._tell("")
        self.run_worker(self._watch, thread=True, group="feed")
        self.set_interval(_AGE_SECONDS, self._age)

    def _watch(self) -> None:
        worker = get_current_worker()
        self._feed.run(self.post_message, lambda: worker.is_cancelled)

    def _age(self) -> None:
        if self.is_current:
            self.query_one(RunTable).redraw()

    @on(ScreenResume)
    def _look_now(self) -> None:
        self._feed.wake()

    @on(RunsListed)
    def _show(self, event: RunsListed) -> None:
        if not self.here:
            return
        listing = self._listing = event.listing
        table = self.query_one(RunTable)
        table.show(listing)
        nothing = self._nothing(listing)
        empty = self.query_one("#empty", Static)
        table.display, empty.display = not nothing, bool(nothing)
        if nothing:
            empty.update(Content(nothing))
        elif self.focused is None:
            table.focus()
        self._tell(_figures(listing))
        self._about()

    def _nothing(self, listing: RunListing) -> str:
        """What to say where no run is shown; empty if one is."""
        if len(listing):
            return ""
        if listing.problem:
            return listing.problem
        if listing.total and listing.filter_text:
            reading = f"\n{count(listing.pending)} are still being read" if listing.pending else ""
            return f"none of {count(listing.total)} runs matches{reading}\n\nesc  clear the filter"
        where = safe_text(self._runs.runs_dir)
        return (
            f"no runs yet in {where}\n\nn  choose a preset and start it\n\n"
            "or in a shell:  shareconsole run digits --detach"
        )

    def _tell(self, figures: str) -> None:
        palette = self.palette
        parts = [("shareconsole", palette.strong + palette.series(0)),
                 (f"   {figures}", palette.plain)]  # fmt: skip
        key = self._listing.sort_key if self._listing else NEWEST_FIRST
        order = hidden_order(key, self.app.size.width, palette)
        if order and key != NEWEST_FIRST:
            parts.append((f"   ordered by {order}", palette.strong))
        self.query_one("#title", TextRow).show(*parts)

    @on(Resize)
    def recolour(self) -> None:
        """Write the lines above and below the table anew."""
        self._tell(_figures(self._listing) if self._listing else "")
        self._about()

    @on(RunTable.Moved)
    def _moved(self, event: RunTable.Moved) -> None:
        self._feed.show(event.first, event.count)
        self._about()

    def _about(self) -> None:
        """The line below the table: what has no column."""
        row, palette = self.query_one(RunTable).row, self.palette
        parts = []
        if row is not None:
            parts.append((row.id, palette.quiet))
            parts += [(f"   {row.reason}", palette.warning)] if row.reason else []
            parts += [(f"   #{tag}", palette.series(0)) for tag in row.tags]
        self.query_one("#about", TextRow).show(*parts)
        state = row.state if row is not None else ""
        if state != self._state:
            self._state = state
            self.refresh_bindings()

    def offers(self, action: str) -> bool:
        """Name what leaves the filter where there is one, and what begins one where it is not."""
        if action == "clear":
            return self.query_one("#filter").display
        if action == "filter":
            return not isinstance(self.focused, FilterInput)
        return super().offers(action)

    def acted_on(self) -> tuple[RunFolder, str, str] | None:
        """The run under the cursor."""
        row = self.query_one(RunTable).row
        if row is None:
            return None
        return RunFolder(self._runs.runs_dir / row.id), row.name or row.id, row.state

    def _open(self, run_id: str) -> None:
        self.host.open_run(RunFolder(self._runs.runs_dir / run_id))

    def action_log(self) -> None:
        """Read the log of the run under the cursor."""
        run = self.acted_on()
        if run is not None:
            self.host.open_log(run[0], run[1])

    def action_new(self) -> None:
        """Choose a preset."""
        self.host.open_presets()

    def action_filter(self) -> None:
        """Write a filter."""
        self.query_one("#filter").display = True
        self.query_one("#filter-text", Input).focus()

    def action_clear(self) -> None:
        """Show all runs again."""
        text = self.query_one("#filter-text", Input)
        text.value = ""
        self._apply("")
        self.query_one("#filter").display = False
        self.query_one(RunTable).focus()
        self.refresh_bindings()

    @on(Input.Changed, "#filter-text")
    def _changed(self, event: Input.Changed) -> None:
        self._apply(event.value)

    @on(Input.Submitted, "#filter-text")
    def _submitted(self, event: Input.Submitted) -> None:
        if not event.value.strip():
            self.action_clear()
        self.query_one(RunTable).focus()

    def _apply(self, text: str) -> None:
        problem = ""
        try:
            self._runs.filter(text)
        except UsageError as error:
            # The word that it is about stands beside it already.
            problem = safe_text(_ABOUT.sub("", str(error)))
        self.query_one("#filter-problem", Static).update(Content(problem))
        self._feed.wake()

    def action_sort(self) -> None:
        """Order by the next column."""
        key = self._listing.sort_key.removeprefix("-") if self._listing else "created"
        at = SORTABLE.index(key) if key in SORTABLE else -1
        self._sort(SORTABLE[(at + 1) % len(SORTABLE)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        key = self._listing.sort_key if self._listing else NEWEST_FIRST
        self._order(key.removeprefix("-") if key.startswith("-") else f"-{key}")

    @on(RunTable.HeadClicked)
    def _head_clicked(self, event: RunTable.HeadClicked) -> None:
        if self._listing and self._listing.sort_key.removeprefix("-") == event.key:
            self.action_reverse()
        else:
            self._sort(event.key)

    def _sort(self, key: str) -> None:
        # The newest, the furthest first; but the least error.
        self._order(f"-{key}" if key in ("created", "step", "steps") else key)

    def _order(self, key: str) -> None:
        self._runs.sort(key)
        self._feed.wake()


def _figures(listing: RunListing) -> str:
    total = f"{count(listing.total)} run{'' if listing.total == 1 else 's'}"
    shown = f"{count(len(listing))} of {total}" if listing.filter_text else total
    reading = f"   reading {count(listing.pending)}" if listing.pending > 0 else ""
    problem = f"   {listing.problem}" if listing.problem and len(listing) else ""
    return f"{shown}{reading}{problem}"
