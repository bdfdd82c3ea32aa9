"""Inside one unit: tasks x modules or tasks x tasks, whatever its kind of tensor holds."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.viewmodel.header import RunHeader
from shareconsole.console.widgets.allocation_map import CommonMap, UsedMap
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.header import RunBar
from shareconsole.console.widgets.heatmap import SharedMap, UnitMap
from shareconsole.console.widgets.key_bar import KeyBar
from shareconsole.console.widgets.pair_map import MeanPairs, UnitPairs

_BOTH_WIDTH = 100


class InsideMap(Protocol):
    """A map that shows one unit of a view."""

    def show(self, view: Any, unit: int) -> None:
        """Show a unit by its place in ``view.units``."""
        ...


# Of each kind of tensor that can be looked into: the unit itself, and what is beside it: who shares
# with whom in all units, what tasks have in common in this one, the mean of all units.
_MAPS: dict[str, tuple[type[CellMap], type[CellMap]]] = {
    "assignment": (UnitMap, SharedMap),
    "allocation": (UsedMap, CommonMap),
    "similarity": (UnitPairs, MeanPairs),
    "affinity": (UnitPairs, MeanPairs),
}
# These are over all units, whichever one is looked into.
_OVER_ALL = (SharedMap, MeanPairs)


class UnitScreen(ConsoleScreen):
    """The map of a unit, and where there is room another one beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,n", "unit(1)", "Next unit", id="unit-next"),
        Binding("left_square_bracket,b", "unit(-1)", "Unit before", id="unit-before"),
        Binding("w", "sharing", "Other map", id="sharing"),
        Binding("tab", "sharing", "The other map", show=False, id="unit-other"),
    ]
    what: ClassVar[str] = "One unit"
    AUTO_FOCUS = "#unit"

    def __init__(self, header: RunHeader, kind: str, view: Any, unit: int) -> None:
        """``kind``: of tensor; ``view``: of it; ``unit``: its place in ``view.units``."""
        super().__init__()
        self.kind = kind
        self._header = header
        self._view = view
        self._unit = unit
        own, beside = _MAPS[kind]
        self._own = own(id="unit", classes="panel")
        self._beside = beside(id="sharing", classes="panel")

    def compose(self) -> ComposeResult:
        """The header, the maps, the keys."""
        yield RunBar(id="header")
        with Horizontal(id="unit-maps"):
            yield self._own
            yield self._beside
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the unit."""
        self.query_one(RunBar).show(self._header)
        self._arrange(sharing=False)
        self.show(self._view)

    def show(self, view: Any, header: RunHeader | None = None) -> None:
        """Show a newer tensor; None leaves what is there."""
        if header is not None:
            self.query_one(RunBar).show(header)
        if view is not None:
            self._view = view
            for shown in (self._own, self._beside):
                cast("InsideMap", shown).show(view, self._unit)

    def offers(self, action: str) -> bool:
        """Name the keys to the other units where they change what is in view."""
        if not action.startswith("unit("):
            return super().offers(action)
        return len(self._view.units) > 1 and (
            self._own.display or not isinstance(self._beside, _OVER_ALL)
        )

    def action_unit(self, by: int) -> None:
        """Go to another unit; after the last comes the first."""
        self._unit = (self._unit + by) % max(1, len(self._view.units))
        self.show(self._view)

    def action_sharing(self) -> None:
        """Go to the other map."""
        self._arrange(sharing=not self._beside.has_focus)

    @on(events.Resize)
    def _resized(self) -> None:
        self._arrange(sharing=self._beside.has_focus)

    def _arrange(self, *, sharing: bool) -> None:
        both = self.app.size.width >= _BOTH_WIDTH
        unit, other = self._own, self._beside
        unit.display, other.display = both or not sharing, both or sharing
        (other if sharing else unit).focus(scroll_visible=False)
        self.refresh_bindings()
