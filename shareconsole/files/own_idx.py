"""IDX files of the user's own, the format of MNIST.

    PATH/task/train-images-idx3-ubyte.gz      with train-labels-idx1-ubyte.gz, and t10k- or test-
                                              for the test images where they are given
    PATH/task-train-images-idx3-ubyte.gz      the same, all tasks in one folder
    PATH/task/images-idx3-ubyte               no train- or test-: split by fraction

All may be compressed with gzip or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.errors import DataDamaged
from shareconsole.files.idx import read_header, read_idx
from shareconsole.files.labelled import LabelledTask, divide, survey_tasks
from shareconsole.files.own import OwnSplit, Survey, listed, reading, require_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAME = re.compile(
    r"(?:(?P<task>.+?)[-_.])??(?:(?P<side>train|test|t10k)[-_.])?(?P<role>images|labels)"
    r"[-_.]idx[13]-ubyte(?:\.gz)?"
)
_SIDES = {"train": "train", "test": "test", "t10k": "test", None: ""}


@dataclass(frozen=True)
class IdxSide:
    """Images and labels of one side of a task."""

    images: Path
    labels: Path


@dataclass(frozen=True, kw_only=True)
class IdxSurvey(Survey):
    """IDX files that were looked over."""

    tasks: tuple[LabelledTask[IdxSide], ...]
    test_fraction: float
    split_seed: int

    def read(self) -> tuple[OwnSplit, OwnSplit]:
        """Return both splits; see ``Survey.read``."""
        return divide(self.tasks, _images, self.test_fraction, self.split_seed)


def survey_idx(root: Path, test_fraction: float, split_seed: int) -> IdxSurvey:
    """Look over a folder of IDX files: headers of images, and all labels.

    Args:
        root: the folder.
        test_fraction: share of each class for testing, where no test images are given.
        split_seed: seed of that choice.

    Raises:
        DataMissing: A file or folder is not there or cannot be read.
        DataDamaged: A file is missing its counterpart, damaged, or images differ in size.
    """
    require_folder(root)
    sides = _sides(root)
    if not sides:
        raise DataDamaged(
            f"{root}: holds no IDX files, such as TASK/train-images-idx3-ubyte.gz or "
            "TASK-images-idx3-ubyte"
        )
    tasks = [
        LabelledTask.of(name, root, [_labels(side) for side in sides[name]], sides[name])
        for name in sorted(sides)
    ]
    counts = survey_tasks(root, tasks, test_fraction)
    first = tasks[0].sides[0].images
    shape = _shape(first)
    for task in tasks:
        for side in task.sides:
            here = _shape(side.images)
            if here[1:] != shape[1:]:
                raise DataDamaged(
                    f"{side.images} has images of {here[1]}x{here[2]} pixels and {first} of "
                    f"{shape[1]}x{shape[2]}; all tasks need images of one size"
                )
    return IdxSurvey(
        **counts,
        input_shape=(1, shape[1], shape[2]),
        tasks=tuple(tasks),
        test_fraction=test_fraction,
        split_seed=split_seed,
    )


def _sides(root: Path) -> dict[str, list[IdxSide]]:
    """Return the files of each task: one side, or training and test."""
    folders, files = listed(root)
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for folder in folders:
        for file in listed(Path(folder.path))[1]:
            _sort_in(found, Path(file.path), folder.name)
    for file in files:
        _sort_in(found, Path(file.path), None)
    sides = {}
    for task, parts in found.items():
        present = {side for side, _ in parts}
        if present not in ({""}, {"train", "test"}):
            given = " and ".join(sorted(side or "undivided" for side in present))
            raise DataDamaged(
                f"{root}: task {task} has {given} files; train and test, or neither, are expected"
            )
        for side in present:
            for role in ("images", "labels"):
                if (side, role) not in parts:
                    other = next(path for key, path in parts.items() if key[0] == side)
                    raise DataDamaged(f"{other}: task {task} has no {role} that belong to it")
        sides[task] = [
            IdxSide(parts[side, "images"], parts[side, "labels"])
            for side in ("train", "test", "")
            if side in present
        ]
    return sides


def _sort_in(found: dict[str, dict[tuple[str, str], Path]], path: Path, folder: str | None) -> None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return
    task = folder or match["task"]
    if task is None:
        raise DataDamaged(f"{path}: no task's name in front, and not in a folder with one")
    key = _SIDES[match["side"]], match["role"]
    other = found.setdefault(task, {}).setdefault(key, path)
    if other != path:
        raise DataDamaged(f"{path}: {other} is the {' '.join(key).strip()} of task {task} already")


def _images(side: IdxSide) -> NDArray[np.uint8]:
    with reading(side.images):
        return read_idx(side.images)[:, None]


def _labels(side: IdxSide) -> list[str]:
    with reading(side.labels):
        labels = read_idx(side.labels)
    if labels.ndim != 1:
        raise DataDamaged(f"{side.labels}: has {labels.ndim} dimensions, labels have 1")
    images = _shape(side.images)[0]
    if len(labels) != images:
        raise DataDamaged(f"{side.labels}: has {len(labels):,} labels for {images:,} images")
    return [str(label) for label in labels.tolist()]


def _shape(images: Path) -> tuple[int, ...]:
    with reading(images):
        shape = read_header(images).shape
    if len(shape) != 3:
        raise DataDamaged(f"{images}: has {len(shape)} dimensions, images have 3 (N, H, W)")
    return shape
