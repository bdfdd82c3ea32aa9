from __future__ import annotations

import itertools

import pytest
from rich._palettes import STANDARD_PALETTE
from rich.color import Color, ColorSystem
from rich.style import Style

from shareconsole.console.palette import LEVELS, Depth, Palette
from shareconsole.console.viewmodel.assignment import LEVELS as VIEW_LEVELS

DEPTHS: tuple[Depth, ...] = ("auto", "truecolor", "256", "16", "none")
PALETTES = [
    Palette(depth, ascii_only, dark)
    for depth, ascii_only, dark in itertools.product(DEPTHS, (False, True), (False, True))
]


def luminance(color: Color | None) -> float:
    assert color is not None
    parts = [((part / 255 + 0.055) / 1.055) ** 2.4 for part in color.get_truecolor()]
    return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])


def contrast(one: Color | None, other: Color | None) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_the_view_models_have_as_many_shades() -> None:
    assert LEVELS == VIEW_LEVELS


@pytest.mark.parametrize("palette", PALETTES, ids=str)
def test_every_role_is_a_style(palette: Palette) -> None:
    found = [palette.series(9), palette.envelope(9), palette.plain, palette.strong, palette.quiet]
    found += [palette.faint, palette.ok, palette.warning, palette.error, palette.cursor]
    found += [palette.shade(9, level).style for level in range(LEVELS)]
    found += [palette.state(name)[1] for name in ("running", "finished", "crashed", "never heard")]
    assert all(isinstance(style, Style) for style in found)
    if palette.colourless:
        assert all(style.color is None and style.bgcolor is None for style in found)


@pytest.mark.parametrize("palette", PALETTES, ids=str)
def test_ascii_is_ascii_and_glyphs_are_one_cell(palette: Palette) -> None:
    glyphs = [palette.marker(index) for index in range(8)]
    assert len(set(glyphs)) == 8
    glyphs += [*palette.blocks, *(palette.state(name)[0] for name in ("running", "paused", "lost"))]
    for level in range(LEVELS):
        shade = palette.shade(0, level)
        glyphs += [shade.left, shade.right, shade.edge]
    assert all(len(glyph) == 1 for glyph in glyphs)
    if palette.ascii:
        assert all(glyph.isascii() for glyph in glyphs)


@pytest.mark.parametrize("palette", [p for p in PALETTES if p.depth in ("16", "none")], ids=str)
def test_shades_differ_without_colour(palette: Palette) -> None:
    shades = [palette.shade(0, level) for level in range(LEVELS)]
    assert len({(shade.left, shade.right) for shade in shades}) == LEVELS


@pytest.mark.parametrize("dark", [False, True])
def test_shades_differ_among_256_colours(dark: bool) -> None:
    palette = Palette("256", dark=dark)
    for module in range(8):
        paints = [palette.shade(module, level).style.bgcolor for level in range(LEVELS)]
        numbers = {p.downgrade(ColorSystem.EIGHT_BIT).number for p in paints if p is not None}
        assert len(numbers) >= 4


@pytest.mark.parametrize("dark", [False, True])
def test_series_colours_survive_256_and_16(dark: bool) -> None:
    for index in range(8):
        color = Palette("256", dark=dark).series(index).color
        assert color is not None
        there = color.downgrade(ColorSystem.EIGHT_BIT)
        assert there.get_truecolor() == color.get_truecolor()
        basic = Palette("16", dark=dark).series(index).color
        assert basic is not None
        number = basic.downgrade(ColorSystem.STANDARD).number
        assert number is not None
        assert STANDARD_PALETTE[number] == basic.get_truecolor()
    assert len({Palette("16", dark=dark).series(index) for index in range(8)}) == 8


@pytest.mark.parametrize("dark", [False, True])
def test_colours_can_be_read(dark: bool) -> None:
    palette = Palette("256", dark=dark)
    ground = Color.parse("#121212" if dark else "#e0e0e0")
    for index in range(8):
        assert contrast(palette.series(index).color, ground) >= 3
        for level in range(LEVELS):
            style = palette.shade(index, level).style
            assert contrast(style.color, style.bgcolor) >= 3
    assert contrast(palette.quiet.color, ground) >= 3


def test_a_level_outside_is_the_nearest_one() -> None:
    palette = Palette()
    assert palette.shade(1, -3) == palette.shade(1, 0)
    assert palette.shade(1, 99) == palette.shade(1, LEVELS - 1)
