"""The two streams: data goes to stdout, narration to stderr, and nothing foreign is interpreted.

Colours appear only on a terminal and never under NO_COLOR. Markup, highlighting and emoji codes are
off: whatever is printed is either our own wording or went through ``safe_text``.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from rich.console import Console

# A report is drawn for a terminal of this width where there is no terminal.
REPORT_COLUMNS = 80
# A list that goes to a pipe or a file is never cut: `ls | grep` has to find what is there.
UNLIMITED_COLUMNS = 1000


def prepare_streams() -> None:
    """Let every character through, also where the locale says ASCII (shown as an escape there).

    A stream that was closed before we began becomes one that leads nowhere.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # In this order each takes its own number again, before a file of ours gets it.
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person's terminal, able to move its cursor, is behind the stream."""
    return (
        stream is not None
        and not stream.closed
        and stream.isatty()
        and os.environ.get("TERM") not in ("dumb", "unknown")
    )


def make_console(
    stream: TextIO | None, *, columns_without_terminal: int = REPORT_COLUMNS
) -> Console:
    """Return a rich console on the stream that interprets nothing and colours only terminals."""
    from rich.console import Console

    on_terminal = is_terminal(stream)
    return Console(
        file=stream or io.StringIO(),
        force_terminal=on_terminal,
        # FORCE_COLOR and COLUMNS are for terminals: a file is always plain and of a fixed width.
        width=None if on_terminal else columns_without_terminal,
        no_color=None if on_terminal else True,
        color_system="auto" if on_terminal else None,
        force_jupyter=False,
        markup=False,
        highlight=False,
        emoji=False,
    )


def out(*, columns_without_terminal: int = REPORT_COLUMNS) -> Console:
    """Return the console for data, on stdout as it is now."""
    return make_console(sys.stdout, columns_without_terminal=columns_without_terminal)


def say(message: str, *, quiet: bool = False) -> None:
    """Narrate one message on stderr; control characters in it are made visible."""
    if not quiet and sys.stderr is not None:
        print(safe_text(message, multi_line=True), file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Print one plain line of data on stdout; control characters in it are made visible."""
    print(safe_text(text), flush=True)


def put_json(value: Any, *, one_line: bool = False) -> None:
    """Print a value as JSON on stdout, in ASCII so that no terminal can be driven by it.

    JSON has no NaN or infinity: they become null (``export`` and the run folder keep them).
    """
    text = json.dumps(
        _finite(value), indent=None if one_line else 2, ensure_ascii=True, allow_nan=False
    )
    print(text.replace("\x7f", "\\u007f"), flush=one_line)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
