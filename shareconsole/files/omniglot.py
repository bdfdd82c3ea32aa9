"""Omniglot's two zips: looked over before anything is inflated, then decoded once.

Their layout is ``images_background/Greek/character01/0394_01.png``: alphabet, character in it,
number of the character among all, and the person (01 to 20) who drew it. Images are 105x105 with
two values, ink 0 and paper 255. Lake, Salakhutdinov and Tenenbaum 2015, Science 350(6266).
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from shareconsole.errors import DataDamaged
from shareconsole.files.decoded import announce, decoded
from shareconsole.files.images import UNREADABLE
from shareconsole.files.omniglot_alphabets import BACKGROUND, DRAWINGS, EVALUATION, SIDE
from shareconsole.files.zips import check_plain, content, files_in, opened, sha256

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from shareconsole.files.record import FileSet

ZIPS = {"images_background.zip": BACKGROUND, "images_evaluation.zip": EVALUATION}
# Drawings are a few hundred bytes each, 19,280 in the larger zip; hidden files of the machine that
# packed a copy come on top.
MAX_MEMBERS = 60_000
MAX_MEMBER_BYTES = 64 * 1024
_DRAWING = re.compile(r"(images_[a-z]+)/([^/\\]+)/character(\d\d)/\d{4}_(\d\d)\.png", re.ASCII)
# Pixels a side, to decode drawings that nobody looks at.
_LITTLE = 8
# Changed whenever the cached arrays would come out otherwise.
_VERSION = 1

Drawings = dict[str, "NDArray[np.uint8]"]
Index = dict[str, "dict[tuple[int, int], zipfile.ZipInfo]"]
"""Alphabet -> (character, person) -> member, both counted from 1."""


def check_form(file_set: FileSet, paths: Mapping[str, Path], exact: bool) -> None:
    """Check names, sizes and checksums of all members; pixels are checked when they are decoded.

    Args:
        file_set: Omniglot's.
        paths: where each zip is, by name.
        exact: every published alphabet has to be there.

    Raises:
        DataDamaged: A zip is not what it should be.
    """
    for file in file_set.files:
        path = paths[file.name]
        with opened(path) as archive:
            index = _index(archive, path)
            for members in index.values():
                for member in members.values():
                    content(archive, path, member)
        if exact and len(index) < len(ZIPS[file.name]):
            absent = ", ".join(sorted(ZIPS[file.name].keys() - index.keys()))
            raise DataDamaged(f"{path}: lacks the alphabets {absent}")


def check_pixels(paths: Mapping[str, Path]) -> None:
    """Decode every drawing; the cache is neither asked nor written.

    Raises:
        DataDamaged: One cannot be decoded.
    """
    _decode_all(paths, _LITTLE)


def read_drawings(paths: Mapping[str, Path], size: int, alphabets: Collection[str]) -> Drawings:
    """Return all drawings in the zips, from the cache if these very zips were decoded before.

    Args:
        paths: where each zip is, by name.
        size: pixels a side; less than 105 is resized, each new pixel the mean of the old ones
            under it.
        alphabets: which ones are wanted; all are decoded and kept.

    Returns:
        [characters, 20, size, size] of each wanted alphabet, paper 255 and ink 0.

    Raises:
        DataDamaged: A zip is not what it should be, a drawing in it cannot be decoded, or an
            alphabet is in neither.
    """
    state = " ".join(sha256(paths[name]) for name in ZIPS)
    kept = decoded(
        f"omniglot {size} {_VERSION}",
        state,
        lambda: _pack(_decode_all(paths, size), size),
        alphabets,
    )
    for alphabet in alphabets:
        if alphabet not in kept:
            home = next(name for name, known in ZIPS.items() if alphabet in known)
            raise DataDamaged(f"{paths[home]}: lacks the alphabet {alphabet}")
    return {name: _unpack(kept[name], size) for name in alphabets}


def _decode_all(paths: Mapping[str, Path], size: int) -> Drawings:
    drawings = {}
    for name in ZIPS:
        path = paths[name]
        with opened(path) as archive:
            index = _index(archive, path)
            announce(sum(map(len, index.values())))
            for alphabet, members in index.items():
                shape = (len(members) // DRAWINGS, DRAWINGS, size, size)
                images = np.empty(shape, np.uint8)
                for (character, person), member in members.items():
                    where = f"{path}: {member.filename}"
                    packed = content(archive, path, member)
                    images[character - 1, person - 1] = _decode(packed, where, size)
                drawings[alphabet] = images
    return drawings


def _decode(packed: bytes, where: str, size: int) -> NDArray[np.uint8]:
    try:
        # Only this compares the checksums; the image has to be opened anew for its pixels.
        with Image.open(io.BytesIO(packed), formats=["PNG"]) as image:
            image.verify()
        with Image.open(io.BytesIO(packed), formats=["PNG"]) as image:
            if image.size != (SIDE, SIDE) or image.mode not in ("1", "L"):
                found = f"{image.width}x{image.height}, mode {image.mode}"
                raise DataDamaged(
                    f"{where} is no {SIDE}x{SIDE} drawing in black and white: {found}"
                )
            grey = image.convert("L")
    except UNREADABLE as error:
        raise DataDamaged(f"{where} cannot be decoded: {error}") from None
    if size != SIDE:
        grey = grey.resize((size, size), Image.Resampling.BOX)
    return np.asarray(grey)


def _index(archive: zipfile.ZipFile, path: Path) -> Index:
    """Return what is in a zip, judged by its directory alone.

    Raises:
        DataDamaged: Something in it does not belong there, or is missing.
    """
    known = ZIPS[path.name]
    index: Index = {}
    for member in files_in(archive, path, MAX_MEMBERS):
        name = f"{path}: {member.filename}"
        match = _DRAWING.fullmatch(member.filename)
        if match is None or match[1] != path.stem or match[2] not in known:
            raise DataDamaged(f"{name} is not where Omniglot has a drawing")
        check_plain(path, member, MAX_MEMBER_BYTES, "a drawing")
        members = index.setdefault(match[2], {})
        place = int(match[3]), int(match[4])
        if place in members:
            raise DataDamaged(f"{name} is a second drawing of this character by this person")
        members[place] = member
    for alphabet, members in index.items():
        wanted = {(c, d) for c in range(1, known[alphabet] + 1) for d in range(1, DRAWINGS + 1)}
        for character, person in sorted(wanted ^ members.keys()):
            what = "lacks" if (character, person) in wanted else "has one too many:"
            raise DataDamaged(f"{path}: {what} {alphabet}/character{character:02}, {person:02}")
    return {alphabet: index[alphabet] for alphabet in sorted(index)}


def _pack(drawings: Drawings, size: int) -> dict[str, NDArray[Any]]:
    """Black and white as bits (45 MB instead of 358 MB for all), greys as they are."""
    if size != SIDE:
        return dict(drawings)
    return {name: np.packbits(images // 255, axis=-1) for name, images in drawings.items()}


def _unpack(kept: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return kept if size != SIDE else np.unpackbits(kept, axis=-1, count=size) * np.uint8(255)
