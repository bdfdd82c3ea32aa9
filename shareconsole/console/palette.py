"""Every colour, mark and glyph of the console, for the terminal at hand.

Nothing is told by hue alone: a curve has a marker, a module a letter, a probability a shade and a
state a mark. The colours lie on the cube of the 256, so they look the same where true colour is not
forwarded; for 16 they are the terminal's own; without colour, attributes and glyphs remain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from rich.color import Color
from rich.style import Style

from shareconsole.headless.styles import state_mark

if TYPE_CHECKING:
    from textual.widget import Widget

Depth = Literal["auto", "truecolor", "256", "16", "none"]
Triplet = tuple[int, int, int]

# As in viewmodel.assignment, which would bring numpy along before the first paint.
LEVELS = 8

_MARKERS = "●▲■◆▼○△□"
_ASCII_MARKERS = "*+ox#@%&"
# No full block: bars of one row would run into the row above.
_BLOCKS = " ▁▂▃▄▅▆▇"
_ASCII_BLOCKS = " .:-=+*#"
# Left and right of the letter, for each of the eight levels.
_SHADES = ("··", "░·", "░░", "▒░", "▒▒", "▓▒", "▓▓", "██")
_ASCII_SHADES = ("..", ":.", "::", "=:", "==", "%=", "%%", "##")
_ASCII_STATE_MARKS = {"●": "*", "○": "o", "■": "#", "✓": "+", "✗": "x", "·": "."}

# Sky, orange, green, pink, lavender, yellow, teal, red: members of the 6 x 6 x 6 cube.
_DARK = ("5fafff", "ffaf5f", "87d787", "ff87af", "af87ff", "ffd75f", "5fd7d7", "ff5f5f")
_LIGHT = ("005faf", "af5f00", "008700", "d70087", "8700d7", "875f00", "008787", "d70000")
# The 16 as the terminal's palette numbers them, so that a later conversion finds them again.
_DARK_16 = ("55ffff", "ffff55", "ff55ff", "55ff55", "5555ff", "ff5555", "00aaaa", "aa5500")
_LIGHT_16 = ("0000aa", "aa0000", "00aa00", "aa00aa", "00aaaa", "aa5500", "5555ff", "ff5555")

_NAMED = {"cyan": 0, "yellow": 5, "magenta": 4, "green": 2, "blue": 0, "red": 7}
_NAMED_16 = {
    "cyan": "00aaaa",
    "yellow": "aa5500",
    "magenta": "aa00aa",
    "green": "00aa00",
    "blue": "0000aa",
    "red": "aa0000",
}


@dataclass(frozen=True)
class Shade:
    """How a cell of a heat map looks.

    Attributes:
        style: of its text and of what is around it.
        left: what fills it left of its text.
        right: what fills it right of its text.
        edge: the glyph of its last row, which parts it from the cell below.
        edge_style: the style of that row.
    """

    style: Style
    left: str
    right: str
    edge: str = " "
    edge_style: Style = field(default_factory=Style)


@dataclass(frozen=True)
class Palette:
    """Styles and glyphs by role. Equal palettes draw equal pictures.

    Attributes:
        depth: how many colours to rely on; ``auto`` and ``truecolor`` use the colours of ``256``.
        ascii: draw with ASCII alone.
        dark: the background is dark.
    """

    depth: Depth = "auto"
    ascii: bool = False
    dark: bool = True

    @property
    def colourless(self) -> bool:
        """Whether attributes and glyphs are all there is."""
        return self.depth == "none"

    def series(self, index: int) -> Style:
        """The line of series ``index``; colours repeat after eight."""
        return _foreground(self._colour(index)) if not self.colourless else Style()

    def envelope(self, index: int) -> Style:
        """What lies behind the line of series ``index``, dimmer than it."""
        if self.depth == "16":
            return _foreground(_triplet("555555" if self.dark else "aaaaaa"))
        return _foreground(_blend(self._colour(index), self._ground, 0.42), self.colourless)

    def marker(self, index: int) -> str:
        """One character that stands for series ``index``; repeats after eight."""
        markers = _ASCII_MARKERS if self.ascii else _MARKERS
        return markers[index % len(markers)]

    def shade(self, module: int, level: int) -> Shade:
        """A cell that is ``level`` (0..7) certain of a module."""
        return _shade(self, module, min(max(level, 0), LEVELS - 1))

    def state(self, name: str) -> tuple[str, Style]:
        """The mark and the style of a run's state."""
        mark, colour = state_mark(name)
        if self.ascii:
            mark = _ASCII_STATE_MARKS.get(mark, mark if mark.isascii() else "?")
        return mark, self._named(colour.removeprefix("bright_")) + Style(bold=True)

    @property
    def blocks(self) -> str:
        """Eight glyphs from empty to full, for sparklines."""
        return _ASCII_BLOCKS if self.ascii else _BLOCKS

    @property
    def plain(self) -> Style:
        """Ordinary text."""
        return Style()

    @property
    def strong(self) -> Style:
        """Text that leads."""
        return Style(bold=True)

    @property
    def quiet(self) -> Style:
        """Text and lines that step back: axes, units, hints."""
        if self.colourless:
            return Style()
        if self.depth == "16":
            return _foreground(_triplet("aaaaaa" if self.dark else "555555"))
        return _foreground(_triplet("8a8a8a" if self.dark else "6c6c6c"))

    @property
    def faint(self) -> Style:
        """What may be overlooked: the empty part of a bar, leaders."""
        if self.colourless or self.depth == "16":
            return self.quiet
        return _foreground(_triplet("4e4e4e" if self.dark else "b2b2b2"))

    @property
    def ok(self) -> Style:
        """Good news."""
        return self._named("green")

    @property
    def warning(self) -> Style:
        """Something to look at."""
        return self._named("yellow") + Style(bold=self.colourless)

    @property
    def error(self) -> Style:
        """Something is wrong."""
        return self._named("red") + Style(bold=True)

    @property
    def cursor(self) -> Style:
        """Added to what the cursor is on."""
        return Style(reverse=True, bold=True)

    @property
    def selected(self) -> Style:
        """Added to the row of a list that the cursor is on."""
        if self.colourless or self.depth == "16":
            return Style(reverse=True)
        return Style(bgcolor=Color.from_rgb(*_triplet("303030" if self.dark else "d0d0d0")))

    @property
    def _ground(self) -> Triplet:
        return (0x1E, 0x1E, 0x1E) if self.dark else (0xDE, 0xDE, 0xDE)

    def _colour(self, index: int) -> Triplet:
        if self.depth == "16":
            colours = _DARK_16 if self.dark else _LIGHT_16
        else:
            colours = _DARK if self.dark else _LIGHT
        return _triplet(colours[index % len(colours)])

    def _named(self, name: str) -> Style:
        if self.colourless or name not in _NAMED:
            return Style()
        if self.depth == "16":
            return _foreground(_triplet(_NAMED_16[name]))
        return _foreground(self._colour(_NAMED[name]))


@lru_cache(4096)
def _shade(palette: Palette, module: int, level: int) -> Shade:
    glyphs = (_ASCII_SHADES if palette.ascii else _SHADES)[level]
    if palette.depth in ("16", "none"):
        return Shade(palette.series(module) + Style(bold=level >= LEVELS // 2), *glyphs)
    colour = palette._colour(module)
    paint = _blend(colour, palette._ground, 0.14 + 0.86 * level / (LEVELS - 1))
    ink = (0x10, 0x10, 0x10) if _luminance(paint) > 0.2 else (0xF4, 0xF4, 0xF4)
    style = Style(color=Color.from_rgb(*ink), bgcolor=Color.from_rgb(*paint))
    if palette.ascii:
        return Shade(style, " ", " ")
    return Shade(style, " ", " ", "▀", Style(color=style.bgcolor))


@lru_cache(4096)
def _foreground(colour: Triplet, colourless: bool = False) -> Style:
    return Style() if colourless else Style(color=Color.from_rgb(*colour))


def _triplet(text: str) -> Triplet:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _blend(colour: Triplet, ground: Triplet, amount: float) -> Triplet:
    red, green, blue = (
        round(back + (front - back) * amount) for front, back in zip(colour, ground, strict=True)
    )
    return red, green, blue


def _luminance(colour: Triplet) -> float:
    """Relative luminance in 0..1, as contrast is reckoned with."""
    linear: list[float] = [((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


DEFAULT = Palette()


def palette_of(widget: Widget) -> Palette:
    """The palette of the app a widget lives in; the default where the app has none."""
    found = getattr(widget.app, "palette", DEFAULT)
    return found if isinstance(found, Palette) else DEFAULT
