"""Which components each task averages: tasks x units, tasks x components, tasks x tasks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from shareconsole.console.palette import LEVELS, Shade
from shareconsole.console.viewmodel.allocation import AllocationView, certainty, in_common
from shareconsole.console.viewmodel.numerals import format_value
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.cell_words import CellWords
from shareconsole.console.widgets.panel import Row
from shareconsole.console.widgets.task_unit_map import TaskUnitMap
from shareconsole.console.widgets.trend import add_scale, trend_row


class AllocationMap(TaskUnitMap):
    """Tasks x routed units: the components in use.

    Cells of a column that look alike use the same; the shade is how settled that is.
    """

    kind = "allocation"
    empty = "no allocation yet"

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: AllocationView | None = None
        self._levels: list[list[int]] = []
        self.set_title("components in use")

    def show(self, view: AllocationView | None) -> None:
        """Show an allocation; the same object again costs nothing."""
        if view is self._view:
            return
        self._view = view
        self._levels = _levels(view) if view is not None else []
        self.redraw()

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """A letter for each component in use, at its place; their number where room is short."""
        view = self._view
        assert view is not None
        used = view.used[column, row].tolist()
        group = int(view.groups[column, row])
        if group < 0:
            return "none", Shade(self.palette.error, " ", " ")
        gap = "." if self.palette.ascii else "·"
        text = "".join(name if on else gap for name, on in zip(view.modules, used, strict=True))
        if len(text) > len(used) or len(text) > self.room:
            text = str(sum(used))
        return text, self.palette.shade(group, self._levels[row][column])

    def footer(self, width: int, height: int) -> Sequence[Row]:
        """The cell under the cursor, components in use over time, what the shades mean."""
        view = self._view
        if view is None or height < 1:
            return []
        history = view.in_use.tolist()
        value = format_value(history[-1]) if history else "-"
        unit = f" of {len(view.modules)}"
        row = trend_row("in use", history, value, unit, width, self.palette, low=0.0)
        shades = [self.palette.shade(0, level) for level in range(LEVELS)]
        rows = [add_scale(row, "undecided ", shades, " settled", self.palette).row()]
        if height >= 2:
            rows.insert(0, self.cursor_row(width))
        return rows

    def words(self) -> CellWords:
        """The components in use, all of them."""
        view = self._view
        assert view is not None
        task, unit = self.cursor
        used = [name for name, on in zip(view.modules, view.used[unit, task], strict=True) if on]
        return CellWords(view.units[unit], "of", view.tasks[task], " ".join(used) or "none")


class UsedMap(CellMap):
    """Tasks x components of one unit: the probability that each is in use, in per cent."""

    min_cell = 3
    empty = AllocationMap.empty

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: AllocationView | None = None
        self._unit = 0

    def show(self, view: AllocationView | None, unit: int) -> None:
        """Show a unit by its place in ``view.units``."""
        if view is self._view and unit == self._unit:
            return
        self._view, self._unit = view, unit
        if view is not None:
            known = "probability of each component, %"
            what = "components in use" if view.probabilities is None else known
            self.set_title(f"{view.units[unit]}: {what}")
        self.redraw()

    def row_names(self) -> Sequence[str]:
        """The tasks."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The components."""
        return self._view.modules if self._view is not None else ()

    def column_style(self, column: int) -> Style:
        """A component's name has its colour."""
        return self.palette.series(column) + self.palette.strong

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """A probability in per cent; what is not in use steps back."""
        view = self._view
        assert view is not None
        used = bool(view.used[self._unit, row, column])
        if view.probabilities is None:
            text, level = ("x" if used else "-"), LEVELS - 1
        else:
            probability = float(view.probabilities[self._unit, row, column])
            text = f"{100 * probability:.0f}" if probability == probability else "?"
            level = _level(probability)
        return text, self.palette.shade(column, level) if used else self.faded

    def words(self) -> CellWords:
        """One of the components, and how probable it is, or whether it is in use."""
        view = self._view
        assert view is not None
        task, module = self.cursor
        if view.probabilities is None:
            used = bool(view.used[self._unit, task, module])
            after = " in use" if used else " not in use"
        else:
            probability = float(view.probabilities[self._unit, task, module])
            after = f" {100 * probability:.0f} %" if probability == probability else ""
        unit, name = view.units[self._unit], view.modules[module]
        return CellWords(unit, "of", view.tasks[task], name, after)


class CommonMap(CellMap):
    """Tasks x tasks: how many components of one unit two tasks both use."""

    min_cell = 3
    empty = AllocationMap.empty

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: AllocationView | None = None
        self._unit = 0
        self._counts: list[list[int]] = []
        self.cursor = (0, 1)

    def show(self, view: AllocationView | None, unit: int) -> None:
        """Show a unit by its place in ``view.units``."""
        if view is self._view and unit == self._unit:
            return
        self._view, self._unit = view, unit
        self._counts = in_common(view, unit).tolist() if view is not None else []
        if view is not None:
            self.set_title(f"{view.units[unit]}: components in common, of {len(view.modules)}")
        self.redraw()

    def row_names(self) -> Sequence[str]:
        """The tasks."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The tasks again."""
        return self.row_names()

    def content(self, row: int, column: int) -> tuple[str, Shade]:
        """A number of components; those a task has in common with itself are all that it uses."""
        count = self._counts[row][column]
        if row == column or not count:
            return str(count), self.faded
        modules = len(self._view.modules) if self._view is not None else 1
        return str(count), self.palette.shade(0, count * (LEVELS - 1) // max(1, modules))

    def words(self) -> CellWords:
        """The two tasks, and how many components they both use."""
        view = self._view
        assert view is not None
        one, other = self.cursor
        count, of = str(self._counts[one][other]), f" of {len(view.modules)} components"
        return CellWords(view.tasks[one], "and", view.tasks[other], count, of)


def _levels(view: AllocationView) -> list[list[int]]:
    """The shade of each cell, tasks x units."""
    return [
        [_level(certainty(view, unit, task)) for unit in range(len(view.units))]
        for task in range(len(view.tasks))
    ]


def _level(share: float) -> int:
    return int(min(max(share, 0.0), 1.0) * (LEVELS - 1) + 0.5) if share > 0 else 0
