"""How the row of a list looks that the cursor is on."""

from __future__ import annotations

from rich.style import Style

from shareconsole.console.widgets.panel import Row


def selected_row(row: Row, style: Style) -> Row:
    """Return the row with a style over all of it; a reversed one in one look from end to end."""
    if style.reverse:
        # Reversed parts of different colours would be a patchwork.
        return (row[0]._replace(text="".join(part.text for part in row), style=style),)
    return tuple(part._replace(style=(part.style or Style()) + style) for part in row)
