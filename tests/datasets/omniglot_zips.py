"""Small zips laid out as Omniglot's, each drawing telling by its pixels which one it is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from shareconsole.files.omniglot_alphabets import CHARACTERS

SMALL = {
    "images_background": ("Blackfoot_(Canadian_Aboriginal_Syllabics)",),
    "images_evaluation": ("Angelic",),
}
ALPHABETS = tuple(name for names in SMALL.values() for name in names)


def drawing(character: int, person: int) -> np.ndarray:
    """[105, 105] bool, True is paper: a block of ink whose place is the character and person."""
    pixels = np.ones((105, 105), bool)
    pixels[5 * person : 5 * person + 5, 5 * character : 5 * character + 5] = False
    return pixels


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def members(root: str, alphabets: Iterable[str] = ()) -> dict[str, bytes]:
    """Name -> content of a whole zip, characters numbered from 0 in `drawing`, as are persons.

    Of the zip's small share of alphabets, unless others are named.
    """
    return {
        f"{root}/{alphabet}/character{c + 1:02}/{900 + c:04}_{p + 1:02}.png": png(drawing(c, p))
        for alphabet in alphabets or SMALL[root]
        for c in range(CHARACTERS[alphabet])
        for p in range(20)
    }


def write_zip(path: Path, content: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
