"""Textual's driver for a terminal, but it writes only the cells that change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from shareconsole.console.screen_diff import ScreenDiff

if TYPE_CHECKING:
    from textual.app import App


class LeanDriver(LinuxDriver):
    """Each terminal has one; a resize is to be told to it."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Takes what Textual gives its drivers."""
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._diff = ScreenDiff()
        # The thread that reads keys writes too, when it learns what the terminal can do.
        self._order = threading.RLock()
        self._writing = False

    def write(self, data: str) -> None:
        """Write what of ``data`` the terminal does not show yet."""
        with self._order:
            if self._writing:
                # A signal's handler, which leaves the screen or comes back to it.
                super().write(data)
                self._diff = ScreenDiff()
                return
            self._writing = True
            try:
                least = self._diff.least(data)
                if least:
                    super().write(least)
            finally:
                self._writing = False

    def resume_application_mode(self) -> None:
        """Come back after a sleep, and have the empty screen drawn, which Textual leaves empty."""
        super().resume_application_mode()
        self._loop.call_soon_threadsafe(self._draw)

    def _draw(self) -> None:
        if self._app.screen_stack:
            self._app.screen.refresh()

    def forget(self) -> None:
        """Rely on nothing that is on the screen: the next picture is written whole."""
        with self._order:
            self._diff.forget()
