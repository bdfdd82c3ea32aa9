"""One run: while it trains, after it ended, and whoever started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static
from textual.worker import get_current_worker

from shareconsole.console.feed import LiveFeed
from shareconsole.console.messages import SnapshotTaken
from shareconsole.console.screens.base import RUN_BINDINGS
from shareconsole.console.screens.panel_acting import PanelActing
from shareconsole.console.widgets.header import RunBar
from shareconsole.console.widgets.key_bar import KeyBar
from shareconsole.console.widgets.log_tail import BROKEN, LogTail
from shareconsole.console.widgets.page_tabs import PageTabs
from shareconsole.console.widgets.text_row import TextRow
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from shareconsole.console.screens.unit import UnitScreen
    from shareconsole.console.viewmodel.live import LiveSnapshot
    from shareconsole.store.folder import RunFolder

ALL_PANELS = (100, 30)
"""From this size on all panels are shown at once; below they are pages."""
_LOG_ROWS = 48
"""From this height on there is room for the log."""
_BEHIND_SECONDS = 0.05


class LiveScreen(PanelActing):
    """The header, the panels, the end of the log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *RUN_BINDINGS,
        Binding("l", "log", "Log", id="log"),
        Binding("L", "whole_log", "Whole log", show=False, id="log-whole"),
        Binding("y", "log_y", "Log y", id="log-y"),
        Binding("f", "front", "Next curve to the front", show=False, id="front"),
        Binding("enter", "drill", "Drill in", show=False, id="drill"),
        Binding("z", "zoom", "Zoom", id="zoom"),
        Binding("1", "panel(1)", "Loss", show=False, id="panel-loss"),
        Binding("2", "panel(2)", "Population fitness", show=False, id="panel-fitness"),
        Binding("3", "panel(3)", "Assignment", show=False, id="panel-assignment"),
        Binding("4", "panel(4)", "Test errors", show=False, id="panel-errors"),
        Binding("5", "panel(5)", "Components in use", show=False, id="panel-allocation"),
        Binding("6", "panel(6)", "Similarity of weights", show=False, id="panel-similarity"),
        Binding("7", "panel(7)", "Singular values", show=False, id="panel-spectrum"),
        Binding("8", "panel(8)", "Affinity of tasks", show=False, id="panel-affinity"),
        Binding("9", "panel(9)", "Tree of tasks", show=False, id="panel-tree"),
        Binding("0", "panel(10)", "Step size", show=False, id="panel-step-size"),
        Binding("tab", "turn(1)", "Next panel", show=False, id="panel-next"),
        Binding("shift+tab", "turn(-1)", "Previous panel", show=False, id="panel-previous"),
    ]
    what: ClassVar[str] = "One run"
    AUTO_FOCUS = ""

    def __init__(self, folder: RunFolder) -> None:
        """``folder``: of the run; nothing is read yet."""
        super().__init__()
        self._folder = folder
        self._feed = LiveFeed(folder)
        self._snapshot: LiveSnapshot | None = None
        self._unit: UnitScreen | None = None
        self._log_wanted: bool | None = None
        self._waiting = False

    def compose(self) -> ComposeResult:
        """The frame; the panels come with the first snapshot, when numpy is there."""
        yield RunBar(id="header")
        yield TextRow(id="notice")
        yield PageTabs(id="tabs")
        yield Static(Content(f"opening {safe_text(self._folder.id)}"), id="opening")
        yield LogTail(id="tail", classes="panel")
        yield KeyBar()

    def on_mount(self) -> None:
        """Start to look."""
        for name in ("#notice", "#tabs", "#tail"):
            self.query_one(name).display = False
        self.run_worker(self._watch, thread=True, group="feed")

    def _watch(self) -> None:
        worker = get_current_worker()
        self._feed.run(self.post_message, lambda: worker.is_cancelled)

    @on(SnapshotTaken)
    def _take(self, event: SnapshotTaken) -> None:
        if not self.here:
            return
        before, self._snapshot = self._snapshot, event.snapshot
        header = event.snapshot.header
        self.host.note_run(header)
        if before is None or before.header.state != header.state:
            self.refresh_bindings()
            self.fit_in()
        self._draw()

    def _draw(self) -> None:
        """Show the newest snapshot, unless the terminal is behind: then a moment later."""
        if not self.here:
            return
        if self.host.behind:
            if not self._waiting:
                self._waiting = True
                self.set_timer(_BEHIND_SECONDS, self._draw_late)
            return
        snapshot = self._snapshot
        if snapshot is None:
            return
        self.query_one(RunBar).show(snapshot.header)
        self.query_one(LogTail).show(snapshot.header, snapshot.warnings)
        self._notice(snapshot)
        if self._unit is not None and self._unit.is_attached:
            self._unit.show(getattr(snapshot, self._unit.kind), snapshot.header)
        if not self.in_view:
            return
        if self._panels is None:
            from shareconsole.console.screens.panels import Panels

            self._panels = Panels()
            self.mount(self._panels, before="#opening")
        if snapshot.unread:
            self._say(f"reading {snapshot.unread / 1e6:,.0f} MB of records")
            return
        if not self._panels.ready:
            self.call_after_refresh(self._draw)
            return
        if self._panels.show(snapshot):
            self.query_one("#opening").display = False
            self.call_after_refresh(self.fit_in)
        word = snapshot.header.state
        ended = snapshot.header.ended and snapshot.header.step
        self._say(f"{word}: {'its records are gone' if ended else 'nothing was recorded yet'}")
        if not self._open:
            self.call_after_refresh(self.opened)

    def _say(self, text: str) -> None:
        """Say why there is no panel, as long as there is none."""
        opening = self.query_one("#opening", Static)
        if opening.display:
            opening.update(Content(text))

    def _draw_late(self) -> None:
        self._waiting = False
        self._draw()

    @on(events.ScreenResume)
    def _catch_up(self) -> None:
        self._unit = None
        self._draw()

    def _notice(self, snapshot: LiveSnapshot) -> None:
        """One line for what a person should know: the newest warning."""
        notice = self.query_one("#notice", TextRow)
        warnings = snapshot.warnings
        shown = bool(warnings) and not self.query_one(LogTail).display
        if shown:
            more = f" ({len(warnings)} warnings, l shows them)" if len(warnings) > 1 else ""
            notice.show((f"! {warnings[-1]}{more}", self.palette.warning))
        if notice.display != shown:
            notice.display = shown

    @on(events.Resize)
    def _resized(self) -> None:
        self.fit_in()
        self.refresh_bindings()

    @property
    def paged(self) -> bool:
        """Whether the panels are pages."""
        return self._zoomed or self._small

    @property
    def _small(self) -> bool:
        width, height = self.app.size
        return width < ALL_PANELS[0] or height < ALL_PANELS[1]

    def offers(self, action: str) -> bool:
        """Where the panels are pages anyway, none can be made larger."""
        return not self._small if action == "zoom" else super().offers(action)

    def action_zoom(self) -> None:
        """Give the panel in front all the room, unless it has it anyway."""
        if not self._small:
            super().action_zoom()

    def fit_in(self) -> None:
        """Fit the panels, the tabs and the log into the size."""
        if not self.here:
            return
        snapshot, panels = self._snapshot, self._panels
        tail = self.query_one(LogTail)
        broken = snapshot is not None and snapshot.header.state in BROKEN
        roomy = self.app.size.height >= _LOG_ROWS
        wanted = self._log_wanted if self._log_wanted is not None else broken or roomy
        if tail.display != (wanted and snapshot is not None):
            tail.display = wanted and snapshot is not None
        self.set_class(self.paged, "-paged")
        tabs = self.query_one(PageTabs)
        tabs.display = self.paged and panels is not None
        if panels is None:
            return
        panels.set_out(paged=self.paged)
        tabs.show(panels.pages(), panels.current)
        if snapshot is not None:
            self._notice(snapshot)

    def acted_on(self) -> tuple[RunFolder, str, str] | None:
        """The run."""
        if self._snapshot is None:
            return self._folder, safe_text(self._folder.id), ""
        header = self._snapshot.header
        return self._folder, header.name or header.id, header.state

    def action_log(self) -> None:
        """Show or hide the end of the log."""
        self._log_wanted = not self.query_one(LogTail).display
        self.fit_in()

    def action_whole_log(self) -> None:
        """Read the whole log."""
        run = self.acted_on()
        if run is not None:
            self.host.open_log(run[0], run[1])

    def action_drill(self) -> None:
        """Look into the unit that is chosen in the panel in front, or in another one in view."""
        chosen = self._panels.unit if self._panels is not None else None
        if chosen is not None:
            self.open_unit(*chosen)

    def open_unit(self, kind: str, unit: int) -> None:
        """Look into a unit of a kind of tensor."""
        snapshot = self._snapshot
        view = getattr(snapshot, kind) if snapshot is not None else None
        if snapshot is None or view is None:
            return
        from shareconsole.console.screens.unit import UnitScreen

        self._unit = UnitScreen(snapshot.header, kind, view, unit)
        self.app.push_screen(self._unit)

    def on_drill_map_unit_chosen(self, event: events.Event) -> None:
        """Look into the unit that was chosen."""
        self.open_unit(getattr(event, "kind", ""), getattr(event, "index", 0))
