"""The tree of tasks, drawn from the input at the left to the heads at the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.tree import TreeView
from shareconsole.console.widgets.cell_map import CellMap, Geometry
from shareconsole.console.widgets.cell_words import CellWords, add_words
from shareconsole.console.widgets.panel import Row, RowBuilder, blank_row, fitted, message_rows
from shareconsole.console.widgets.trend import trend_row

_NAME_CELLS = 22
_LEAST_COLUMN = 5
_WIDE_COLUMN = 9
"""Narrower only where the names of the units are."""
_MOST_COLUMN = 18
_MOST_TALL = 3
_INPUT = "input "
# Which sides of a cell a line leaves by, left, right, up, down, and how that looks.
_LINES = {
    "lr": "─", "lrd": "┬", "lru": "┴", "lrud": "┼", "rd": "┌", "ru": "└", "rud": "├",
    "ud": "│", "lud": "┤", "ld": "┐", "lu": "┘", "l": "─", "r": "─",
}  # fmt: skip
_ASCII_LINES = {"lr": "-", "ud": "|", "l": "-", "r": "-"}


class TreePanel(CellMap):
    """A branch for each cluster of tasks; the cursor is on a task's branch at a unit."""

    empty = "no tree yet"

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without data."""
        super().__init__(name=name, id=id, classes=classes)
        self._view: TreeView | None = None
        self.set_title("tree of tasks")

    def show(self, view: TreeView | None) -> None:
        """Show a tree; the same object again costs nothing."""
        if view is self._view:
            return
        self._view = view
        self.redraw()

    def row_names(self) -> Sequence[str]:
        """The tasks, in the order of the leaves."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The units, from the input on."""
        return self._view.units if self._view is not None else ()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The units along the top, the branches, the branch under the cursor."""
        view = self._view
        if view is None or not view.tasks or not view.units:
            self._geometry = None
            return message_rows(self.empty, width, height, self.palette)
        self._keep_cursor()
        foot = [self._foot_row(width)] if height >= 4 else []
        if height >= len(view.tasks) + 4:
            foot.append(self._branch_row(width))
        geometry = self._geometry = self._lay_out(width, height - 1 - len(foot))
        lines = _Lines(view, geometry, self.palette)
        rows = [self._title_row(width, geometry, view.units)]
        first, count = geometry.top * geometry.tall, geometry.rows * geometry.tall
        rows += [self._line(lines, y, geometry, width) for y in range(first, first + count)]
        missing = max(0, height - len(rows) - len(foot))
        return [*rows, *[blank_row(width)] * missing, *foot]

    def _lay_out(self, width: int, height: int) -> Geometry:
        assert self._view is not None
        tasks, units = self._view.tasks, self._view.units
        name = min(max(cell_len(task) for task in tasks), _NAME_CELLS, max(1, width // 3))
        label = len(_INPUT) if width >= 40 else 0
        tall = max(1, min(_MOST_TALL, height // len(tasks)))
        rows = max(1, min(len(tasks), height // tall))
        if label and rows < len(tasks):
            # Which of the tasks are shown stands above it.
            label = max(label, 3 * len(str(len(tasks))) + 2)
        room = max(1, width - label - name - 3)
        wide = max(cell_len(unit) for unit in units) + 2
        least = min(max(_LEAST_COLUMN, wide), _WIDE_COLUMN)
        cell = max(least, min(_MOST_COLUMN, room // len(units)))
        columns = max(1, min(len(units), room // cell))
        top, left = self._window_at(rows, columns)
        # Names and nodes stand behind the junction that a column begins with.
        return Geometry(label + 1, cell, 1, tall, top, left, rows, columns)

    def _line(self, lines: _Lines, y: int, geometry: Geometry, width: int) -> Row:
        view, palette = self._view, self.palette
        assert view is not None
        row = RowBuilder(width)
        # Where units to the left are out of view, the lines come from them.
        if geometry.label > 1 and y == lines.trunk:
            row.add(_INPUT.rjust(geometry.label - 1), palette.quiet)
        row.to(geometry.label - 1)
        for column in range(geometry.columns):
            unit = geometry.left + column
            row.add(*lines.junction(unit, y))
            chosen = self.has_focus and unit == self.cursor[1]
            before, node, after, style = lines.branch(unit, y)
            here = chosen and node.strip() != "" and lines.holds(unit, y, self.cursor[0])
            row.add(before, style).add(node, style + palette.cursor if here else style)
            row.add(after, style)
        row.add(*lines.junction(len(view.units), y))
        task, part = divmod(y, geometry.tall)
        if part == lines.middle:
            row.add(lines.dash, lines.colour(task)).add(" ")
            style = palette.strong if self.has_focus and task == self.cursor[0] else palette.plain
            row.add(fitted(view.tasks[task], row.room, ascii_only=palette.ascii), style)
        return row.row()

    def _foot_row(self, width: int) -> Row:
        """Who is on the branch under the cursor, or what the marks mean."""
        view, palette = self._view, self.palette
        assert view is not None
        row = RowBuilder(width)
        shared, own = _marks(palette)
        if not self.has_focus:
            row.add(f"{shared} n: shared by n tasks   {own}: a task's own", palette.quiet)
            return row.row()
        task, unit = self.cursor
        cluster = view.clusters[unit]
        others = [
            name
            for place, name in enumerate(view.tasks)
            if cluster[place] == cluster[task] and place != task
        ]
        text = f"shared with {', '.join(others)}" if others else "its own"
        words = CellWords(view.units[unit], "of", view.tasks[task], text)
        return add_words(row, words, palette).row()

    def _branch_row(self, width: int) -> Row:
        """How many branches there are at the end, over time."""
        assert self._view is not None
        history = self._view.branches.tolist()
        value = f"{history[-1]:.0f}" if history else "-"
        of = f" of {len(self._view.tasks)}"
        return trend_row("branches", history, value, of, width, self.palette, low=0.0).row()


class _Lines:
    """The lines of a tree: where every branch lies, and how its parts look."""

    def __init__(self, view: TreeView, geometry: Geometry, palette: Palette) -> None:
        self._palette = palette
        self._cell = geometry.cell
        self.middle = (geometry.tall - 1) // 2
        leaves = [task * geometry.tall + self.middle for task in range(len(view.tasks))]
        clusters: list[list[int]] = view.clusters.tolist()
        # Before the first unit all tasks are one, behind the last each is alone.
        levels = [[0] * len(leaves), *clusters, list(range(len(leaves)))]
        self._hidden = geometry.left + geometry.columns < len(view.units)
        if self._hidden:
            levels[geometry.left + geometry.columns + 1 : -1] = []
        self._shown = geometry.left + geometry.columns
        self._levels = [_placed(level, leaves) for level in levels]
        self._members = clusters
        self._parents = levels
        self._joints: dict[int, dict[int, tuple[str, Style]]] = {}
        self.trunk = next(iter(self._levels[geometry.left])) if geometry.left == 0 else -1
        self.dash = ("." if palette.ascii else "┄") if self._hidden else _lines(palette)["lr"]

    def colour(self, cluster: int) -> Style:
        """A branch has the colour of its first leaf."""
        return self._palette.series(cluster)

    def holds(self, unit: int, y: int, task: int) -> bool:
        """Whether the branch at a line is the one that a task is on."""
        return self._levels[unit + 1].get(y) == self._members[unit][task]

    def junction(self, unit: int, y: int) -> tuple[str, Style]:
        """What stands before a unit, or before the heads: where branches part."""
        place = min(unit, self._shown)
        if place not in self._joints:
            self._joints[place] = self._joints_of(place)
        return self._joints[place].get(y, (" ", self._palette.plain))

    def _joints_of(self, place: int) -> dict[int, tuple[str, Style]]:
        """Every junction between a level and the next, by its line."""
        parent_of = dict(zip(self._parents[place + 1], self._parents[place], strict=True))
        children: dict[int, list[int]] = {}
        for line, cluster in self._levels[place + 1].items():
            children.setdefault(parent_of[cluster], []).append(line)
        joints = {}
        for trunk, parent in self._levels[place].items():
            ends = children[parent]
            low, high = min([trunk, *ends]), max([trunk, *ends])
            for line in range(low, high + 1):
                sides = "l" * (line == trunk) + "r" * (line in ends)
                sides += "u" * (line > low) + "d" * (line < high)
                joints[line] = (_lines(self._palette).get(sides, "+"), self.colour(parent))
        return joints

    def branch(self, unit: int, y: int) -> tuple[str, str, str, Style]:
        """What lies between two junctions: line, node and line, and their style."""
        cluster = self._levels[unit + 1].get(y)
        room = self._cell - 1
        if cluster is None:
            return " " * room, "", "", self._palette.plain
        count = self._members[unit].count(cluster)
        shared, own = _marks(self._palette)
        node = f"{shared}{count}" if count > 1 else own
        node = node if len(node) <= room else node[:room]
        left = (room - len(node)) // 2
        line = _lines(self._palette)["lr"]
        return line * left, node, line * (room - left - len(node)), self.colour(cluster)


def _placed(level: list[int], leaves: list[int]) -> dict[int, int]:
    """The line of each cluster: midway between those of its first and its last leaf."""
    ends: dict[int, list[int]] = {}
    for task, cluster in enumerate(level):
        ends.setdefault(cluster, []).append(leaves[task])
    return {(lines[0] + lines[-1]) // 2: cluster for cluster, lines in ends.items()}


def _marks(palette: Palette) -> tuple[str, str]:
    return ("*", "o") if palette.ascii else ("●", "○")


def _lines(palette: Palette) -> dict[str, str]:
    return _ASCII_LINES if palette.ascii else _LINES
