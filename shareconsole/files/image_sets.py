"""Many image files as one array, all of one size and colour."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files.decoded import announce, decoded
from shareconsole.files.images import read_header, read_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from shareconsole.files.images import Color

# Changed whenever the cached arrays would come out otherwise.
_VERSION = 2


class Look(NamedTuple):
    """How images are wanted.

    Attributes:
        size: pixels a side that they are resized to; 0 leaves them as they are.
        color: "auto" is "rgb" if any image that was looked at has colour, else "gray".
    """

    size: int
    color: Literal["auto", "gray", "rgb"]


class Frame(NamedTuple):
    """What all images come to: [C, H, W] and its colour; ``guessed`` if nobody asked for it."""

    shape: tuple[int, int, int]
    color: Color
    guessed: bool
    size: int


def frame_of(samples: Iterable[Path], look: Look) -> Frame:
    """Return what images come to, from the headers of some of them.

    Raises:
        DataDamaged: They differ in size and none was asked for, or one is no image.
    """
    first: tuple[Path, int, int] | None = None
    color: Color = "gray" if look.color == "auto" else look.color
    for path in samples:
        header = read_header(path)
        if look.color == "auto" and header.color == "rgb":
            color = "rgb"
        here = (path, header.rows, header.columns)
        first = first or here
        if not look.size and first[1:] != here[1:]:
            raise _unequal(first, here)
    if first is None:
        raise ValueError("no image to look at")
    rows, columns = (look.size, look.size) if look.size else first[1:]
    channels = 1 if color == "gray" else 3
    return Frame((channels, rows, columns), color, look.color == "auto", look.size)


def read_set(
    source: str, sets: Mapping[str, Sequence[Path]], frame: Frame
) -> dict[str, NDArray[np.uint8]]:
    """Decode sets of images, or take them from the cache if no file has changed since.

    Args:
        source: what the images belong to, for the cache.
        sets: the files of each set.
        frame: what they have to come to.

    Returns:
        [N, C, H, W] of each set.

    Raises:
        DataMissing: A file is not there.
        DataDamaged: A file cannot be read, or is of another size or colour.
    """
    what = f"{source} {frame} {_VERSION}"

    def decode() -> dict[str, NDArray[np.uint8]]:
        announce(sum(map(len, sets.values())))
        return {name: _decode(sets[name], frame) for name in sets}

    return decoded(what, _fingerprint(sets), decode)


def _decode(paths: Sequence[Path], frame: Frame) -> NDArray[np.uint8]:
    images = np.empty((len(paths), *frame.shape), np.uint8)
    for image, path in zip(images, paths, strict=True):
        pixels, header = read_image(path, frame.color, frame.size)
        if frame.guessed and frame.color == "gray" and header.color == "rgb":
            raise DataDamaged(
                f'{path} has colour and others have none; color = "gray" or "rgb" makes them alike'
            )
        if pixels.shape != frame.shape:
            raise _unequal((paths[0], *frame.shape[1:]), (path, *pixels.shape[1:]))
        image[...] = pixels
    return images


def _fingerprint(sets: Mapping[str, Sequence[Path]]) -> str:
    """Return a text that changes when a file is added, removed, replaced or written to."""
    digest = hashlib.sha256()
    for name, paths in sets.items():
        digest.update(f"{name}\0{len(paths)}\0".encode())
        for path in paths:
            try:
                found = path.stat()
            except OSError as error:
                raise DataMissing(f"{path} cannot be read: {error.strerror or error}") from None
            times = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
            digest.update(f"{path}\0{times}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _unequal(first: tuple[Path, int, int], other: tuple[Path, int, int]) -> DataDamaged:
    return DataDamaged(
        f"{other[0]} has {other[2]}x{other[1]} pixels and {first[0]} {first[2]}x{first[1]}; "
        "size = N resizes all to NxN"
    )
