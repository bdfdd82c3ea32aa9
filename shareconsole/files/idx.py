"""IDX, the format of MNIST and its relatives: read without trusting a byte of it.

A file is two zero bytes, a type, a rank, the dimensions as big-endian 32-bit numbers, and the
values in row-major order; most are compressed with gzip. What a header promises is not allocated
but waited for: memory grows with the bytes that are there.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shareconsole.errors import DataDamaged
from shareconsole.files.choice import check_choice
from shareconsole.files.record import FileSet, SplitName

_UNSIGNED_BYTES = 8
_MOST_VALUES = 2**32
_CHUNK = 2**20
_GZIP_MAGIC = b"\x1f\x8b"
_SIDE = 28


class IdxHeader(NamedTuple):
    """What a file says of itself; ``shape`` has the number of items first."""

    shape: tuple[int, ...]

    @property
    def item(self) -> int:
        """Bytes of one item: an image, or a label."""
        return math.prod(self.shape[1:])


def read_idx(path: Path, rows: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """Return the items of a file of unsigned bytes, [N, ...]; compressed or not.

    Args:
        path: the file.
        rows: which items to keep, ascending; all where None. The others take no memory.

    Raises:
        DataDamaged: it is cut short, has something behind its end, or is not of this format.
        IndexError: it has no such row.
    """
    with _opened(path) as stream:
        header = _header(path, stream)
        if rows is not None and len(rows) and not 0 <= rows[0] <= rows[-1] < header.shape[0]:
            raise IndexError(f"{path} has rows 0 to {header.shape[0] - 1}")
        kept = bytearray()
        first = 0
        for items in _items(path, stream, header):
            if rows is None:
                kept += items.tobytes()
            else:
                low, high = np.searchsorted(rows, (first, first + len(items)))
                kept += items[rows[low:high] - first].tobytes()
            first += len(items)
    number = first if rows is None else len(rows)
    return np.frombuffer(kept, np.uint8).reshape(number, *header.shape[1:])


def read_header(path: Path) -> IdxHeader:
    """Return what a file says of itself, without reading further.

    Raises:
        DataDamaged: it is not of this format.
        OSError: it cannot be read.
    """
    with _opened(path) as stream:
        return _header(path, stream)


def measure(path: Path) -> IdxHeader:
    """Return a file's header after reading all of it, keeping nothing.

    Raises:
        DataDamaged: it is cut short, has something behind its end, or is not of this format.
    """
    with _opened(path) as stream:
        header = _header(path, stream)
        for _ in _items(path, stream, header):
            pass
    return header


def check_form(file_set: FileSet, paths: dict[str, Path], exact: bool) -> None:
    """Hold every file of a set against the format, images against labels, labels against classes.

    Args:
        file_set: a set of IDX files.
        paths: where each lies, by its name.
        exact: whether the numbers of images have to be the published ones.

    Raises:
        DataDamaged: something is wrong; the message names the file.
        OSError: a file cannot be read.
    """
    for split in file_set.splits:
        images = paths[file_set.file(split, "images").name]
        labels = paths[file_set.file(split, "labels").name]
        shape = measure(images).shape
        if len(shape) != 3 or shape[1:] != (_SIDE, _SIDE):
            raise DataDamaged(
                f"{images}: holds {'x'.join(map(str, shape))} bytes, not {_SIDE}x{_SIDE} images"
            )
        number = measure(labels).shape
        if number != shape[:1]:
            raise DataDamaged(
                f"{images} has {shape[0]:,} images, but {labels} "
                f"{'x'.join(f'{size:,}' for size in number)} labels"
            )
        if exact and shape[0] != file_set.count(split):
            raise DataDamaged(
                f"{images} has {shape[0]:,} images, the published file {file_set.count(split):,}; "
                'for a subset, set [data] verify = "form"'
            )
        check_classes(file_set, labels)


def check_classes(file_set: FileSet, labels: Path) -> None:
    """Hold the labels of a split against the classes of its set.

    Raises:
        DataDamaged: a label is foreign, or a class has no image.
        OSError: the file cannot be read.
    """
    low, high = file_set.labels
    counts = np.bincount(read_idx(labels), minlength=high + 1)
    foreign = [label for label in np.flatnonzero(counts) if not low <= label <= high]
    if foreign:
        raise DataDamaged(f"{labels}: label {foreign[0]} is not one of {low} to {high}")
    absent = [label for label in range(low, high + 1) if not counts[label]]
    if absent:
        raise DataDamaged(f"{labels}: no image of class {', '.join(map(str, absent))}")


def check_enough(file_set: FileSet, paths: dict[str, Path], split: SplitName, wanted: int) -> None:
    """See that a number of images can be chosen from a split, stratified by class.

    Args:
        file_set: a set of IDX files that were found to be right.
        paths: where each lies, by its name.
        split: one of its splits.
        wanted: images to choose. A choice that is not all leaves an image of each class, too.

    Raises:
        DataDamaged: there are too few, or too few of a class.
        OSError: the file cannot be read.
    """
    path = paths[file_set.file(split, "labels").name]
    low, high = file_set.labels
    counts = np.bincount(read_idx(path), minlength=high + 1)[low:]
    check_choice(str(path), counts, wanted)


def _opened(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if compressed else path.open("rb")


def _header(path: Path, stream: io.BufferedIOBase) -> IdxHeader:
    start = _read(path, stream, 4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise DataDamaged(f"{path}: is not an IDX file")
    kind, rank = start[2], start[3]
    if kind != _UNSIGNED_BYTES:
        raise DataDamaged(f"{path}: holds values of type 0x{kind:02x}, not bytes (0x08)")
    if not 1 <= rank <= 4:
        raise DataDamaged(f"{path}: has {rank} dimensions, not 1 to 4")
    sizes = _read(path, stream, 4 * rank)
    if len(sizes) < 4 * rank:
        raise DataDamaged(f"{path}: ends inside its header")
    header = IdxHeader(struct.unpack(f">{rank}I", sizes))
    if math.prod(header.shape) > _MOST_VALUES or 0 in header.shape:
        raise DataDamaged(f"{path}: says it is {'x'.join(map(str, header.shape))} bytes")
    return header


def _items(path: Path, stream: io.BufferedIOBase, header: IdxHeader) -> Iterator[NDArray[np.uint8]]:
    """Yield all items in parts [n, ...]; exhausted only if the file ends where it should."""
    per_part = max(1, _CHUNK // header.item)
    left = header.shape[0]
    while left:
        count = min(left, per_part)
        part = _read(path, stream, count * header.item)
        if len(part) < count * header.item:
            there = header.shape[0] - left + len(part) // header.item
            raise DataDamaged(f"{path}: is cut short after {there} of {header.shape[0]} items")
        yield np.frombuffer(part, np.uint8).reshape(count, *header.shape[1:])
        left -= count
    # Reading past the end is also what makes gzip compare its checksum.
    if _read(path, stream, 1):
        raise DataDamaged(f"{path}: has bytes behind its {header.shape[0]} items")


def _read(path: Path, stream: io.BufferedIOBase, count: int) -> bytes:
    try:
        return stream.read(count)
    except EOFError:
        raise DataDamaged(f"{path}: is cut short") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataDamaged(f"{path}: is damaged ({error})") from None
