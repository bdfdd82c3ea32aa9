"""Marks and colours. Nothing is told by colour alone: a letter, a mark or a word says it too."""

from __future__ import annotations

HEADING = "bold"
QUIET = "dim"
GOOD = "green"
BAD = "bold red"
NOTICE = "yellow"

# One mark and one colour per state; all marks are one cell wide.
STATE_MARKS: dict[str, tuple[str, str]] = {
    "queued": ("·", "default"),
    "starting": ("○", "cyan"),
    "running": ("●", "cyan"),
    "paused": ("=", "yellow"),
    "stopping": ("○", "yellow"),
    "stopped": ("■", "yellow"),
    "finished": ("✓", "green"),
    "failed": ("✗", "red"),
    "crashed": ("✗", "red"),
    "lost": ("?", "red"),
    "stalled": ("!", "magenta"),
    "unreadable": ("?", "red"),
}

# Colours of modules a, b, c …; taken from the 16 that every terminal has, so that they survive ssh.
MODULE_COLOURS = (
    "cyan",
    "yellow",
    "magenta",
    "green",
    "blue",
    "red",
    "bright_cyan",
    "bright_yellow",
    "bright_magenta",
    "bright_green",
)


def state_mark(state: str) -> tuple[str, str]:
    """Return the mark and the colour of a state; unknown states get a question mark."""
    return STATE_MARKS.get(state, ("?", "default"))


def module_colour(index: int) -> str:
    """Return the colour of module ``index``; colours repeat, letters do not."""
    return MODULE_COLOURS[index % len(MODULE_COLOURS)]
