"""A panel of rows that scroll one by one where there are more than fit."""

from __future__ import annotations

from textual import events

from shareconsole.console.widgets.panel import Panel


class ScrollingPanel(Panel):
    """Base of panels that draw their rows from the `_top`-th on and keep it in bounds."""

    _top = 0

    def action_scroll_rows(self, by: int) -> None:
        """Scroll down by so many rows."""
        self._top = max(0, self._top + by)
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go down."""
        event.stop()
        self.action_scroll_rows(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go up."""
        event.stop()
        self.action_scroll_rows(-1)
