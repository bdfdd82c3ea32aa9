"""Tasks x tasks of one layer: how alike two tasks are, in hundredths from -100 to 100."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.binding import Binding, BindingType

from shareconsole.console.palette import LEVELS, Shade
from shareconsole.console.viewmodel.numerals import format_value
from shareconsole.console.viewmodel.pairs import PairView
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.cell_words import SAME, CellWords
from shareconsole.console.widgets.drill_map import DrillMap
from shareconsole.console.widgets.panel import Row, RowBuilder
from shareconsole.console.widgets.trend import add_scale, trend_row
from shareconsole.headless.kinds import mean_of_units

TITLES = {"similarity": "similarity of weights", "affinity": "affinity of tasks"}
_LIKE, _UNLIKE = 0, 1
_UNITS = "[ ] other unit"


class PairCells(CellMap):
    """Base of the maps of pairs: blue the more alike, orange the more opposed."""

    min_cell = 4
    empty = "nothing recorded yet"

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: PairView | None = None
        self._values: list[list[float]] = []
        # What a task is to itself says nothing.
        self.cursor = (0, 1)

    def values(self, view: PairView) -> list[list[float]]:
        """The values to show, T rows of T."""
        raise NotImplementedError

    def row_names(self) -> Sequence[str]:
        """The tasks."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The tasks again."""
        return self.row_names()

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """Hundredths; what a task is to itself says nothing."""
        value = self._values[row][column]
        if row == column or value != value:
            return ("-" if row == column else "?"), self.faded
        value = min(max(value, -9.99), 9.99)
        hundredths = round(100 * value)
        level = min(int(abs(value) * (LEVELS - 1) + 0.5), LEVELS - 1)
        return str(hundredths), self.palette.shade(_UNLIKE if hundredths < 0 else _LIKE, level)

    def words(self) -> CellWords:
        """The two tasks, and how alike they are."""
        assert self._view is not None
        one, other = self.cursor
        tasks = self._view.tasks
        value = SAME if one == other else format_value(100 * self._values[one][other])
        return CellWords(tasks[one], "and", tasks[other], value)

    def _read(self, view: PairView | None) -> None:
        self._view = view
        self._values = self.values(view) if view is not None else []


class PairsPanel(PairCells, DrillMap):
    """The map of one layer on the screen of a run; keys go to the other layers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,n", "unit(1)", "Next unit of the map", show=False,
                id="pairs-next"),
        Binding("left_square_bracket,b", "unit(-1)", "Unit before in the map", show=False,
                id="pairs-before"),
    ]  # fmt: skip

    def __init__(
        self,
        kind: str,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Starts without data. ``kind``: ``similarity`` or ``affinity``."""
        super().__init__(name=name, id=id, classes=classes)
        self.kind = kind
        self.empty = f"no {kind} yet"
        self._unit = 0
        self.set_title(TITLES[kind])

    @property
    def unit(self) -> int | None:
        """The unit that is shown."""
        return self._unit if self._view is not None and self._view.units else None

    def show(self, view: PairView | None) -> None:
        """Show a view; the same object again costs nothing."""
        if view is not self._view:
            self._unit = min(self._unit, len(view.units) - 1) if view is not None else 0
            self._renew(view)

    def action_unit(self, by: int) -> None:
        """Go to another unit; after the last comes the first."""
        if self._view is not None:
            self._unit = (self._unit + by) % len(self._view.units)
            self._renew(self._view)

    def _renew(self, view: PairView | None) -> None:
        self._read(view)
        place = ""
        if view is not None:
            place = f": {view.units[self._unit]} ({self._unit + 1} of {len(view.units)})"
        self.set_title(f"{TITLES[self.kind]}{place}")
        self.redraw()

    def values(self, view: PairView) -> list[list[float]]:
        """Those of the unit."""
        return _floats(view.values[self._unit])

    def footer(self, width: int, height: int) -> Sequence[Row]:
        """The pair under the cursor, the mean over time, what the shades mean."""
        view = self._view
        if view is None or height < 1:
            return []
        history = (100 * view.means).tolist()
        value = format_value(history[-1], 2) if history else "-"
        # The map is of one unit, the mean of all of them.
        units = len(view.units)
        label = f"mean of {units} units" if units > 1 else "mean"
        row = trend_row(label, history, value, "", width, self.palette)
        steps = (LEVELS - 1, LEVELS // 2, 1)
        shades = [self.palette.shade(_UNLIKE, level) for level in steps]
        shades += [self.palette.shade(_LIKE, level) for level in reversed(steps)]
        rows = [add_scale(row, "opposed -100 ", shades, " 100 alike", self.palette).row()]
        if height >= 2:
            rows.insert(0, self.cursor_row(width))
        return rows

    def add_hints(self, row: RowBuilder) -> None:
        """Say which keys go to the other units, and how to look inside."""
        if self._view is not None and len(self._view.units) > 1 and row.room >= len(_UNITS) + 25:
            row.add("  ").add(_UNITS, self.palette.quiet)
        super().add_hints(row)


class UnitPairs(PairCells):
    """The map of one layer, chosen by whoever shows it."""

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._unit = 0

    def show(self, view: PairView | None, unit: int) -> None:
        """Show a unit by its place in ``view.units``."""
        if view is self._view and unit == self._unit:
            return
        self._unit = unit
        self._read(view)
        if view is not None:
            self.set_title(f"{view.units[unit]}: {TITLES[view.kind]}, hundredths")
        self.redraw()

    def values(self, view: PairView) -> list[list[float]]:
        """Those of the unit."""
        return _floats(view.values[self._unit])


class MeanPairs(PairCells):
    """The mean over all layers."""

    def show(self, view: PairView | None, unit: int = 0) -> None:
        """Show the mean; it is the same whichever unit is looked into."""
        del unit
        if view is self._view:
            return
        self._read(view)
        if view is not None:
            units = f"{len(view.units)} unit{'s' * (len(view.units) != 1)}"
            self.set_title(f"{TITLES[view.kind]}: mean of {units}, hundredths")
        self.redraw()

    def values(self, view: PairView) -> list[list[float]]:
        """The means."""
        return _floats(mean_of_units(view.values))


def _floats(values: NDArray[np.floating]) -> list[list[float]]:
    found: list[list[float]] = values.astype(np.float64).tolist()
    return found
