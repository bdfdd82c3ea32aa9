"""A map of which one unit can be looked into."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.message import Message

from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.panel import RowBuilder

_HINT = "enter: look inside"


class DrillMap(CellMap):
    """Base of the maps on the screen of a run. Subclasses say which unit is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Drill in", id="map-drill"),
    ]

    kind: str
    """The kind of tensor that is shown."""

    class UnitChosen(Message):
        """Somebody wants to see one unit from inside."""

        def __init__(self, kind: str, index: int) -> None:
            """``kind``: of the tensor; ``index``: the unit's place in its view's ``units``."""
            super().__init__()
            self.kind = kind
            self.index = index

    @property
    def unit(self) -> int | None:
        """The place of the unit that is chosen; None without units."""
        raise NotImplementedError

    def action_choose(self) -> None:
        """Ask for the unit that is chosen."""
        unit = self.unit
        if unit is not None:
            self.post_message(self.UnitChosen(self.kind, unit))

    def add_hints(self, row: RowBuilder) -> None:
        """Say at the end of a row how to look inside, where there is room for it."""
        if row.room >= cell_len(_HINT) + 2:
            row.to(row.width - cell_len(_HINT)).add(_HINT, self.palette.quiet)
