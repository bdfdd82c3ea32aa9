"""What is shared: tasks x units at a glance, tasks x modules of one unit, tasks x tasks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from shareconsole.console.palette import Shade
from shareconsole.console.viewmodel.assignment import (
    LEVELS,
    AssignmentView,
    Cell,
    cells,
    shared_with,
    unit_cells,
)
from shareconsole.console.viewmodel.numerals import format_value
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.cell_words import SAME, CellWords
from shareconsole.console.widgets.panel import Row
from shareconsole.console.widgets.task_unit_map import TaskUnitMap
from shareconsole.console.widgets.trend import add_scale, trend_row


class AssignmentMap(TaskUnitMap):
    """Tasks x routed units: letter and colour are the likeliest module, shade its probability."""

    kind = "assignment"

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: AssignmentView | None = None
        self._cells: list[list[Cell]] = []
        self.set_title("assignment")

    def show(self, view: AssignmentView | None) -> None:
        """Show an assignment; the same object again costs nothing."""
        if view is self._view:
            return
        self._view = view
        self._cells = cells(view) if view is not None else []
        self.redraw()

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """The likeliest module's letter."""
        return _look(self, self._cells[row][column])

    def footer(self, width: int, height: int) -> Sequence[Row]:
        """The cell under the cursor, the entropy over time, what the shades mean."""
        if self._view is None or height < 1:
            return []
        rows = [self._entropy_row(width)]
        if height >= 2:
            rows.insert(0, self.cursor_row(width))
        return rows

    def _entropy_row(self, width: int) -> Row:
        assert self._view is not None
        history = self._view.entropy.tolist()
        value = format_value(history[-1]) if history else "-"
        row = trend_row("entropy", history, value, " nats", width, self.palette, low=0.0)
        shades = [self.palette.shade(0, level) for level in range(LEVELS)]
        return add_scale(row, "probability 0 ", shades, " 100 %", self.palette).row()

    def words(self) -> CellWords:
        """The likeliest module and its probability."""
        assert self._view is not None
        task, unit = self.cursor
        cell = self._cells[task][unit]
        told = _told(cell.letter, cell.probability)
        return CellWords(self._view.units[unit], "of", self._view.tasks[task], *told)


class UnitMap(CellMap):
    """Tasks x modules of one unit, with the probabilities in per cent."""

    min_cell = 3

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: AssignmentView | None = None
        self._unit = 0
        self._cells: list[list[Cell]] = []

    def show(self, view: AssignmentView | None, unit: int) -> None:
        """Show a unit by its place in ``view.units``; one that is not there shows nothing."""
        if view is self._view and unit == self._unit:
            return
        known = view is not None and 0 <= unit < len(view.units)
        self._view, self._unit = (view if known else None), unit
        self._cells = unit_cells(view, unit) if view is not None and known else []
        self.set_title(
            f"{view.units[unit]}: probability of each module, %" if view and known else ""
        )
        self.redraw()

    def row_names(self) -> Sequence[str]:
        """The tasks."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The modules."""
        return self._view.modules if self._view is not None else ()

    def column_style(self, column: int) -> Style:
        """A module's name has its colour."""
        return self.palette.series(column) + self.palette.strong

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """A probability in per cent."""
        cell = self._cells[row][column]
        # The many small ones step back, so that the few large ones are seen.
        shade = _look(self, cell)[1] if cell.level or cell.module < 0 else self.faded
        if cell.probability != cell.probability:
            return "?", shade
        return f"{100 * cell.probability:.0f}", shade

    def words(self) -> CellWords:
        """One of the modules and its probability."""
        view = self._view
        assert view is not None
        task, module = self.cursor
        told = _told(view.modules[module], self._cells[task][module].probability)
        return CellWords(view.units[self._unit], "of", view.tasks[task], *told)


class SharedMap(CellMap):
    """Tasks x tasks: in how many units two tasks have the same likeliest module."""

    min_cell = 3

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: AssignmentView | None = None
        self._counts: list[list[int]] = []
        # A task shares all units with itself, which says nothing.
        self.cursor = (0, 1)

    def show(self, view: AssignmentView | None, unit: int = 0) -> None:
        """Show who shares with whom; the same object again costs nothing.

        It is over all units, whichever one is looked into.
        """
        del unit
        if view is self._view:
            return
        self._view = view
        self._counts = shared_with(view).tolist() if view is not None else []
        units = len(view.units) if view is not None else 0
        self.set_title(f"units shared by two tasks, of {units}" if units else "")
        self.redraw()

    def row_names(self) -> Sequence[str]:
        """The tasks."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The tasks again."""
        return self.row_names()

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """A number of units."""
        count = self._counts[row][column]
        units = len(self._view.units) if self._view is not None else 1
        if row == column or not count:
            return ("-" if row == column else "0"), self.faded
        return str(count), self.palette.shade(0, count * (LEVELS - 1) // max(1, units))

    def words(self) -> CellWords:
        """The two tasks, and in how many units they share."""
        view = self._view
        assert view is not None
        one, other = self.cursor
        units = f" of {len(view.units)} unit{'s' * (len(view.units) != 1)}"
        told = (SAME, "") if one == other else (str(self._counts[one][other]), units)
        return CellWords(view.tasks[one], "and", view.tasks[other], *told)


def _told(letter: str, probability: float) -> tuple[str, str]:
    """A module, and its probability where that is known."""
    return letter, f" {100 * probability:.0f} %" if probability == probability else ""


def _look(widget: CellMap, cell: Cell) -> tuple[str, Shade]:
    if cell.module < 0:
        return cell.letter, Shade(widget.palette.error, " ", " ")
    return cell.letter, widget.palette.shade(cell.module, cell.level)
