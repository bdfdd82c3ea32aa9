"""Draws the console as a PNG, for the README and to look at: `python -m tests.console.picture`.

`python -m tests.console.picture RUN -o FILE [--size 120x36] [--keys 3 enter ...] [--light]` opens a
run folder (or, given a folder of runs, the list), presses the keys and draws what is on the screen.
The picture of the README is of `make demo`'s run:
`python -m tests.console.picture runs/ID -o tests/console/pictures/live.png`.

Letters come from DejaVu Sans Mono; lines, blocks and braille, which have to meet at the edges of
their cells, are drawn here.
"""

from __future__ import annotations

import argparse
import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.style import Style
from textual.strip import Strip

from shareconsole.console.palette import Palette
from shareconsole.store.folder import RunFolder
from tests.console.driving import drive

WIDTH, HEIGHT = 10, 20
"""Pixels of a cell."""
_FONT = "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"
_FONT_SIZE = 16
# Ink and paper where the console names no colour.
_DARK, _LIGHT = ((224, 224, 224), (18, 18, 18)), ((32, 32, 32), (250, 250, 250))
# Which way the lines of a character go from the middle of its cell: left, right, up, down.
_LINES = {
    character: directions
    for characters, directions in {
        "─━": "lr", "│┃": "ud", "╭┌┏": "rd", "╮┐┓": "ld", "╰└┗": "ru", "╯┘┛": "lu",
        "├┣": "udr", "┤┫": "udl", "┬┳": "lrd", "┴┻": "lru", "┼╋": "lrud",
        "╴╸": "l", "╶╺": "r", "╵╹": "u", "╷╻": "d",
    }.items()
    for character in characters
}  # fmt: skip
_HEAVY = frozenset("━┃┏┓┗┛┣┫┳┻╋╸╺╹╻")
_LOWER = "▁▂▃▄▅▆▇█"
_LEFT = "▏▎▍▌▋▊▉█"
_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_BRAILLE = 0x2800
# Bits of a braille character by place, column then row.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

Colour = tuple[int, int, int]


def draw(strips: list[Strip], *, dark: bool = True) -> Image.Image:
    """Return the rows of a screen as a picture."""
    ink, paper = _DARK if dark else _LIGHT
    size = (max(strip.cell_length for strip in strips) * WIDTH, len(strips) * HEIGHT)
    image = Image.new("RGB", size, paper)
    canvas = ImageDraw.Draw(image)
    fonts = [ImageFont.truetype(name, _FONT_SIZE) for name in _FONT]
    for row, strip in enumerate(strips):
        column = 0
        for text, style, _ in strip:
            front, back = _colours(style or Style(), ink, paper)
            for character in text:
                cells = 2 if unicodedata.east_asian_width(character) in "WF" else 1
                corner = column * WIDTH, row * HEIGHT
                edge = corner[0] + cells * WIDTH - 1, corner[1] + HEIGHT - 1
                canvas.rectangle((corner, edge), back)
                bold = fonts[bool(style and style.bold)]
                _draw_character(canvas, character, corner, front, back, bold)
                column += cells
    return image


def _colours(style: Style, ink: Colour, paper: Colour) -> tuple[Colour, Colour]:
    front, back = (
        tuple(colour.get_truecolor()) if colour and not colour.is_default else default
        for colour, default in ((style.color, ink), (style.bgcolor, paper))
    )
    if style.reverse:
        front, back = back, front
    return (_mixed(front, back, 0.5) if style.dim else front), back


def _mixed(front: Colour, back: Colour, share: float) -> Colour:
    red, green, blue = (round(b + share * (f - b)) for f, b in zip(front, back, strict=True))
    return red, green, blue


def _draw_character(
    canvas: ImageDraw.ImageDraw,
    character: str,
    corner: tuple[int, int],
    front: Colour,
    back: Colour,
    font: ImageFont.FreeTypeFont,
) -> None:
    x, y = corner
    right, bottom = x + WIDTH - 1, y + HEIGHT - 1
    if character in _LINES:
        middle, centre = x + WIDTH // 2, y + HEIGHT // 2
        ends = {"l": (x, centre), "r": (right, centre), "u": (middle, y), "d": (middle, bottom)}
        for way in _LINES[character]:
            thick = 3 if character in _HEAVY else 1
            canvas.line(((middle, centre), ends[way]), front, thick)
    elif character in _LOWER:
        top = y + HEIGHT - round(HEIGHT * (_LOWER.index(character) + 1) / 8)
        canvas.rectangle(((x, top), (right, bottom)), front)
    elif character == "▀":
        canvas.rectangle(((x, y), (right, y + HEIGHT // 2 - 1)), front)
    elif character in _LEFT:
        wide = round(WIDTH * (_LEFT.index(character) + 1) / 8)
        canvas.rectangle(((x, y), (x + wide - 1, bottom)), front)
    elif character in _SHADES:
        canvas.rectangle(((x, y), (right, bottom)), _mixed(front, back, _SHADES[character]))
    elif _BRAILLE <= ord(character) < _BRAILLE + 256:
        for across, bits in enumerate(_DOTS):
            for down, bit in enumerate(bits):
                if (ord(character) - _BRAILLE) & bit:
                    left, top = x + 1 + across * 5, y + 1 + down * 5
                    canvas.ellipse(((left, top), (left + 3, top + 3)), front)
    elif not character.isspace():
        canvas.text((x, y - 1), character, front, font)


def main() -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path, help="a run's folder, or a folder of runs")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--size", default="120x36")
    parser.add_argument("--keys", nargs="+", default=[])
    parser.add_argument("--light", action="store_true")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    path = arguments.run.absolute()
    run = RunFolder(path) if (path / "run.json").exists() else None
    kept: list[Strip] = []

    async def act(driver) -> None:  # type: ignore[no-untyped-def]
        # A small terminal shows one panel, which is that of losses.
        await driver.until("loss" if run else lambda: "reading" not in driver.text())
        for key in arguments.keys:
            await driver.press(key)
        await driver.until(lambda: "reading" not in driver.text())
        await driver.rest()
        kept.extend(driver.strips())

    palette = Palette("truecolor", dark=not arguments.light)
    drive(path.parent if run else path, act, run=run, size=(width, height), palette=palette)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    draw(kept, dark=not arguments.light).save(arguments.output, optimize=True)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
