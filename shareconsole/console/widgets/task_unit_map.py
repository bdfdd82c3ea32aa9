"""Maps of tasks x routed units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shareconsole.console.widgets.drill_map import DrillMap


class TasksByUnits(Protocol):
    """What such a map shows has names for both of its sides."""

    @property
    def tasks(self) -> Sequence[str]:
        """The rows."""
        ...

    @property
    def units(self) -> Sequence[str]:
        """The columns."""
        ...


class TaskUnitMap(DrillMap):
    """Base of the maps with a row for each task and a column for each routed unit."""

    _view: TasksByUnits | None = None

    @property
    def unit(self) -> int | None:
        """The unit under the cursor."""
        return self.cursor[1] if self._view is not None and self._view.units else None

    def row_names(self) -> Sequence[str]:
        """The tasks."""
        return self._view.tasks if self._view is not None else ()

    def column_names(self) -> Sequence[str]:
        """The routed units."""
        return self._view.units if self._view is not None else ()
