"""The columns of the list of runs: what is in them, and which ones have room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.listing import RunRow
from shareconsole.console.widgets.panel import RowBuilder, fitted
from shareconsole.headless.figures import NONE, count, short_count

GAP = 2
"""Cells between two columns."""
_BAR = 8


@dataclass(frozen=True)
class Column:
    """A column: what ``RunList.sort`` calls it (empty if nothing), its head, its cells.

    ``cells`` is the width without the gap; ``grows`` columns share what is left over.
    ``rank``: the highest go first where there is no room.
    """

    key: str
    head: str
    cells: int
    rank: int
    text: Callable[[RunRow, Palette], list[tuple[str, Style]]]
    right: bool = False
    grows: bool = False


def _plain(text: str, palette: Palette) -> list[tuple[str, Style]]:
    return [(text, palette.plain)]


def _state(row: RunRow, palette: Palette) -> list[tuple[str, Style]]:
    mark, style = palette.state(row.state)
    return [(f"{mark} {row.state}", style)]


def _progress(row: RunRow, palette: Palette) -> list[tuple[str, Style]]:
    if row.progress is None:
        return [(NONE, palette.quiet)]
    full, rest = ("=", "-") if palette.ascii else ("━", "─")
    done = int(row.progress * _BAR)
    return [
        (full * done, palette.state(row.state)[1]),
        (rest * (_BAR - done), palette.faint),
        (f"{100 * row.progress:4.0f} %", palette.plain),
    ]


def _error(row: RunRow, palette: Palette) -> list[tuple[str, Style]]:
    return [(row.error_text or NONE, palette.strong if row.macro_error is not None else
             palette.quiet)]  # fmt: skip


COLUMNS: tuple[Column, ...] = (
    Column("state", "state", 11, 0, _state),
    Column("name", "run", 14, 0, lambda row, p: [(row.name, p.strong)], grows=True),
    Column("preset", "preset", 12, 6, lambda row, p: _plain(row.preset, p), grows=True),
    Column("method", "method", 15, 3, lambda row, p: _plain(row.method, p)),
    Column("data", "data", 8, 5, lambda row, p: _plain(row.data, p)),
    Column(
        "seed", "seed", 5, 4, lambda row, p: _plain(short_count(row.seed), p), right=True
    ),
    Column("step", "progress", _BAR + 6, 1, _progress),
    Column("steps", "steps", 9, 7, lambda row, p: _plain(count(row.steps), p), right=True),
    Column("macro_error", "error %", 7, 0, _error, right=True),
    Column("created", "age", 5, 2, lambda row, p: [(row.age, p.quiet)], right=True),
    Column("", "tags", 16, 8, lambda row, p: [(" ".join(row.tags), p.quiet)], grows=True),
)  # fmt: skip
SORTABLE = tuple(column.key for column in COLUMNS if column.key)


def fit(width: int) -> list[tuple[Column, int]]:
    """The columns that have room, and how wide each one is."""
    columns = list(COLUMNS)
    while len(columns) > 1 and _needed(columns) > width:
        columns.remove(max(columns, key=lambda column: column.rank))
    spare = max(0, width - _needed(columns))
    growing = sum(column.grows for column in columns)
    # The name takes what does not divide, and the rest is left free: wide gaps are hard to read.
    more = min(26, spare // growing) if growing else 0
    return [(column, column.cells + more * column.grows) for column in columns]


def _needed(columns: list[Column]) -> int:
    return 1 + sum(column.cells + GAP for column in columns)


def add_cell(row: RowBuilder, column: Column, cells: int, run: RunRow, palette: Palette) -> None:
    """Append a cell and the gap after it."""
    start = row.used
    parts = column.text(run, palette)
    if column.right:
        row.to(start + cells - sum(cell_len(text) for text, _ in parts))
    for text, style in parts:
        shown = fitted(text, start + cells - row.used, ascii_only=palette.ascii)
        row.add(shown, style)
    row.to(start + cells + GAP)
