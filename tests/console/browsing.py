"""How long the list of runs takes to show what it should, as somebody at the terminal sees it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shareconsole.store.status import STATES
from tests.console.in_pty import Terminal

TAKEN_OVER = "\x1b[?1049h"
"""What the console writes first: until then the shell's screen is there."""
_READ = re.compile(rf" \S ({'|'.join(STATES)}) ")


def unread(rows: list[str]) -> int:
    """How many rows of the list hold no more than an id, or nothing."""
    return sum(not _READ.match(row) for row in rows[2:-2])


def is_read(rows: list[str]) -> bool:
    return not unread(rows)


def all_is_read(rows: list[str]) -> bool:
    return is_read(rows) and "reading" not in rows[0]


def seen(terminal: Terminal, sight: Callable[[list[str]], object]) -> float:
    """Seconds from the start of the process until something held for the rows of the screen."""
    terminal.until(sight)
    return time.monotonic() - terminal.started


@dataclass(frozen=True)
class Opening:
    """Seconds from the start of the process.

    Attributes:
        taken_over: the console has the terminal, with nothing on it.
        first_row: a run is shown.
        painted: all the runs that have room are shown with what is known of them.
    """

    taken_over: float
    first_row: float
    painted: float


def opening(runs: Path) -> Opening:
    with Terminal("ui", "--runs", str(runs)) as terminal:
        return Opening(
            terminal.wait_for(TAKEN_OVER),
            seen(terminal, lambda rows: unread(rows) < len(rows[2:-2])),
            seen(terminal, is_read),
        )


def reading(runs: Path) -> float:
    """Seconds from the first paint until every run was read, with nobody at the keys."""
    with Terminal("ui", "--runs", str(runs)) as terminal:
        painted = seen(terminal, is_read)
        return seen(terminal, all_is_read) - painted


@dataclass(frozen=True)
class Page:
    """What became of one key while it was held.

    Attributes:
        painted: seconds from the key to the page with all of its rows, and with the line about the
            run under the cursor; None if that was not on the screen before the next key.
        unread: seconds for which a row was shown that had not been read.
    """

    painted: float | None
    unread: float


def hold(runs: Path, key: str, times: int, per_second: float) -> list[Page]:
    """Press a key over and over from the first paint on, while the rest is still being read."""
    with Terminal("ui", "--runs", str(runs)) as terminal:
        terminal.until(is_read)
        return [_page(terminal, key, 1 / per_second) for _ in range(times)]


def _page(terminal: Terminal, key: str, seconds: float) -> Page:
    before = terminal.rows()[-2]
    pressed = time.monotonic()
    terminal.press(key)
    painted: float | None = None
    waiting = 0.0
    since: float | None = None
    while (left := pressed + seconds - time.monotonic()) > 0:
        terminal.read(left)
        rows, now = terminal.rows(), time.monotonic()
        if since is not None:
            waiting += now - since
        since = now if unread(rows) else None
        if painted is None and since is None and rows[-2] != before:
            painted = now - pressed
    return Page(painted, waiting)


def key_to_screen(
    runs: Path, *keys: str, times: int, bytes_per_second: float | None = None
) -> list[float]:
    """Seconds from a key until the last byte of what it changed is through; keys take turns."""
    with Terminal("ui", "--runs", str(runs), bytes_per_second=bytes_per_second) as terminal:
        terminal.until(all_is_read)
        return [terminal.key_to_screen(keys[i % len(keys)]) for i in range(times)]


def first_answers(runs: Path, *keys: str, times: int) -> list[float]:
    """Seconds from a key until the terminal is sent what it changed."""
    with Terminal("ui", "--runs", str(runs)) as terminal:
        terminal.until(all_is_read)
        return [terminal.first_answer(keys[i % len(keys)]) for i in range(times)]
