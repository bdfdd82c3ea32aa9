"""Runs the console in the terminal, and makes sure that it ends when the terminal does."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shareconsole.console.terminal import colour_depth, draws_unicode, refusal
from shareconsole.errors import UsageError

if TYPE_CHECKING:
    from types import FrameType

    from shareconsole.console.app import ConsoleApp
    from shareconsole.console.palette import Depth
    from shareconsole.store.folder import RunFolder

_SYSTEMS = {"truecolor": "truecolor", "256": "256", "16": "standard", "none": "standard"}
_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
# A console that cannot end in this time waits for a terminal that takes no more.
_GRACE_SECONDS = 3.0
_LOOK_SECONDS = 2.0


def require_terminal() -> None:
    """Check that a console can be drawn here, before anything is started.

    Raises:
        UsageError: it cannot; the message says why.
    """
    why = refusal()
    if why:
        raise UsageError(why)


def run_console(
    runs_dir: Path, run: RunFolder | None = None, *, color: str = "auto", ascii_only: bool = False
) -> int:
    """Show the console until somebody leaves it, and return the exit code.

    Args:
        runs_dir: the folder of all runs, which need not exist yet.
        run: the run to begin with; the list of all runs if None.
        color: auto, truecolor, 256, 16 or none.
        ascii_only: draw with ASCII alone.

    Raises:
        UsageError: this is no terminal to draw on.
    """
    require_terminal()
    depth = colour_depth(color, os.environ)
    # Textual reads these when it is imported and when an app is made.
    os.environ["TEXTUAL_COLOR_SYSTEM"] = _SYSTEMS[depth]
    # How soon a change is drawn, not how often: a key is answered in 5 ms rather than 17.
    os.environ.setdefault("TEXTUAL_FPS", "200")
    os.environ.pop("NO_COLOR", None)
    if depth == "none":
        os.environ["NO_COLOR"] = "1"
    # What gets loaded stays. To look through it for garbage takes 20 ms, and some key would have
    # to wait for that.
    gc.disable()
    from shareconsole.console.app import ConsoleApp
    from shareconsole.console.palette import Palette

    gc.freeze()
    gc.enable()
    # A key waits this long for a thread that reads.
    sys.setswitchinterval(0.001)
    palette = Palette(cast("Depth", depth), ascii_only or not draws_unicode(os.environ))
    app = ConsoleApp(runs_dir, run, palette)
    asyncio.run(_show(app))
    code = app.return_code or 0
    if app.parting and code == 0:
        print(app.parting, file=sys.stderr)
    return code


async def _show(app: ConsoleApp) -> None:
    loop = asyncio.get_running_loop()

    def leave(code: int) -> None:
        # From a signal handler or another thread, maybe while the loop waits for the terminal.
        last_resort = threading.Timer(_GRACE_SECONDS, os._exit, (code,))
        last_resort.daemon = True
        last_resort.start()
        loop.call_soon_threadsafe(lambda: app.exit(return_code=code))

    with _leaving_on_signals(leave), _leaving_with_the_terminal(leave):
        await app.run_async()


@contextmanager
def _leaving_on_signals(leave: Callable[[int], None]) -> Iterator[None]:
    """End properly on a signal, also where whoever started us had it ignored."""

    def handle(number: int, frame: FrameType | None) -> None:
        leave(128 + number)

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _leaving_with_the_terminal(leave: Callable[[int], None]) -> Iterator[None]:
    """End when the terminal is gone and nobody sent a signal: under nohup, or out of its session.

    Textual would go on reading an input that is always at its end.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            try:
                termios.tcgetattr(0)
            except termios.error:
                leave(128 + signal.SIGHUP)
                return

    threading.Thread(target=watch, name="terminal-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()
