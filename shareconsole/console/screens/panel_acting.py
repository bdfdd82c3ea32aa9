"""Which panel of a run is in front, and what the keys do to the panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on

from shareconsole.console.screens.base import RunActing
from shareconsole.console.widgets.page_tabs import PageTabs

if TYPE_CHECKING:
    from shareconsole.console.screens.panels import Panels


class PanelActing(RunActing):
    """A screen with the panels of a run, once there are any.

    Keys that are typed ahead, while the run is being opened, are kept until it is open.
    """

    def __init__(self) -> None:
        """Starts without panels: they need numpy, which comes after the first paint."""
        super().__init__()
        self._panels: Panels | None = None
        self._zoomed = False
        self._open = False
        self._typed_ahead: list[str] = []

    def type_ahead(self, key: str) -> bool:
        """Keep a key until the run is open; False if it is, or the key is to leave it unopened."""
        if self._open or (key == "escape" and not self._typed_ahead):
            return False
        self._typed_ahead.append(key)
        return True

    def opened(self) -> None:
        """The run is open: all that it has to show has its place, and keys have a meaning."""
        self._open = True
        # From the app's own queue, or the keys would count as this screen's and end here.
        self.app.call_later(self.host.type_again, self._typed_ahead)
        self._typed_ahead = []

    def fit_in(self) -> None:
        """Fit everything into the size."""
        raise NotImplementedError

    def action_log_y(self) -> None:
        """Switch the y axes between linear and logarithmic."""
        if self._panels is not None:
            self._panels.toggle_log_y()

    def action_front(self) -> None:
        """Bring the next curve to the front."""
        if self._panels is not None:
            self._panels.cycle_front()

    def action_zoom(self) -> None:
        """Give the panel in front all the room, or take it back."""
        if self._panels is not None:
            self._panels.choose_named(self._panels.current)
        self._zoomed = not self._zoomed
        self.fit_in()

    def action_panel(self, number: int) -> None:
        """Go to a panel by its number."""
        if self._panels is None or not self._panels.choose(number - 1):
            known = self._panels is not None and self._panels.complete
            why = "this run logs nothing for that panel" if known else "nothing to show there yet"
            self.app.notify(why, markup=False)
        self.fit_in()

    def action_turn(self, by: int) -> None:
        """Go to the next panel."""
        if self._panels is not None:
            self._panels.turn(by)
        self.fit_in()

    @on(PageTabs.Chosen)
    def _clicked(self, event: PageTabs.Chosen) -> None:
        if self._panels is not None:
            self._panels.choose_named(event.page)
        self.fit_in()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The panel with the focus is the one in front."""
        if event.widget is not self.focused:
            return  # keys came faster than this: the focus has gone on since
        if self._panels is not None and self._panels.focused(event.widget):
            self.query_one(PageTabs).show(self._panels.pages(), self._panels.current)
