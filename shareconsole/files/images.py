"""Image files of unknown origin: what the header says, and the pixels as bytes."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from shareconsole.errors import DataDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# Suffix -> Pillow's name of the format; nothing else is opened.
FORMATS = {
    ".bmp": "BMP",
    ".gif": "GIF",
    ".jfif": "JPEG",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".pbm": "PPM",
    ".pgm": "PPM",
    ".png": "PNG",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
MAX_PIXELS = 64 * 10**6
"""Of one image, told by its header before anything is inflated."""

UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders end with when a file is not what it should be."""

_GREY_MODES = ("1", "L", "LA", "I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_EXIF_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)

Color = Literal["gray", "rgb"]


class Header(NamedTuple):
    """What is known of an image before its pixels are read; rows and columns as it is looked at."""

    rows: int
    columns: int
    color: Color


def is_image(name: str) -> bool:
    """Tell by its name whether a file is meant to be an image."""
    return os.path.splitext(name)[1].lower() in FORMATS and not name.startswith(".")


def read_header(path: Path) -> Header:
    """Return the size and colour of an image.

    Raises:
        DataDamaged: It is none, or too large.
    """
    try:
        with _opened(path) as image:
            return _header(image, path)
    except UNREADABLE as error:
        raise unreadable(path, error) from None


def read_image(
    path: Path, color: Color, size: int | tuple[int, int]
) -> tuple[NDArray[np.uint8], Header]:
    """Return the pixels of an image, [C, H, W], as it is looked at, and what its header says.

    Transparent pixels become white, 16 bits the upper eight of them; of several frames the first
    one counts.

    Args:
        path: the file.
        color: "gray" gives one channel, "rgb" three.
        size: pixels a side of a square, or rows and columns, that it is resized to, each new pixel
            the mean of the old ones under it; 0 leaves it as it is.

    Raises:
        DataDamaged: It cannot be read to its end, is too large, or has pixels of 32 bits.
    """
    try:
        with _opened(path) as image:
            header = _header(image, path)
            if image.format != "PNG":
                return _pixels(image, path, color, size), header
            # Only this compares a PNG's checksums; afterwards it has to be opened anew.
            image.verify()
        with _opened(path) as image:
            return _pixels(image, path, color, size), header
    except UNREADABLE as error:
        raise unreadable(path, error) from None


def _pixels(
    image: Image.Image, path: Path, color: Color, size: int | tuple[int, int]
) -> NDArray[np.uint8]:
    upright = ImageOps.exif_transpose(image) if _may_be_turned(image) else image
    plain = _plain(upright, path).convert("L" if color == "gray" else "RGB")
    if size:
        rows, columns = (size, size) if isinstance(size, int) else size
        plain = plain.resize((columns, rows), Image.Resampling.BOX)
    pixels = np.asarray(plain)
    return pixels[None] if color == "gray" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def unreadable(path: Path, error: Exception) -> DataDamaged:
    """Return the error that says which image cannot be read, and why."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DataDamaged(f"{path}: cannot be read as an image: {reason.splitlines()[0]}")


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    # Of a stream and not by its name: then Pillow does not map the file into memory, which gives
    # wrong pixels of grey TIFF files that are turned.
    with (
        path.open("rb") as stream,
        Image.open(stream, formats=sorted(set(FORMATS.values()))) as image,
    ):
        yield image


def _header(image: Image.Image, path: Path) -> Header:
    if image.width * image.height > MAX_PIXELS:
        raise DataDamaged(
            f"{path}: has {image.width}x{image.height} pixels, more than {MAX_PIXELS:,}"
        )
    columns, rows = image.size
    if _may_be_turned(image) and image.getexif().get(_EXIF_ORIENTATION) in _TURNED:
        if image.format == "TIFF":
            image.load()  # which turns it, unless opening it did
            columns, rows = image.size
        else:
            columns, rows = rows, columns
    return Header(rows, columns, "gray" if image.mode in _GREY_MODES else "rgb")


def _may_be_turned(image: Image.Image) -> bool:
    # Pillow decodes a whole PNG to look for an orientation, which no camera writes there.
    return image.format != "PNG"


def _plain(image: Image.Image, path: Path) -> Image.Image:
    """Return the image with 8 bits per channel and nothing transparent."""
    if image.mode in ("I", "F"):
        raise DataDamaged(f"{path}: has pixels of 32 bits; save it with 8 or 16")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        paper = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(paper, opaque)
    return image
