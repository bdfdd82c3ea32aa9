"""The texts of a table of cells: titles that keep their number, cells filled with shade."""

from __future__ import annotations

from rich.cells import cell_len

from shareconsole.console.palette import Shade
from shareconsole.console.widgets.panel import fitted


def short_title(title: str, width: int, *, ascii_only: bool) -> str:
    """A title in ``width`` cells; names that are counted through keep their number."""
    number = title[len(title.rstrip("0123456789")) :]
    if cell_len(title) <= width or not number or len(number) >= width:
        return fitted(title, width, ascii_only=ascii_only)
    return fitted(title[: -len(number)], width - len(number), ascii_only=ascii_only) + number


def filled(text: str, width: int, shade: Shade, chosen: bool) -> str:
    """A cell: its text in the middle, shade on both sides, brackets around it for the cursor."""
    space = width - cell_len(text)
    if text and chosen and space >= 2:
        text, space = f"[{text}]", space - 2
    elif text and space >= 2:
        # Air between the letter and the shade, where shades are glyphs.
        text = f" {text} " if space >= 4 and shade.left != " " else text
        space = width - cell_len(text)
    left = space // 2
    return shade.left * left + text + shade.right * (space - left)
