"""When an app has nothing left to do: known from its queues, not guessed from the clock."""

from __future__ import annotations

import asyncio
import time

from textual.app import App
from textual.message_pump import MessagePump

PATIENCE = 90.0
"""Seconds until a test gives up; only a test that fails waits that long."""
# A key reaches the app's queue two turns of the loop after it was sent.
_TURNS = 10


async def at_rest(app: App[None]) -> None:
    """Wait until every part has handled what it was sent, and the screen is drawn.

    Textual offers a wait until the process uses little CPU, 40 ms a key, which on a busy machine
    ends too early. What threads post is no part of this: wait for what it brings about.
    """
    end = time.monotonic() + PATIENCE
    still = 0
    while still < _TURNS:
        assert time.monotonic() < end, "the app never comes to rest"
        await asyncio.sleep(0)
        if app._exit or app._exception is not None:
            return
        if not all(_waits(pump) for pump in (app, *app._registry)):
            still = 0
        elif _draws_soon(app):
            # What a timer would do within 17 ms.
            app.screen._on_timer_update()
            still = 0
        else:
            still += 1


def _waits(pump: MessagePump) -> bool:
    """Whether it waits for the next message, or will take none any more."""
    queue = pump._message_queue
    idle = queue.empty() and bool(queue.ready_event._waiters)
    return idle or pump._closed or pump._task is None


def _draws_soon(app: App[None]) -> bool:
    screen = app.screen
    return not app._batch_count and bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )
