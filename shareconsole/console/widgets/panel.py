"""A widget that draws rows and sends to the terminal only those that changed.

Textual writes a dirty region of a widget from its left edge to the end of the region, so the
cheapest update is one span per changed row that ends at the last cell that differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from shareconsole.console.palette import Palette, palette_of

Row = tuple[Segment, ...]

_ELLIPSIS = "…"
_PLAIN = Style()
# To cut off fewer cells than this takes longer than to send them.
_EDGE = 8


def fitted(text: str, width: int, *, ascii_only: bool = False) -> str:
    """Return ``text`` in at most ``width`` cells; what is cut off leaves an ellipsis."""
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    mark = "~" if ascii_only else _ELLIPSIS
    return set_cell_size(text, width - 1).rstrip() + mark


class RowBuilder:
    """Puts texts side by side, and never more than ``width`` cells of them."""

    def __init__(self, width: int) -> None:
        """Starts an empty row."""
        self.width = width
        self.used = 0
        self._segments: list[Segment] = []

    @property
    def room(self) -> int:
        """Cells left."""
        return self.width - self.used

    def add(self, text: str, style: Style | None = None) -> RowBuilder:
        """Append text, cut at the end of the row."""
        cells = cell_len(text)
        if cells > self.room:
            text, cells = set_cell_size(text, self.room), self.room
        if text:
            self._segments.append(Segment(text, style or _PLAIN))
            self.used += cells
        return self

    def to(self, column: int) -> RowBuilder:
        """Append spaces up to a column; nothing if the row is there already."""
        return self.add(" " * max(0, column - self.used))

    def row(self) -> Row:
        """The row, padded to its full width."""
        self.to(self.width)
        return tuple(self._segments)


def blank_row(width: int) -> Row:
    """A row of spaces."""
    return RowBuilder(width).row()


def message_rows(text: str, width: int, height: int, palette: Palette) -> list[Row]:
    """One quiet line of text in the middle of nothing."""
    rows = [blank_row(width)] * height
    if rows:
        shown = fitted(text, width, ascii_only=palette.ascii)
        builder = RowBuilder(width).to((width - cell_len(shown)) // 2)
        rows[(height - 1) // 2] = builder.add(shown, palette.quiet).row()
    return rows


def row_text(row: Row) -> str:
    """What a row says, without its styles."""
    return "".join(segment.text for segment in row)


def changed_until(old: Row, new: Row, width: int) -> int:
    """The column after the last cell that differs between two rows of one width; 0 if none."""
    if old == new:
        return 0
    tail = 0
    for before, after in zip(reversed(old), reversed(new), strict=False):
        if before == after:
            tail += cell_len(after.text)
            continue
        if before.style == after.style and not before.text.strip() and not after.text.strip():
            tail += min(len(before.text), len(after.text))
        break
    return width - tail


def _merged(parts: Iterable[tuple[str, Style]]) -> list[Segment]:
    """Put parts together that look the same: each one costs the line about 25 bytes.

    A colour does not show on spaces, so they go with what is left of them.
    """
    merged: list[Segment] = []
    for text, style in parts:
        if merged:
            before, look, _ = merged[-1]
            assert look is not None
            if (
                style is look
                or style == look
                or (
                    text.isspace()
                    and style.bgcolor == look.bgcolor
                    and _plain_on_space(style, look)
                )
            ):
                merged[-1] = Segment(before + text, look)
                continue
        merged.append(Segment(text, style))
    return merged


def _plain_on_space(*styles: Style) -> bool:
    return not any(style.reverse or style.underline or style.strike for style in styles)


class Panel(Widget):
    """Base of the drawn widgets: subclasses say in ``draw`` what their rows are."""

    DEFAULT_CSS = """
    Panel {
        width: 1fr;
        height: 1fr;
    }
    """

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Takes what every widget takes."""
        super().__init__(name=name, id=id, classes=classes)
        self._rows: list[Row] = []
        self._strips: dict[int, Strip] = {}
        self._drawn_for: tuple[object, ...] | None = None
        self._base = _PLAIN
        self._looks: dict[Style, Style] = {}
        self._rendering = False
        self._title: str | None = None
        self.rows_changed = 0
        """How many rows the last redraw sent to the terminal."""

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows of the content, each exactly ``width`` cells wide."""
        raise NotImplementedError

    def set_title(self, text: str) -> None:
        """Write ``text`` into the top border, literally; the same text again costs nothing."""
        if text != self._title:
            self._title = text
            # A plain string would be read as markup.
            self.border_title = Content(text) if text else None

    @property
    def palette(self) -> Palette:
        """The colours and glyphs to draw with."""
        return palette_of(self)

    def redraw(self) -> None:
        """Draw anew and mark the rows that came out different."""
        width, height = self.size
        if not self.is_attached or not self.is_mounted or width < 1 or height < 1:
            self._drawn_for = None
            return
        if self._drawn_for != self._circumstances():
            self._drawn_for = None
            self.rows_changed = height
            self.refresh()
            return
        old, self._rows = self._rows, self._complete(width, height)
        spans = [
            Region(0, y, end if width - end > _EDGE else width, 1)
            for y, (before, after) in enumerate(zip(old, self._rows, strict=True))
            if (end := 0 if before is after else changed_until(before, after, width))
        ]
        self.rows_changed = len(spans)
        for span in spans:
            self._strips.pop(span.y, None)
        if spans:
            self.refresh(*spans)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a part of the content; what they depend on is looked at once."""
        self._make_ready()
        self._rendering = True
        try:
            return super().render_lines(crop)
        finally:
            self._rendering = False

    def render_line(self, y: int) -> Strip:
        """Return a line of the content, from the cache where it did not change."""
        if not self._rendering:
            self._make_ready()
        strip = self._strips.get(y)
        if strip is None:
            width = self.size.width
            row = self._rows[y] if y < len(self._rows) else blank_row(width)
            strip = self._strips[y] = self._strip(row, width)
        return strip

    def _make_ready(self) -> None:
        """Draw all rows if they were drawn for something else; to find out costs 50 µs."""
        circumstances = self._circumstances()
        if self._drawn_for != circumstances:
            self._rows = self._complete(*self.size)
            self._strips.clear()
            self._base, self._looks = self.rich_style, {}
            self._drawn_for = circumstances

    def _strip(self, row: Row, width: int) -> Strip:
        return Strip(_merged((text, self._look(style or _PLAIN)) for text, style, _ in row), width)

    def _look(self, style: Style) -> Style:
        """A style on the widget's own; charts have hundreds of parts but few styles."""
        look = self._looks.get(style)
        if look is None:
            look = self._looks[style] = self._base + style
        return look

    def _complete(self, width: int, height: int) -> list[Row]:
        rows = list(self.draw(width, height))[:height] if width > 0 and height > 0 else []
        return rows + [blank_row(width)] * (height - len(rows))

    def _circumstances(self) -> tuple[object, ...]:
        """All that makes a full redraw necessary when it changes."""
        return (self.size, self.palette, self.rich_style)
