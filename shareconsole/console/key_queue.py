"""Keys have their effect one after the other, however fast they come.

Textual hands every key to the widget that has the focus when the key arrives. A key of the same
packet as the one that moves the focus (`/` before the words of a filter) would go to the wrong one,
where a letter may stop a run.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import App
    from textual.events import Key
    from textual.message_pump import MessagePump

# A widget that goes away with a key in its queue never says that it is done.
_PATIENCE_SECONDS = 0.25


class KeyQueue:
    """Holds keys back until the one before has been through every queue on its way."""

    def __init__(self, app: App[None], handle: Callable[[Key], None]) -> None:
        """Starts empty.

        Args:
            app: whose keys these are.
            handle: takes the next key; it calls ``follow`` if that went to a widget.
        """
        self._app = app
        self._handle = handle
        self._waiting: deque[Key] = deque()
        self._turn = 0
        self._busy = False

    def add(self, key: Key) -> None:
        """Take a key that has just arrived."""
        self._waiting.append(key)
        if not self._busy:
            self._next(self._turn)

    def add_first(self, keys: Iterable[Key]) -> None:
        """Take keys that come before all that wait."""
        self._waiting.extendleft(reversed(list(keys)))
        if not self._busy:
            self._next(self._turn)

    def _next(self, turn: int) -> None:
        """Take the next key, unless that was done since."""
        if turn != self._turn:
            return
        self._turn += 1
        self._busy = bool(self._waiting)
        if self._busy:
            self._app.set_timer(_PATIENCE_SECONDS, partial(self._next, self._turn))
            self._handle(self._waiting.popleft())

    def follow(self, first: MessagePump | None) -> None:
        """Go the way of a key that was handed to ``first`` (None: to nobody), and then go on."""
        self._hop(self._turn, first)

    def _hop(self, turn: int, pump: MessagePump | None) -> None:
        # Behind the key in each queue from the widget up to the app, and there behind what the
        # action of the key may have asked for.
        if pump is not None and pump is not self._app:
            above = pump._parent
            if pump.call_later(self._hop, turn, above):
                return
        self._app.call_later(self._app.call_later, self._next, turn)
