"""The presets to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from shareconsole.console.widgets.panel import Panel, Row, RowBuilder, fitted, message_rows
from shareconsole.console.widgets.selection import selected_row

if TYPE_CHECKING:
    from shareconsole.console.viewmodel.presets import PresetChoice


class PresetList(Panel, can_focus=True):
    """One row each, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="presets-up"),
        Binding("down,j", "move(1)", "Down", show=False, id="presets-down"),
        Binding("home,g", "move(-100000)", "First", show=False, id="presets-first"),
        Binding("end,G", "move(100000)", "Last", show=False, id="presets-last"),
    ]

    class Highlighted(Message):
        """The cursor is on another preset."""

    class Chosen(Message):
        """Somebody clicked twice on a preset."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        """Starts without presets."""
        super().__init__(id=id, classes=classes)
        self._choices: Sequence[PresetChoice] | None = None
        self._cursor = 0
        self._top = 0

    @property
    def chosen(self) -> str | None:
        """The name of the preset under the cursor."""
        return self._choices[self._cursor].name if self._choices else None

    @property
    def summary(self) -> str:
        """What the preset under the cursor says of itself."""
        return self._choices[self._cursor].summary if self._choices else ""

    def show(self, choices: Sequence[PresetChoice]) -> None:
        """Show presets."""
        self._choices, self._cursor = choices, 0
        self.refresh(layout=True)
        self.redraw()
        if choices:
            self.post_message(self.Highlighted())

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """What the longest name takes, where the styles leave the width to the content."""
        rows = [cell_len(one.name) + len(f" {_origin(one)}") + 2 for one in self._choices or ()]
        return max(rows, default=0)

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The names in view, and where each preset comes from."""
        palette, choices = self.palette, self._choices
        if not choices:
            text = "" if choices is None else "no presets here and none shipped"
            return message_rows(text, width, height, palette)
        self._top = max(0, min(self._top, self._cursor, len(choices) - height))
        self._top = max(self._top, self._cursor - height + 1)
        rows = []
        for place, choice in enumerate(choices[self._top : self._top + height], self._top):
            origin = _origin(choice)
            row = RowBuilder(width).add(" ")
            name = fitted(choice.name, width - 2 - len(origin), ascii_only=palette.ascii)
            here = place == self._cursor
            row.add(name, palette.strong if here else palette.plain)
            built = row.to(width - len(origin) - 1).add(origin, palette.quiet).row()
            if here:
                built = selected_row(built, palette.selected)
            rows.append(built)
        return rows

    def action_move(self, by: int) -> None:
        """Move the cursor; it stops at the ends."""
        if not self._choices:
            return
        before = self._cursor
        self._cursor = max(0, min(self._cursor + by, len(self._choices) - 1))
        if self._cursor != before:
            self.redraw()
            self.post_message(self.Highlighted())

    def on_click(self, event: events.Click) -> None:
        """Take the preset under the mouse; a second click starts it."""
        place = event.get_content_offset(self)
        if place is not None and self._choices and self._top + place.y < len(self._choices):
            self.action_move(self._top + place.y - self._cursor)
            if event.chain == 2:
                self.post_message(self.Chosen())


def _origin(choice: PresetChoice) -> str:
    """Where a preset comes from, if that needs saying."""
    return "" if choice.shipped else "here"
