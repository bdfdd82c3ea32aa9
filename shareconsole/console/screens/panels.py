"""The panels of a run. A panel is there because the run logs what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from shareconsole.console.widgets.allocation_map import AllocationMap
from shareconsole.console.widgets.chart import Chart
from shareconsole.console.widgets.drill_map import DrillMap
from shareconsole.console.widgets.errors import ErrorPanel
from shareconsole.console.widgets.heatmap import AssignmentMap
from shareconsole.console.widgets.pair_map import PairsPanel
from shareconsole.console.widgets.panel import Panel
from shareconsole.console.widgets.spectrum import SpectrumPanel
from shareconsole.console.widgets.step_chart import StepChart
from shareconsole.console.widgets.tree import TreePanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget

    from shareconsole.console.viewmodel.live import LiveSnapshot

_TITLES = {"loss": "loss per task, EMA .98", "fitness": "population fitness"}
_MAKERS: dict[str, Callable[[str], Panel]] = {
    "loss": lambda name: Chart(_TITLES[name], id=name, classes="panel"),
    "fitness": lambda name: Chart(_TITLES[name], id=name, classes="panel"),
    "assignment": lambda name: AssignmentMap(id=name, classes="panel"),
    "errors": lambda name: ErrorPanel(id=name, classes="panel"),
    "allocation": lambda name: AllocationMap(id=name, classes="panel"),
    "similarity": lambda name: PairsPanel(name, id=name, classes="panel"),
    "spectrum": lambda name: SpectrumPanel(id=name, classes="panel"),
    "affinity": lambda name: PairsPanel(name, id=name, classes="panel"),
    "tree": lambda name: TreePanel(id=name, classes="panel"),
    "step_size": lambda name: StepChart(id=name, classes="panel"),
}
NAMES = tuple(_MAKERS)
"""By their keys, from 1 on; they are called as the parts of a snapshot are."""
_ROWS = (
    ("loss", "fitness", "step_size", "spectrum", "affinity"),
    ("assignment", "allocation", "similarity", "tree", "errors"),
)
_FIRST = ("assignment", "allocation", "tree", "similarity", "affinity")
# Rows of a map's panel that are no cells: names, cursor, footer, frame.
_AROUND_CELLS = 6
_ROWS_PER_CELL = 3
_LEAST_ROWS = 12
_FEW_TASKS = 12


class _Shows(Protocol):
    """A panel that shows a part of a snapshot."""

    def show(self, view: Any) -> None:
        """Show it; the same object again costs nothing."""
        ...


class Panels(Vertical):
    """Puts the panels into their place, two to a row, or one at a time."""

    def __init__(self) -> None:
        """Starts without panels."""
        super().__init__(id="panels")
        self._rows = [Horizontal(classes="row") for _ in _ROWS]
        self._panels: dict[str, Panel] = {}
        self._tasks = 0
        self._paged = False
        self._chosen = False
        self.complete = False
        """Whether there are records: then what has no panel is not logged."""
        self.current = ""
        """The panel in front."""

    def compose(self) -> ComposeResult:
        """The rows, which are shown once they hold a panel."""
        yield from self._rows

    @property
    def ready(self) -> bool:
        """Whether panels can be put into the rows."""
        return all(row.is_mounted and row.is_attached for row in self._rows)

    def show(self, snapshot: LiveSnapshot) -> bool:
        """Show what is new; True if there are panels that were not there before."""
        before = len(self._panels)
        self.complete = snapshot.begun
        for name in NAMES:
            view = getattr(snapshot, name)
            if view is None and name not in snapshot.declared:
                continue
            panel = self._panels.get(name) or self._add(name)
            if view is not None:
                self._tasks = max(self._tasks, len(getattr(view, "tasks", ())))
                cast("_Shows", panel).show(view)
        return len(self._panels) > before

    def _add(self, name: str) -> Panel:
        panel = self._panels[name] = _MAKERS[name](name)
        if isinstance(panel, Chart):
            # Losses and step sizes change by orders of magnitude.
            panel.log_y = True
            # Only so that the keys can say which chart they mean.
            panel.can_focus = True
        row = next(place for place, names in enumerate(_ROWS) if name in names)
        behind = _ROWS[row][_ROWS[row].index(name) + 1 :]
        following = next((self._panels[one] for one in behind if one in self._panels), None)
        panel.display = False  # until it is arranged
        self._rows[row].mount(panel, before=following)
        return panel

    def set_out(self, *, paged: bool) -> None:
        """Show one panel, or all of them."""
        self._paged = paged
        if not self._chosen and self._panels:
            # Among all, what is shared: its cursor is what most keys are for.
            wished = ("loss",) if paged else _FIRST
            there = [name for name in wished if name in self._panels]
            self.current = there[0] if there else self.pages()[0][1]
        for row, names in zip(self._rows, _ROWS, strict=True):
            present = [name for name in names if name in self._panels]
            shown = [name for name in present if not paged or name == self.current]
            _set_display(row, bool(shown))
            for name in present:
                _set_display(self._panels[name], name in shown)
        self._share_out()
        front = self._panels.get(self.current)
        if front is not None and front.display and not front.has_focus and not self._foreign():
            front.focus(scroll_visible=False)

    def _share_out(self) -> None:
        """Give the lower row what its tasks need, from 2/5 to 3/5 of all."""
        lower = self._rows[1].styles
        if self._paged or not self._rows[0].display:
            lower.height, lower.min_height, lower.max_height = "1fr", None, None
            return
        # Shares of a height that only the layout knows: set here, they hold from the first paint.
        lower.height = max(_LEAST_ROWS, self._tasks * _ROWS_PER_CELL + _AROUND_CELLS)
        lower.min_height = "40%"
        lower.max_height = "50%" if self._tasks <= _FEW_TASKS else "60%"

    def _foreign(self) -> bool:
        """Whether something that is not ours has the focus, and keeps it."""
        focused = self.screen.focused
        return focused is not None and focused not in self._panels.values()

    def pages(self) -> list[tuple[str, str]]:
        """The panels that are there, (key, name) each."""
        return [(str((at + 1) % 10), name) for at, name in enumerate(NAMES) if name in self._panels]

    def choose(self, place: int) -> bool:
        """Bring a panel to the front; False if it is not there."""
        return self.choose_named(NAMES[place])

    def choose_named(self, name: str) -> bool:
        """Bring a panel to the front by its name; False if it is not there."""
        if name not in self._panels:
            return False
        self.current, self._chosen = name, True
        return True

    def turn(self, by: int) -> None:
        """Bring the next panel to the front."""
        there = [name for name in NAMES if name in self._panels]
        if there:
            at = there.index(self.current) if self.current in there else 0
            self.choose_named(there[(at + by) % len(there)])

    def focused(self, widget: Widget) -> bool:
        """Note that a panel has the focus; False if it is none of ours."""
        name = next((name for name, panel in self._panels.items() if panel is widget), None)
        return name is not None and (name == self.current or self.choose_named(name))

    def toggle_log_y(self) -> None:
        """Turn the chart in front, or both, to a logarithmic y axis or back."""
        charts = self._charts()
        log = not all(chart.log_y for chart in charts)
        for chart in charts:
            chart.log_y = log

    def cycle_front(self) -> None:
        """Bring the next curve to the front."""
        for chart in self._charts():
            chart.cycle_front()

    def _charts(self) -> list[Chart]:
        front = self._panels.get(self.current)
        if isinstance(front, Chart):
            return [front]
        return [panel for panel in self._panels.values() if isinstance(panel, Chart)]

    @property
    def unit(self) -> tuple[str, int] | None:
        """The kind and the unit to look into: in the panel in front, else in the first in view."""
        for name in (self.current, *_FIRST):
            panel = self._panels.get(name)
            if isinstance(panel, DrillMap) and panel.display and panel.unit is not None:
                return name, panel.unit
        return None


def _set_display(widget: Widget, shown: bool) -> None:
    if widget.display != shown:
        widget.display = shown
