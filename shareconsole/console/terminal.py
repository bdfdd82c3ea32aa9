"""What the terminal can show, and the terminals that the console has to decline."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from shareconsole.headless.output import is_terminal

_HEADLESS = "'shareconsole ls' and 'shareconsole --help' work everywhere"


def refusal() -> str | None:
    """Return why this is no place for a full-screen console; None if it is one."""
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        term = os.environ.get("TERM") or "not set"
        return f"the console cannot draw on this terminal (TERM is {term}); {_HEADLESS}"
    for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None or stream.closed or not stream.isatty():
            return f"the console needs a terminal, and {name} is none; {_HEADLESS}"
    return None


def colour_depth(choice: str, environ: Mapping[str, str]) -> str:
    """Return truecolor, 256, 16 or none: the choice, or for ``auto`` what the terminal claims."""
    if choice != "auto":
        return choice
    if environ.get("NO_COLOR"):
        return "none"
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "truecolor"
    # Over ssh COLORTERM is usually lost, so this is the common case.
    term = environ.get("TERM", "").strip().lower()
    return "256" if term.endswith("-256color") or term in ("xterm-kitty", "kitty") else "16"


def draws_unicode(environ: Mapping[str, str]) -> bool:
    """Return whether braille and block characters will come out as such."""
    # The system's own console has no braille in its fonts.
    encoding = getattr(sys.__stderr__, "encoding", None) or ""
    return "utf" in encoding.lower() and environ.get("TERM") != "linux" and is_terminal(sys.stderr)


def backlog(app: Any) -> int:
    """Return how many frames wait for the terminal; more than none means that it is behind.

    Textual blocks once 30 wait, so whoever can draw later asks here first. There is no public way.
    """
    writer = getattr(getattr(app, "_driver", None), "_writer_thread", None)
    queue = getattr(writer, "_queue", None)
    return queue.qsize() if queue is not None else 0
