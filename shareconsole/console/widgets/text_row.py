"""One row of text that changes often: other than Textual's own label it never asks for a layout."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from shareconsole.console.widgets.panel import Panel, Row, RowBuilder, fitted

Part = tuple[str, Style]


class TextRow(Panel):
    """Parts side by side; what does not fit leaves an ellipsis."""

    DEFAULT_CSS = """
    TextRow {
        height: 1;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        """Starts empty."""
        super().__init__(id=id)
        self._parts: tuple[Part, ...] = ()

    def show(self, *parts: Part) -> None:
        """Show other parts; the same ones again cost nothing."""
        if parts != self._parts:
            self._parts = parts
            self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The parts."""
        row = RowBuilder(width)
        for text, style in self._parts:
            row.add(fitted(text, row.room, ascii_only=self.palette.ascii), style)
        return [row.row()]
