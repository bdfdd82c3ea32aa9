"""The four panels of a run. A panel is there because the run logs what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from shareconsole.console.widgets.chart import Chart
from shareconsole.console.widgets.errors import ErrorPanel
from shareconsole.console.widgets.heatmap import AssignmentMap
from shareconsole.console.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.widget import Widget

    from shareconsole.console.viewmodel.live import LiveSnapshot

NAMES = ("loss", "fitness", "assignment", "errors")
_ROWS = (("loss", "fitness"), ("assignment", "errors"))
# Rows of the assignment panel that are no cells: names, cursor, entropy, frame.
_AROUND_CELLS = 6
_ROWS_PER_CELL = 3
_LEAST_ROWS = 12
_FEW_TASKS = 12


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
        if snapshot.loss is not None:
            self._chart("loss", "loss per task, EMA .98").show(snapshot.loss)
        if snapshot.fitness is not None:
            self._chart("fitness", "population fitness").show(snapshot.fitness)
        if snapshot.assignment is not None:
            self._tasks = len(snapshot.assignment.tasks)
            found = self._panels.get("assignment") or self._add("assignment", AssignmentMap(
                id="assignment", classes="panel"))  # fmt: skip
            assert isinstance(found, AssignmentMap)
            found.show(snapshot.assignment)
        if snapshot.errors is not None:
            errors = self._panels.get("errors") or self._add("errors", ErrorPanel(
                id="errors", classes="panel"))  # fmt: skip
            assert isinstance(errors, ErrorPanel)
            errors.show(snapshot.errors)
        return len(self._panels) > before

    def _chart(self, name: str, title: str) -> Chart:
        panel = self._panels.get(name)
        if panel is None:
            panel = Chart(title, id=name, classes="panel")
            # Losses fall over orders of magnitude.
            panel.log_y = True
            # Only so that the keys can say which chart they mean.
            panel.can_focus = True
            self._add(name, panel)
        assert isinstance(panel, Chart)
        return panel

    def _add(self, name: str, panel: Panel) -> Panel:
        self._panels[name] = panel
        row = next(place for place, names in enumerate(_ROWS) if name in names)
        first = _ROWS[row][0] == name
        panel.display = False  # until it is arranged
        self._rows[row].mount(panel, before=0 if first and self._rows[row].children else None)
        return panel

    def set_out(self, *, paged: bool) -> None:
        """Show one panel, or all of them."""
        self._paged = paged
        if not self._chosen and self._panels:
            # Among all, the assignment: its cursor is what most keys are for.
            wished = "loss" if paged else "assignment"
            self.current = wished if wished in self._panels else self.pages()[0][1]
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
        return [(str(at + 1), name) for at, name in enumerate(NAMES) if name in self._panels]

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
    def unit(self) -> int | None:
        """The unit under the cursor of the assignment; None if there is none in view."""
        panel = self._panels.get("assignment")
        return panel.cursor[1] if isinstance(panel, AssignmentMap) and panel.display else None


def _set_display(widget: Widget, shown: bool) -> None:
    if widget.display != shown:
        widget.display = shown
