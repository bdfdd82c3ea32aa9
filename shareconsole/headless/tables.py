"""Lines and tables of a report: no rules, a quiet header, foreign text made safe.

Drawn here rather than by rich's table, which fills every line with blanks up to the width: a report
that goes to a file or into a mail has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len
from rich.text import Text

from shareconsole.headless.styles import QUIET
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from rich.console import Console

Cell = str | Text
Side = Literal["left", "right"]


def cell(value: Cell, style: str = "") -> Text:
    """Return a cell; a plain string may be foreign and is made safe."""
    return value if isinstance(value, Text) else Text(safe_text(value), style=style)


def shortened(text: str, width: int) -> str:
    """Return safe text cut to ``width`` terminal cells, ending in an ellipsis where it was cut."""
    safe = Text(safe_text(text))
    safe.truncate(max(1, width), overflow="ellipsis")
    return safe.plain


def right_side(columns: int) -> list[Side]:
    """Return the sides of ``columns`` columns of numbers."""
    return ["right"] * columns


def natural_widths(rows: Iterable[Sequence[Cell]]) -> list[int]:
    """Return how many terminal cells each column needs to show everything."""
    columns = zip(*rows, strict=True)
    return [max(_cells(item) for item in column) for column in columns]


def aligned(row: Sequence[Cell], widths: Sequence[int], sides: Sequence[Side], gap: int) -> Text:
    """Return one line of a table, nothing after its last visible character.

    Args:
        row: the cells; what is longer than its column ends in an ellipsis.
        widths: cells per column; a column of width 0 is left out.
        sides: to which side each column leans.
        gap: blanks between columns.
    """
    line = Text()
    blanks = 0
    for value, width, side in zip(row, widths, sides, strict=True):
        if width <= 0:
            continue
        text = cell(value).copy()
        text.truncate(width, overflow="ellipsis")
        free = width - text.cell_len
        line.append(" " * (blanks + (free if side == "right" else 0)))
        line.append_text(text)
        blanks = gap + (free if side == "left" else 0)
    line.rstrip()
    return line


class Page:
    """Prints lines and tables to a console, wrapped to its width."""

    def __init__(self, console: Console) -> None:
        """Begin an empty page."""
        self.console = console
        self.width = console.width
        self._begun = False

    def section(self) -> None:
        """Leave a blank line before what comes next, unless nothing has come yet."""
        if self._begun:
            self.console.print()

    def line(self, text: Cell, *, indent: int = 0, style: str = "", hanging: int = 0) -> None:
        """Print text, broken between words where it is too long.

        Args:
            text: what to print; a plain string may be foreign, and its line feeds become visible.
            indent: blanks before it.
            style: of a plain string.
            hanging: further blanks before the lines it is continued on.
        """
        whole = Text(safe_text(text), style=style) if isinstance(text, str) else text
        for part in whole.split("\n"):
            room = max(20, self.width - indent - hanging)
            for number, piece in enumerate(part.wrap(self.console, room)):
                piece.rstrip()
                self._print(Text.assemble(" " * (indent + (hanging if number else 0)), piece))

    def flow(self, head: Text, items: Sequence[Text], *, indent: int = 0, gap: int = 2) -> None:
        """Print items one after the other behind a head, breaking lines only between items."""
        hanging = head.cell_len
        line = head.copy()
        room = max(20, self.width - indent - hanging)
        for item in (part for whole in items for part in whole.wrap(self.console, room)):
            empty = line.cell_len <= hanging
            if not empty and indent + line.cell_len + gap + item.cell_len > self.width:
                line.rstrip()
                self.unbroken(line, indent=indent)
                line, empty = Text(" " * hanging), True
            line.append("" if empty else " " * gap)
            line.append_text(item)
        line.rstrip()
        self.unbroken(line, indent=indent)

    def unbroken(self, text: Text, *, indent: int = 0) -> None:
        """Print text that must stay one line, such as a command to copy."""
        self._print(Text.assemble(" " * indent, text))

    def table(
        self,
        header: Sequence[Cell],
        rows: Sequence[Sequence[Cell]],
        sides: Sequence[Side],
        *,
        indent: int = 2,
        gap: int = 2,
        limits: Sequence[int | None] | None = None,
    ) -> None:
        """Print a table; its last column gives way where the width is too small.

        Args:
            header: one cell per column; all empty for no header.
            rows: cells.
            sides: to which side each column leans.
            indent: blanks left of the table.
            gap: blanks between columns.
            limits: most cells a column may take; None for as many as it needs.
        """
        widths = natural_widths([header, *rows])
        if limits is not None:
            pairs = zip(widths, limits, strict=True)
            widths = [width if limit is None else min(width, limit) for width, limit in pairs]
        excess = indent + sum(widths) + gap * (len(widths) - 1) - self.width
        widths[-1] = max(1, min(widths[-1], max(8, widths[-1] - excess)))
        if any(_cells(title) for title in header):
            titles = [cell(title, QUIET) for title in header]
            self.unbroken(aligned(titles, widths, sides, gap), indent=indent)
        for row in rows:
            self.unbroken(aligned(row, widths, sides, gap), indent=indent)

    def _print(self, text: Text) -> None:
        self._begun = True
        self.console.print(text, soft_wrap=True)


def _cells(value: Cell) -> int:
    return value.cell_len if isinstance(value, Text) else cell_len(safe_text(value))
