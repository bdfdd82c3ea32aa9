"""Data of the user's own: what every way to lay it out has in common.

A survey looks at names, headers and labels only, so that a preset can be checked and its size
predicted at once. Reading decodes every image, and is where a damaged one is found.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

NO_LABEL = -1
"""Label of an image that a task does not label."""

MAX_TASKS = 1000
MAX_CLASSES = 100_000
_MAX_NAME = 100


@dataclass(frozen=True)
class OwnSplit:
    """Images and labels of one split.

    Attributes:
        images: [N_t, C, H, W] of each task, or a single [N, C, H, W] that all tasks label; uint8
            in 0..255 or float32.
        labels: [N_t] int64 of each task.
    """

    images: tuple[NDArray[Any], ...]
    labels: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True, kw_only=True)
class Survey(ABC):
    """What there is, known without decoding an image.

    Attributes:
        task_names: T names, sorted or in the order of the file.
        class_names: of each task; a class is known by its place in here.
        input_shape: [C, H, W] of one image.
        train_images: per task.
        test_images: per task.
        rarest: training images of the rarest class.
        bytes_per_pixel: 1 for uint8, 0 for numbers.
    """

    task_names: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]
    input_shape: tuple[int, int, int]
    train_images: tuple[int, ...]
    test_images: tuple[int, ...]
    rarest: int
    bytes_per_pixel: int = 1

    @property
    def shared_inputs(self) -> bool:
        """Whether all tasks label the same images."""
        return False

    @abstractmethod
    def read(self) -> tuple[OwnSplit, OwnSplit]:
        """Return the training and the test split, decoded.

        Raises:
            DataMissing: A file has gone since the survey.
            DataDamaged: A file is not what it should be; the message names it.
        """


def require_folder(path: Path) -> None:
    """Refuse a path that is no folder.

    Raises:
        DataMissing: It is none.
    """
    if not path.exists():
        raise DataMissing(f"{path} does not exist")
    if not path.is_dir():
        raise DataMissing(f"{path} is not a folder")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of which file it was that the system refused something.

    Raises:
        DataMissing: In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataMissing(f"{path} cannot be read: {error.strerror or error}") from None


def listed(folder: Path) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]]]:
    """Return folders and regular files in a folder, each sorted by name; links count as their end.

    Hidden ones are left out, as is what an archiver of macOS leaves behind.

    Raises:
        DataMissing: It cannot be read, or something in it is a link to nothing: of a disk that is
            not mounted, for example, which would else be learned without.
    """
    with reading(folder), os.scandir(folder) as entries:
        visible = [e for e in entries if not e.name.startswith(".") and e.name != "__MACOSX"]
        visible.sort(key=lambda entry: entry.name)
        folders = [e for e in visible if e.is_dir()]
        files = [e for e in visible if e.is_file()]
        for entry in visible:
            if entry.is_symlink() and not os.path.exists(entry.path):
                raise DataMissing(f"{entry.path} is a link to {os.readlink(entry.path)}: not there")
        return folders, files


def check_name(name: str, what: str, where: Path) -> str:
    """Return the name of a task or class, if it can be shown and stored.

    Raises:
        DataDamaged: It is empty, too long, or has invisible characters.
    """
    if not 0 < len(name) <= _MAX_NAME or safe_text(name) != name:
        raise DataDamaged(
            f'{where}: "{name[:_MAX_NAME]}" cannot be the name of a {what}: '
            f"1 to {_MAX_NAME} visible characters are needed"
        )
    return name


def check_counts(counts: Mapping[str, int], what: str, where: Path, *, least: int) -> None:
    """Refuse a task that cannot be learned or split.

    Args:
        counts: images of each class.
        what: the task, for the message.
        where: the file or folder it comes from.
        least: images needed of each class: 2 where they are split into training and test.

    Raises:
        DataDamaged: There are fewer than two classes, far too many, or a class is too small.
    """
    if len(counts) < 2:
        raise DataDamaged(f"{where}: {what} has {len(counts) or 'no'} class; it needs two or more")
    if len(counts) > MAX_CLASSES:
        raise DataDamaged(f"{where}: {what} has {len(counts):,} classes, more than {MAX_CLASSES:,}")
    small = [name for name, count in counts.items() if count < least]
    if small:
        has = f"class {small[0]} of {what} has {counts[small[0]]} image"
        more = f" (as have {len(small) - 1} more classes)" if len(small) > 1 else ""
        raise DataDamaged(
            f"{where}: {has}{more}; two are needed, one to train and one to test on"
            if least == 2
            else f"{where}: {has}s{more}"
        )


def check_same_classes(train: Iterable[str], test: Iterable[str], what: str, where: Path) -> None:
    """Refuse a given split in which a class is absent from one side.

    Raises:
        DataDamaged: A class has no training images, or no test images.
    """
    train, test = set(train), set(test)
    for lacking, side in ((test - train, "training"), (train - test, "test")):
        if lacking:
            names = ", ".join(sorted(lacking)[:5])
            raise DataDamaged(f"{where}: {what} has no {side} images of class {names}")


def num_test(count: int, fraction: float) -> int:
    """Return how many of a class's ``count`` >= 2 images are for testing: at least one, not all."""
    return min(max(round(count * fraction), 1), count - 1)


def choose_test(count: int, fraction: float, seed: int, name: str) -> NDArray[np.bool_]:
    """Choose which of a class's images are for testing.

    Args:
        count: images of the class.
        fraction: share for testing.
        seed: the split seed.
        name: of task and class, so that adding a task or class changes no other split.

    Returns:
        [count] bool.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    # The legacy generator: its numbers are promised never to change.
    order = np.random.RandomState(int.from_bytes(digest[:4], "little")).permutation(count)
    chosen = np.zeros(count, bool)
    chosen[order[: num_test(count, fraction)]] = True
    return chosen


def split_labels(
    labels: NDArray[np.int64], class_names: tuple[str, ...], fraction: float, seed: int, task: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide a task's images by class.

    Returns:
        Indices for training and for testing, both ascending.
    """
    test = np.zeros(len(labels), bool)
    for label, name in enumerate(class_names):
        mine = np.flatnonzero(labels == label)
        test[mine] = choose_test(len(mine), fraction, seed, f"{task}/{name}")
    return np.flatnonzero(~test), np.flatnonzero(test)
