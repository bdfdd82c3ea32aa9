"""The python archives of CIFAR-10 and CIFAR-100, read without running anything that is in them.

The archives hold pickles. A pickle names functions to call, so this reader calls none: the names
that NumPy arrays are pickled under lead to stand-ins that only keep what they are given, every
other name is refused, and arrays are made from the kept bytes afterwards.
"""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shareconsole.errors import DataDamaged
from shareconsole.files.choice import check_choice
from shareconsole.files.record import FileSet, SplitName

# The largest member there is holds 50,000 images of 3,072 bytes, labels and file names.
_MOST_BYTES = 2**28
_PIXELS = (3, 32, 32)
_PIXEL_BYTES = 3 * 32 * 32

# Members of each archive that hold a split.
_MEMBERS: dict[str, dict[SplitName, tuple[str, ...]]] = {
    "cifar100": {"train": ("cifar-100-python/train",), "test": ("cifar-100-python/test",)},
    "cifar10": {
        "train": tuple(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
        "test": ("cifar-10-batches-py/test_batch",),
    },
}


class CifarImages(NamedTuple):
    """One split.

    Attributes:
        images: [N, 3, 32, 32].
        labels: [N], the fine ones of CIFAR-100.
        coarse: [N] superclass of each image of CIFAR-100; for CIFAR-10 all 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    coarse: NDArray[np.int64]


def read_cifar(file_set: FileSet, paths: dict[str, Path]) -> dict[SplitName, CifarImages]:
    """Return both splits of an archive.

    Args:
        file_set: CIFAR-10 or CIFAR-100.
        paths: where its archive lies, by its name.

    Raises:
        DataDamaged: the archive is cut short, lacks a member, or a member is not what it should be.
        OSError: it cannot be read.
    """
    path = paths[file_set.files[0].name]
    members = _MEMBERS[file_set.name]
    pickles = _extract(path, [name for names in members.values() for name in names])
    splits: dict[SplitName, CifarImages] = {}
    for split, names in members.items():
        parts = [_part(f"{path}: {name}", pickles.pop(name), file_set) for name in names]
        splits[split] = CifarImages(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    return splits


def check_form(file_set: FileSet, paths: dict[str, Path], exact: bool) -> None:
    """Hold an archive against the format, and its labels against the classes.

    Args:
        file_set: CIFAR-10 or CIFAR-100.
        paths: where its archive lies, by its name.
        exact: whether the numbers of images have to be the published ones.

    Raises:
        DataDamaged: something is wrong; the message names the file.
        OSError: it cannot be read.
    """
    path = paths[file_set.files[0].name]
    splits = read_cifar(file_set, paths)
    for split, part in splits.items():
        if exact and len(part.labels) != file_set.count(split):
            raise DataDamaged(
                f"{path} has {len(part.labels):,} {split} images, the published archive "
                f"{file_set.count(split):,}"
            )
        counts = np.bincount(part.labels, minlength=file_set.labels[1] + 1)
        absent = [label for label, count in enumerate(counts) if not count]
        if absent:
            raise DataDamaged(f"{path}: no {split} image of class {', '.join(map(str, absent))}")
    if file_set.name == "cifar100":
        fine_classes(path, splits)


def check_enough(file_set: FileSet, paths: dict[str, Path], wanted: dict[SplitName, int]) -> None:
    """See that numbers of images can be chosen from each superclass, or from all of CIFAR-10.

    Args:
        file_set: CIFAR-10 or CIFAR-100.
        paths: where its archive lies, by its name.
        wanted: images to choose from each superclass, for each split.

    Raises:
        DataDamaged: there are too few, or too few of a class.
        OSError: the archive cannot be read.
    """
    splits = read_cifar(file_set, paths)
    for split, number in wanted.items():
        part = splits[split]
        for group in np.unique(part.coarse):
            labels = part.labels[part.coarse == group]
            where = f"{paths[file_set.files[0].name]}: the {split} images"
            where += f" of superclass {group}" if file_set.name == "cifar100" else ""
            check_choice(where, np.unique(labels, return_counts=True)[1], number)


def fine_classes(path: Path, splits: dict[SplitName, CifarImages]) -> dict[int, NDArray[np.int64]]:
    """Return the fine labels of each superclass, ascending, as the archive itself has them.

    Args:
        path: the archive, for the message.
        splits: both splits of CIFAR-100.

    Raises:
        DataDamaged: a fine label is in two superclasses, or a superclass has not five of them.
    """
    pairs = np.concatenate(
        [np.stack([part.coarse, part.labels], axis=1) for part in splits.values()]
    )
    pairs = np.unique(pairs, axis=0)
    if len(np.unique(pairs[:, 1])) != len(pairs):
        raise DataDamaged(f"{path}: a fine label belongs to two superclasses")
    classes = {int(each): pairs[pairs[:, 0] == each, 1] for each in np.unique(pairs[:, 0])}
    sizes = {each: len(fine) for each, fine in classes.items()}
    if sizes != dict.fromkeys(range(20), 5):
        raise DataDamaged(f"{path}: is not 20 superclasses of five fine labels")
    return classes


def superclass_members(
    part: CifarImages, classes: dict[int, NDArray[np.int64]], superclass: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of a superclass's images, ascending, and their labels in its task, 0 to 4.

    Args:
        part: a split.
        classes: fine labels of each superclass, ascending.
        superclass: its official label.
    """
    members = np.flatnonzero(part.coarse == superclass)
    # As they are ascending, the place of a fine label is its new name.
    return members, np.searchsorted(classes[superclass], part.labels[members])


def _extract(path: Path, names: list[str]) -> dict[str, bytes]:
    """Return the members called ``names``; sizes are looked at before anything is inflated."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                if member.size > _MOST_BYTES:
                    raise DataDamaged(f"{path}: {member.name!r} says it has {member.size:,} bytes")
                if member.name not in names:
                    continue
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or member.name in found:
                    raise DataDamaged(f"{path}: {member.name} is not one plain file")
                found[member.name] = content.read()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataDamaged(f"{path}: is cut short or no .tar.gz archive ({error})") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DataDamaged(f"{path}: lacks {', '.join(missing)}")
    return found


class _PickledArray:
    """What a pickle says of an array: (version, shape, type, column-major, bytes)."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _PickledType:
    """What a pickle says of a type of numbers."""

    def __init__(self, name: Any = None, *flags: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Byte order and fields mean nothing for single bytes."""


def _new_array(*ignored: Any) -> _PickledArray:
    return _PickledArray()


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledType,
}


class _Reader(pickle.Unpickler):
    """Knows containers, numbers and texts, and the four names above."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a name; there is no other."""
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _STAND_INS[module, name]


def _part(where: str, content: bytes, file_set: FileSet) -> CifarImages:
    try:
        # The archives were written by Python 2, whose texts come back as bytes.
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a pickle that is not ours can raise anything at all
        raise DataDamaged(f"{where}: cannot be read ({error})") from None
    if not isinstance(batch, dict):
        raise DataDamaged(f"{where}: is not a table of images and labels")
    images = _images(where, _entry(where, batch, "data"))
    fine = "fine_labels" if file_set.name == "cifar100" else "labels"
    labels = _labels(where, _entry(where, batch, fine), len(images), file_set.labels[1])
    coarse = np.zeros_like(labels)
    if file_set.name == "cifar100":
        coarse = _labels(where, _entry(where, batch, "coarse_labels"), len(images), 19)
    return CifarImages(images, labels, coarse)


def _entry(where: str, batch: dict[Any, Any], key: str) -> Any:
    for spelling in (key.encode(), key):
        if spelling in batch:
            return batch[spelling]
    raise DataDamaged(f"{where}: has no {key}")


def _images(where: str, found: Any) -> NDArray[np.uint8]:
    match found.state if isinstance(found, _PickledArray) else None:
        case (_, (int(count), int(pixels)), _PickledType(name=b"u1" | "u1"), 0 | False, bytes(raw)):
            if count > 0 and pixels == _PIXEL_BYTES and len(raw) == count * pixels:
                return np.frombuffer(raw, np.uint8).reshape(count, *_PIXELS)
    raise DataDamaged(f"{where}: its images are not rows of {_PIXEL_BYTES:,} bytes")


def _labels(where: str, found: Any, count: int, highest: int) -> NDArray[np.int64]:
    if not isinstance(found, list) or len(found) != count:
        raise DataDamaged(f"{where}: has not one label for each of its {count:,} images")
    if not all(type(label) is int and 0 <= label <= highest for label in found):
        raise DataDamaged(f"{where}: has a label that is not 0 to {highest}")
    return np.array(found, np.int64)
