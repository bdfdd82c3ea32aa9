"""A folder of images: one folder for each task, in it one for each class.

PATH/task/class/image.png                     split by fraction
PATH/task/train/class/..., PATH/task/test/class/...       split given, by task
PATH/train/task/class/..., PATH/test/task/class/...       split given, for all tasks
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shareconsole.errors import DataDamaged
from shareconsole.files.image_sets import Frame, Look, frame_of, read_set
from shareconsole.files.images import FORMATS, is_image
from shareconsole.files.own import (
    MAX_TASKS,
    OwnSplit,
    Survey,
    check_counts,
    check_name,
    check_same_classes,
    listed,
    num_test,
    require_folder,
    split_labels,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import DirEntry

    from numpy.typing import NDArray

_SIDES = {"train", "test"}

Classes = dict[str, list[Path]]
"""Class -> its images, both sorted by name."""


@dataclass(frozen=True)
class FolderTask:
    """The images of a task; ``test`` is None where they are still to be split."""

    name: str
    train: Classes
    test: Classes | None

    @property
    def sides(self) -> tuple[Classes, ...]:
        """What there is of training and test images."""
        return (self.train,) if self.test is None else (self.train, self.test)


@dataclass(frozen=True, kw_only=True)
class FolderSurvey(Survey):
    """A folder that was looked over."""

    root: Path
    tasks: tuple[FolderTask, ...]
    frame: Frame
    test_fraction: float
    split_seed: int

    def read(self) -> tuple[OwnSplit, OwnSplit]:
        """Return both splits, decoded; see ``Survey.read``."""
        sets = {
            f"{task.name}/{side}": [path for paths in classes.values() for path in paths]
            for task in self.tasks
            for side, classes in enumerate(task.sides)
        }
        decoded = read_set(f"folder {self.root}", sets, self.frame)
        train, test = [], []
        for task in self.tasks:
            images = [decoded[f"{task.name}/{side}"] for side in range(len(task.sides))]
            labels = [_labels(classes) for classes in task.sides]
            if task.test is None:
                parts = split_labels(
                    labels[0], tuple(task.train), self.test_fraction, self.split_seed, task.name
                )
                images, labels = [images[0][p] for p in parts], [labels[0][p] for p in parts]
            train.append((images[0], labels[0]))
            test.append((images[1], labels[1]))
        first, second = (
            OwnSplit(tuple(x for x, _ in part), tuple(y for _, y in part)) for part in (train, test)
        )
        return first, second


def survey_folder(root: Path, look: Look, test_fraction: float, split_seed: int) -> FolderSurvey:
    """Look over a folder of images: every name, and one header for each class.

    Args:
        root: the folder.
        look: how the images are wanted.
        test_fraction: share of each class for testing, where no test images are given.
        split_seed: seed of that choice.

    Raises:
        DataMissing: A folder is not there or cannot be read.
        DataDamaged: The layout is another one, a class is empty or absent from a split, or images
            differ in size.
    """
    require_folder(root)
    tasks = tuple(_tasks(root))
    train_images, test_images, rarest = [], [], []
    for task in tasks:
        check_name(task.name, "task", root)
        counts = {name: len(paths) for name, paths in task.train.items()}
        check_counts(counts, f"task {task.name}", root, least=2 if task.test is None else 1)
        if task.test is None:
            tested = sum(num_test(count, test_fraction) for count in counts.values())
            kept = [count - num_test(count, test_fraction) for count in counts.values()]
        else:
            check_same_classes(task.train, task.test, f"task {task.name}", root)
            tested = sum(map(len, task.test.values()))
            kept = list(counts.values())
        train_images.append(sum(kept))
        test_images.append(tested)
        rarest.append(min(kept))
    samples = (paths[0] for task in tasks for side in task.sides for paths in side.values())
    frame = frame_of(samples, look)
    return FolderSurvey(
        task_names=tuple(task.name for task in tasks),
        class_names=tuple(tuple(task.train) for task in tasks),
        input_shape=frame.shape,
        train_images=tuple(train_images),
        test_images=tuple(test_images),
        rarest=min(rarest),
        root=root,
        tasks=tasks,
        frame=frame,
        test_fraction=test_fraction,
        split_seed=split_seed,
    )


def _tasks(root: Path) -> Iterator[FolderTask]:
    folders = _folders(root, "tasks")
    if len(folders) > MAX_TASKS:
        raise DataDamaged(f"{root}: has {len(folders):,} folders, more than {MAX_TASKS:,} tasks")
    if _is_split(root, folders):
        train, test = (_by_name(_folders(root / side, "tasks")) for side in ("train", "test"))
        unpaired = train.keys() ^ test.keys()
        if unpaired:
            raise DataDamaged(f"{root}: task {min(unpaired)} is not in both train and test")
        for name in train:
            yield FolderTask(name, _classes(train[name]), _classes(test[name]))
        return
    for folder in folders:
        path = Path(folder.path)
        if _is_split(path, _folders(path, "classes")):
            yield FolderTask(folder.name, _classes(path / "train"), _classes(path / "test"))
        else:
            yield FolderTask(folder.name, _classes(path), None)


def _is_split(path: Path, folders: list[DirEntry[str]]) -> bool:
    """Tell whether a folder is divided into train and test.

    Raises:
        DataDamaged: It is, but there is something beside these two.
    """
    names = {folder.name for folder in folders}
    if {name.lower() for name in names} == _SIDES != names:
        spelt = " and ".join(f"{name}/" for name in sorted(names, reverse=True))
        raise DataDamaged(f"{path}: train/ and test/ are written in small letters, not {spelt}")
    if "train" not in names or names == {"train"}:
        return False
    if names != _SIDES:
        others = ", ".join(sorted(names - _SIDES))
        raise DataDamaged(f"{path}: beside train/ only test/ is known, not {others}")
    return True


def _folders(path: Path, what: str) -> list[DirEntry[str]]:
    """Return the folders in a folder, of which there is at least one and no image beside it."""
    folders, files = listed(path)
    images = [file.name for file in files if is_image(file.name)]
    if images or not folders:
        found = f"image {images[0]}" if images else "no folder"
        raise DataDamaged(
            f"{path}: {found} where a folder for each of the {what} is expected "
            "(PATH/task/class/image)"
        )
    return folders


def _by_name(folders: list[DirEntry[str]]) -> dict[str, Path]:
    return {folder.name: Path(folder.path) for folder in folders}


def _classes(path: Path) -> Classes:
    classes = {}
    for folder in _folders(path, "classes"):
        name = check_name(folder.name, "class", path)
        inside, files = listed(Path(folder.path))
        if inside:
            raise DataDamaged(f"{folder.path}: folder {inside[0].name} where images are expected")
        classes[name] = [Path(file.path) for file in files if is_image(file.name)]
        if not classes[name]:
            raise DataDamaged(f"{folder.path}: holds no image ({', '.join(sorted(FORMATS))})")
    return classes


def _labels(classes: Classes) -> NDArray[np.int64]:
    counts = [len(paths) for paths in classes.values()]
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)
