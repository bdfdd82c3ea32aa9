"""What is in a cell of a map, in words: names give way where there is no room, the value stays."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from shareconsole.console.palette import Palette
from shareconsole.console.widgets.panel import RowBuilder, fitted

SAME = "the same task"
"""The value of a pair that is one task twice, where that says nothing."""
_COLON = ": "


@dataclass(frozen=True)
class CellWords:
    """``conv1`` ``of`` ``digits-1``: ``a``, with `` 90 %`` after it.

    Attributes:
        first, second: names, of any length.
        between: the word that stands between them.
        value: what is in the cell.
        after: what more there is to say, its blank included.
    """

    first: str
    between: str
    second: str
    value: str
    after: str = ""


def add_words(row: RowBuilder, words: CellWords, palette: Palette) -> RowBuilder:
    """Append the words to a row: the value takes half of the room, if it needs as much."""
    between = f" {words.between} "
    room = max(0, row.room - cell_len(between) - len(_COLON))
    first, second = cell_len(words.first), cell_len(words.second)
    value = min(cell_len(words.value + words.after), max(room // 2, room - first - second))
    names = room - value
    first = min(first, max(names // 2, names - second))
    ascii_only = palette.ascii
    row.add(fitted(words.first, first, ascii_only=ascii_only), palette.strong)
    row.add(between, palette.quiet)
    row.add(fitted(words.second, names - first, ascii_only=ascii_only), palette.strong)
    row.add(_COLON, palette.quiet)
    shown = fitted(words.value, value, ascii_only=ascii_only)
    row.add(shown, palette.strong)
    return row.add(words.after if cell_len(shown + words.after) <= value else "")
