"""The columns of the list of runs: what is in them, and which ones have room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from rich.style import Style

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.listing import RunRow
from shareconsole.console.widgets.panel import Row, RowBuilder, fitted
from shareconsole.headless.figures import NONE, count, percent, short_count

GAP = 2
"""Cells between two columns."""
_BAR = 8

_ENDED = frozenset({"finished", "stopped", "failed", "crashed", "unreadable"})

Parts = list[tuple[str, Style]]


class _Ink:
    """The palette's styles, each made once: a page of runs needs four hundred."""

    def __init__(self, palette: Palette) -> None:
        self.ascii = palette.ascii
        self.plain, self.strong = palette.plain, palette.strong
        self.quiet, self.faint = palette.quiet, palette.faint
        self.bar = ("=", "-") if palette.ascii else ("━", "─")
        self.state = lru_cache(64)(palette.state)


_ink = lru_cache(8)(_Ink)


@dataclass(frozen=True)
class Column:
    """A column: what ``RunList.sort`` calls it (empty if nothing), its head, its cells.

    ``cells`` is the width without the gap, ``most`` the one that its longest text takes, for where
    there is room; ``grows`` columns share what is left over then.
    ``rank``: the highest go first where there is no room.
    """

    key: str
    head: str
    cells: int
    rank: int
    parts: Callable[[RunRow, _Ink], Parts]
    right: bool = False
    grows: bool = False
    most: int = 0


def _state(row: RunRow, ink: _Ink) -> Parts:
    mark, style = ink.state(row.state)
    return [(f"{mark} {row.state}", style)]


def _progress(row: RunRow, ink: _Ink) -> Parts:
    """How far it got; a bar stands out where it still moves."""
    if row.progress is None:
        return [(NONE, ink.quiet)]
    reached = (f"{100 * row.progress:3.0f} %", ink.plain)
    if row.state in _ENDED:
        return [reached]
    full, rest = ink.bar
    done = int(row.progress * _BAR)
    return [
        reached,
        (" " + full * done, ink.state(row.state)[1]),
        (rest * (_BAR - done), ink.faint),
    ]


def _error(row: RunRow, ink: _Ink) -> Parts:
    return [(percent(row.macro_error), ink.plain if row.macro_error is not None else ink.quiet)]


def _best(row: RunRow, ink: _Ink) -> Parts:
    best = row.best_macro_error
    return [(percent(best), ink.strong if best is not None else ink.quiet)]


COLUMNS: tuple[Column, ...] = (
    Column("state", "state", 12, 0, _state),
    Column("name", "run", 14, 0, lambda row, ink: [(row.name, ink.strong)], grows=True),
    Column("preset", "preset", 12, 7, lambda row, ink: [(row.preset, ink.plain)], grows=True),
    Column("method", "method", 15, 3, lambda row, ink: [(row.method, ink.plain)]),
    Column("data", "data", 8, 6, lambda row, ink: [(row.data, ink.plain)], most=15),
    Column("seed", "seed", 5, 4, lambda row, ink: [(short_count(row.seed), ink.plain)],
           right=True),
    Column("step", "progress", _BAR + 6, 1, _progress),
    Column("steps", "steps", 9, 8, lambda row, ink: [(count(row.steps), ink.plain)], right=True),
    Column("macro_error", "error %", 7, 5, _error, right=True),
    Column("best_macro_error", "best %", 7, 0, _best, right=True),
    Column("created", "age", 5, 2, lambda row, ink: [(row.age, ink.quiet)], right=True),
    Column("", "tags", 16, 9, lambda row, ink: [(" ".join(row.tags), ink.quiet)], grows=True),
)  # fmt: skip
SORTABLE = tuple(column.key for column in COLUMNS if column.key)


def fit(width: int) -> list[tuple[Column, int]]:
    """The columns that have room, and how wide each one is."""
    columns = list(COLUMNS)
    while len(columns) > 1 and _needed(columns) > width:
        columns.remove(max(columns, key=lambda column: column.rank))
    spare = max(0, width - _needed(columns))
    widths = []
    for column in columns:
        wider = min(spare, max(0, column.most - column.cells))
        widths.append(column.cells + wider)
        spare -= wider
    growing = sum(column.grows for column in columns)
    # The name takes what does not divide, and the rest is left free: wide gaps are hard to read.
    more = min(26, spare // growing) if growing else 0
    return [(one, cells + more * one.grows) for one, cells in zip(columns, widths, strict=True)]


def hidden_order(sort_key: str, width: int, palette: Palette) -> str:
    """What the list is ordered by, as its head would show it, if that has no room; else nothing."""
    key = sort_key.removeprefix("-")
    if any(column.key == key for column, _ in fit(width)):
        return ""
    head = next((column.head for column in COLUMNS if key and column.key == key), "")
    return f"{head}{order_mark(sort_key, palette)}" if head else ""


def order_mark(sort_key: str, palette: Palette) -> str:
    """What a head has behind it that the list is ordered by: which way."""
    reverse = sort_key.startswith("-")
    return ("v" if reverse else "^") if palette.ascii else ("▾" if reverse else "▴")


def _needed(columns: list[Column]) -> int:
    return 1 + sum(column.cells + GAP for column in columns)


def run_row(
    run: RunRow, columns: Sequence[tuple[Column, int]], width: int, palette: Palette
) -> Row:
    """The row of a run that was read, ``width`` cells wide."""
    ink = _ink(palette)
    row = RowBuilder(width).add(" ", ink.plain)
    for column, cells in columns:
        parts, taken = _fitted(column.parts(run, ink), cells, ink)
        # Space goes with the text beside it, as every piece of a row costs time to put together.
        before, after = (cells - taken, GAP) if column.right else (0, cells - taken + GAP)
        last = len(parts) - 1
        for place, (text, style) in enumerate(parts):
            if place == 0 and before:
                text = " " * before + text
            if place == last:
                text += " " * after
            row.add(text, style)
    return row.row()


def _fitted(parts: Parts, cells: int, ink: _Ink) -> tuple[Parts, int]:
    """The parts in no more than so many cells, and how many they take."""
    taken = sum(len(text) if text.isascii() else cell_len(text) for text, _ in parts)
    if taken <= cells:
        return parts, taken
    shown: Parts = []
    taken = 0
    for text, style in parts:
        text = fitted(text, cells - taken, ascii_only=ink.ascii)
        shown.append((text, style))
        taken += cell_len(text)
    return shown, taken
