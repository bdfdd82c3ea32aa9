"""CelebA: a zip of aligned faces, a table of their attributes, a table of the published split.

    img_align_celeba.zip      img_align_celeba/000001.jpg, 218 rows of 178 pixels in colour
    list_attr_celeba.txt      number of images; 40 names; then 000001.jpg and forty times 1 or -1
    list_eval_partition.txt   000001.jpg and 0 (train), 1 (validation) or 2 (test)

Liu, Luo, Wang and Tang 2015, Deep Learning Face Attributes in the Wild, ICCV.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import Image

from shareconsole.errors import DataDamaged
from shareconsole.files.celeba_attributes import ATTRIBUTES, COLUMNS, PARTS, ROWS
from shareconsole.files.decoded import announce, decoded
from shareconsole.files.images import UNREADABLE
from shareconsole.files.zips import check_plain, content, files_in, opened, sha256

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from shareconsole.files.record import FileSet

FACES = "img_align_celeba.zip"
LABELS = "list_attr_celeba.txt"
SPLIT = "list_eval_partition.txt"
MAX_MEMBERS = 250_000
# The faces are some 7 KB each.
MAX_MEMBER_BYTES = 512 * 1024
_FACE = re.compile(r"img_align_celeba/(\d{6}\.jpg)", re.ASCII)
_SIGNS = {"1": 1, "-1": 0}
# Pixels a side, to decode faces that nobody looks at.
_LITTLE = 8
# Changed whenever the cached arrays would come out otherwise.
_VERSION = 1


class Listing(NamedTuple):
    """Images of one part, in the order of the table.

    Attributes:
        names: N file names.
        labels: [N, 40], 1 where an image has the attribute, in the order of ``ATTRIBUTES``.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]


def read_listing(paths: Mapping[str, Path]) -> dict[str, Listing]:
    """Return what both tables say, for each part of the published split.

    Args:
        paths: where each file lies, by its name.

    Raises:
        DataDamaged: A table is not what it should be, or they do not fit each other.
        OSError: One cannot be read.
    """
    parts = _read_split(paths[SPLIT])
    path = paths[LABELS]
    lines = _lines(path)
    number_of_images, attributes = (next(lines, (0, []))[1] for _ in range(2))
    if len(number_of_images) != 1 or tuple(attributes) != ATTRIBUTES:
        raise DataDamaged(f"{path}: does not begin with a number and the names of 40 attributes")
    names: list[list[str]] = [[] for _ in PARTS]
    labels: list[list[list[int]]] = [[] for _ in PARTS]
    seen: set[str] = set()
    for number, (name, *cells) in lines:
        where = f"{path}, line {number}"
        try:
            row = [_SIGNS[cell] for cell in cells]
        except KeyError as error:
            raise DataDamaged(f"{where}: {error.args[0][:20]!r} is neither 1 nor -1") from None
        if len(row) != len(ATTRIBUTES):
            raise DataDamaged(f"{where}: has {len(row)} labels, not {len(ATTRIBUTES)}")
        if name in seen:
            raise DataDamaged(f"{where}: {name[:20]} was in a line before")
        if name not in parts:
            raise DataDamaged(f"{where}: {name[:20]} is not in {paths[SPLIT]}")
        seen.add(name)
        names[parts[name]].append(name)
        labels[parts[name]].append(row)
    if number_of_images != [str(len(seen))]:
        promised = number_of_images[0][:20]
        raise DataDamaged(f"{path}: its first line is {promised}, but it has {len(seen):,} images")
    if len(parts) != len(seen):
        absent = next(name for name in parts if name not in seen)
        raise DataDamaged(f"{path}: lacks {absent}, which is in {paths[SPLIT]}")
    return {
        part: Listing(tuple(names[i]), np.array(labels[i], np.int64).reshape(-1, len(ATTRIBUTES)))
        for i, part in enumerate(PARTS)
    }


def read_faces(
    paths: Mapping[str, Path],
    names: Mapping[str, Sequence[str]],
    size: int,
    parts: Collection[str] | None = None,
) -> dict[str, NDArray[np.uint8]]:
    """Return faces of each part, from the cache if these very ones were decoded before.

    Args:
        paths: where each file lies, by its name.
        names: of the images of each part, in the order in which they are wanted. Every choice is
            kept by itself, so that a few images do not take the memory of all.
        size: pixels a side that they are resized to, each new pixel the mean of the old ones under
            it; 0 leaves them as they are.
        parts: which ones to return, all if None; with none they are only decoded if need be.

    Returns:
        [N, 3, rows, columns] of each part.

    Raises:
        DataDamaged: The zip is not what it should be, lacks an image, or one cannot be decoded.
        OSError: It cannot be read.
    """
    lines = "\n".join(f"{part} {name}" for part in PARTS for name in names[part])
    order = hashlib.sha256(lines.encode()).hexdigest()
    return decoded(
        f"celeba {size} {order} {_VERSION}",
        sha256(paths[FACES]),
        lambda: _decode_all(paths[FACES], names, size),
        parts,
    )


def check_form(file_set: FileSet, paths: Mapping[str, Path], exact: bool) -> None:
    """Hold the tables and the zip's checksums against one another; pixels are left to decoding.

    Args:
        file_set: CelebA's.
        paths: where each file lies, by its name.
        exact: whether the numbers of images have to be the published ones.

    Raises:
        DataDamaged: Something is wrong; the message names the file.
        OSError: One cannot be read.
    """
    del file_set
    listing = read_listing(paths)
    for part, images in listing.items():
        if exact and len(images.names) != PARTS[part]:
            raise DataDamaged(
                f"{paths[SPLIT]} has {len(images.names):,} {part} images, the published one "
                f"{PARTS[part]:,}"
            )
    path = paths[FACES]
    with opened(path) as archive:
        index = _index(archive, path)
        for images in listing.values():
            for name in images.names:
                content(archive, path, _member(index, path, name))


def check_pixels(paths: Mapping[str, Path]) -> None:
    """Decode every face; the cache is neither asked nor written.

    Raises:
        DataDamaged: One cannot be decoded.
    """
    listing = read_listing(paths)
    names = {part: each.names for part, each in listing.items()}
    _decode_all(paths[FACES], names, _LITTLE)


def choose(
    paths: Mapping[str, Path], numbers: Mapping[str, int | Literal["all"]], seed: int
) -> dict[str, Listing]:
    """Return the images of each part that are used, in the order of the table.

    Args:
        paths: where each file lies, by its name.
        numbers: how many are wanted of each part; "all" that are there.
        seed: of the choice.

    Raises:
        DataDamaged: There are fewer, or a table is not what it should be.
        OSError: One cannot be read.
    """
    chosen = {}
    for place, (part, listing) in enumerate(read_listing(paths).items()):
        number, there = numbers[part], len(listing.names)
        if number == "all":
            chosen[part] = listing
            continue
        if number > there:
            raise DataDamaged(
                f"{paths[SPLIT]}: {number:,} {part} images are wanted, {there:,} are there"
            )
        rows = np.sort(np.random.default_rng((seed, place)).permutation(there)[:number])
        chosen[part] = Listing(tuple(listing.names[row] for row in rows), listing.labels[rows])
    return chosen


def check_classes(
    paths: Mapping[str, Path], chosen: Mapping[str, Listing], attributes: Sequence[str]
) -> None:
    """See that in each part some of the images that are used have an attribute, and some not.

    Args:
        paths: where each file lies, by its name, for messages.
        chosen: the images of each part that are used.
        attributes: that are tasks.

    Raises:
        DataDamaged: It is not so.
    """
    for part, (names, labels) in chosen.items():
        if not names:
            raise DataDamaged(f"{paths[SPLIT]}: has no {part} image")
        counts = labels.sum(axis=0).tolist()
        for name in attributes:
            count = counts[ATTRIBUTES.index(name)]
            if count in (0, len(names)):
                which = "every one" if count else "none"
                raise DataDamaged(
                    f"{paths[LABELS]}: {which} of the {len(names):,} {part} images in use has the "
                    f"attribute {name}"
                )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of each line that has any."""
    with path.open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            words = line.split()
            if words:
                yield number, words


def _read_split(path: Path) -> dict[str, int]:
    """Return the number of the part of each image."""
    numbers = {str(i): i for i in range(len(PARTS))}
    parts: dict[str, int] = {}
    for line, words in _lines(path):
        if len(words) != 2 or words[1] not in numbers:
            raise DataDamaged(f"{path}, line {line}: is not an image and 0, 1 or 2")
        if words[0] in parts:
            raise DataDamaged(f"{path}, line {line}: {words[0][:20]} was in a line before")
        parts[words[0]] = numbers[words[1]]
    return parts


def _index(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their file names, judged by the zip's directory alone."""
    index: dict[str, zipfile.ZipInfo] = {}
    for member in files_in(archive, path, MAX_MEMBERS):
        match = _FACE.fullmatch(member.filename)
        if match is None:
            raise DataDamaged(f"{path}: {member.filename} is not where CelebA has a face")
        check_plain(path, member, MAX_MEMBER_BYTES, "a face")
        if match[1] in index:
            raise DataDamaged(f"{path}: {member.filename} is there twice")
        index[match[1]] = member
    return index


def _member(index: Mapping[str, zipfile.ZipInfo], path: Path, name: str) -> zipfile.ZipInfo:
    member = index.get(name)
    if member is None:
        raise DataDamaged(f"{path}: lacks {name}")
    return member


def _decode_all(
    path: Path, names: Mapping[str, Sequence[str]], size: int
) -> dict[str, NDArray[np.uint8]]:
    announce(sum(map(len, names.values())))
    with opened(path) as archive:
        index = _index(archive, path)
        members = {
            part: [_member(index, path, name) for name in each] for part, each in names.items()
        }
        return {part: _decode_part(archive, path, each, size) for part, each in members.items()}


def _decode_part(
    archive: zipfile.ZipFile, path: Path, members: Sequence[zipfile.ZipInfo], size: int
) -> NDArray[np.uint8]:
    rows, columns = (size, size) if size else (ROWS, COLUMNS)
    images = np.empty((len(members), 3, rows, columns), np.uint8)
    for image, member in zip(images, members, strict=True):
        packed = content(archive, path, member)
        try:
            with Image.open(io.BytesIO(packed), formats=["JPEG"]) as face:
                if face.size != (COLUMNS, ROWS):
                    raise DataDamaged(
                        f"{path}: {member.filename} has {face.width}x{face.height} pixels, not "
                        f"{COLUMNS}x{ROWS}"
                    )
                colour = face.convert("RGB")
        except UNREADABLE as error:
            raise DataDamaged(f"{path}: {member.filename} cannot be decoded: {error}") from None
        if size:
            colour = colour.resize((columns, rows), Image.Resampling.BOX)
        image[...] = np.asarray(colour).transpose(2, 0, 1)
    return images
