"""Inside one routed unit: which module each task uses, and how surely; and who shares with whom."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.viewmodel.assignment import AssignmentView
from shareconsole.console.viewmodel.header import RunHeader
from shareconsole.console.widgets.header import RunBar
from shareconsole.console.widgets.heatmap import SharedMap, UnitMap
from shareconsole.console.widgets.key_bar import KeyBar

_BOTH_WIDTH = 100


class UnitScreen(ConsoleScreen):
    """Tasks x modules, and where there is room tasks x tasks beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,n", "unit(1)", "Next unit", id="unit-next"),
        Binding("left_square_bracket,b", "unit(-1)", "Unit before", id="unit-before"),
        Binding("w", "sharing", "Who shares", id="sharing"),
        Binding("tab", "sharing", "The other map", show=False, id="unit-other"),
    ]
    what: ClassVar[str] = "One unit"
    AUTO_FOCUS = "UnitMap"

    def __init__(self, header: RunHeader, view: AssignmentView, unit: int) -> None:
        """``unit``: its place in ``view.units``."""
        super().__init__()
        self._header = header
        self._view = view
        self._unit = unit

    def compose(self) -> ComposeResult:
        """The header, the maps, the keys."""
        yield RunBar(id="header")
        with Horizontal(id="unit-maps"):
            yield UnitMap(id="unit", classes="panel")
            yield SharedMap(id="sharing", classes="panel")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the unit."""
        self.query_one(RunBar).show(self._header)
        self._arrange(sharing=False)
        self.show(self._view)

    def show(self, view: AssignmentView | None, header: RunHeader | None = None) -> None:
        """Show a newer assignment."""
        if header is not None:
            self.query_one(RunBar).show(header)
        if view is not None:
            self._view = view
            self.query_one(UnitMap).show(view, self._unit)
            self.query_one(SharedMap).show(view)

    def action_unit(self, by: int) -> None:
        """Go to another unit; after the last comes the first."""
        self._unit = (self._unit + by) % max(1, len(self._view.units))
        self.query_one(UnitMap).show(self._view, self._unit)

    def action_sharing(self) -> None:
        """Go to the other map."""
        self._arrange(sharing=not self.query_one(SharedMap).has_focus)

    @on(events.Resize)
    def _resized(self) -> None:
        self._arrange(sharing=self.query_one(SharedMap).has_focus)

    def _arrange(self, *, sharing: bool) -> None:
        both = self.app.size.width >= _BOTH_WIDTH
        unit, other = self.query_one(UnitMap), self.query_one(SharedMap)
        unit.display, other.display = both or not sharing, both or sharing
        (other if sharing else unit).focus(scroll_visible=False)
