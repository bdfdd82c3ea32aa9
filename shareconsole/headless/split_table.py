"""A table with a column of names that is printed in as many parts as the width asks for."""

from __future__ import annotations

from collections.abc import Sequence

from shareconsole.headless.tables import Cell, Page, cell, natural_widths, right_side

_GAP = 2
_INDENT = 2


def print_split(
    page: Page,
    header: Sequence[Cell],
    rows: Sequence[Sequence[Cell]],
    *,
    column_cells: int | None = None,
) -> None:
    """Print a table; the first column is repeated in each part.

    Args:
        page: where to.
        header: one cell per column.
        rows: cells, as many in each.
        column_cells: what to reckon with per column; by default what the widest needs.
    """
    widths = natural_widths([[cell(item) for item in row] for row in (header, *rows)])
    widest = max(widths[1:], default=0) if column_cells is None else column_cells
    fitting = max(1, (page.width - _INDENT - widths[0]) // (widest + _GAP))
    for first in range(1, len(header), fitting):
        part = slice(first, first + fitting)
        page.table(
            [header[0], *header[part]],
            [[row[0], *row[part]] for row in rows],
            ["left", *right_side(len(header[part]))],
            indent=_INDENT,
            gap=_GAP,
        )
