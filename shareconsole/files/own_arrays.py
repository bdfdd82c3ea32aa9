"""Arrays of the user's own: one .npz for each task, or one folder of .npy for each task.

PATH/task.npz               with arrays images and labels, or train_images, train_labels,
                            test_images and test_labels; x, y, x_train ... mean the same
PATH/task/images.npy        the same names, one file each
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shareconsole.errors import DataDamaged
from shareconsole.files.labelled import LabelledTask, divide, survey_tasks
from shareconsole.files.npy import ArrayFile, arrays_in_folder, arrays_in_npz
from shareconsole.files.own import OwnSplit, Survey, listed, require_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Channels = Literal["auto", "first", "last"]

# (training or all images, their labels), then (test images, their labels) where a split is given.
_SPELLINGS = (
    (("images", "labels"),),
    (("x", "y"),),
    (("train_images", "train_labels"), ("test_images", "test_labels")),
    (("x_train", "y_train"), ("x_test", "y_test")),
)
_NAMES = ", or ".join(
    ", ".join(name for pair in spelling for name in pair) for spelling in _SPELLINGS
)


@dataclass(frozen=True)
class ArraySide:
    """Images and labels of one side of a task."""

    images: ArrayFile
    labels: ArrayFile


@dataclass(frozen=True, kw_only=True)
class ArraysSurvey(Survey):
    """Arrays that were looked over."""

    tasks: tuple[LabelledTask[ArraySide], ...]
    channels_last: bool
    test_fraction: float
    split_seed: int

    def read(self) -> tuple[OwnSplit, OwnSplit]:
        """Return both splits; see ``Survey.read``."""
        return divide(self.tasks, self._images, self.test_fraction, self.split_seed)

    def _images(self, side: ArraySide) -> NDArray[Any]:
        """Images of one side, [N, C, H, W] uint8 or float32."""
        values = side.images.read()
        if values.ndim == 3:
            values = values[:, None]
        elif self.channels_last:
            values = values.transpose(0, 3, 1, 2)
        if values.dtype.kind == "b":
            values = values.astype(np.uint8) * np.uint8(255)
        elif values.dtype.kind == "f":
            with np.errstate(over="ignore"):  # what is too large is told below
                values = values.astype(np.float32)
            if not np.isfinite(values).all():
                at = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))[0])
                raise DataDamaged(f"{side.images.where}: image {at} has values that are no numbers")
        return np.ascontiguousarray(values)


def survey_arrays(
    root: Path, channels: Channels, test_fraction: float, split_seed: int
) -> ArraysSurvey:
    """Look over a folder of arrays: headers of images, and all labels.

    Args:
        root: the folder.
        channels: which dimension of [N, ?, ?, ?] has the channels; "auto" goes by their number.
        test_fraction: share of each class for testing, where no test images are given.
        split_seed: seed of that choice.

    Raises:
        DataMissing: A file or folder is not there or cannot be read.
        DataDamaged: Arrays are missing, damaged, of other types or shapes than can be learned from.
    """
    require_folder(root)
    found = [
        LabelledTask.of(name, root, [_labels(side) for side in sides], sides)
        for name, sides in _sides(root)
    ]
    counts = survey_tasks(root, found, test_fraction)
    first = found[0].sides[0].images
    last = _channels_last(first, channels)
    shape = _image_shape(first, last)
    numbers = _is_number(first)
    for task in found:
        for side in task.sides:
            images = side.images
            if _image_shape(images, last) != shape or _is_number(images) != numbers:
                raise DataDamaged(
                    f"{images.where} is {_described(images)} and {first.where} "
                    f"{_described(first)}; all tasks need images of one size and type"
                )
    return ArraysSurvey(
        **counts,
        input_shape=shape,
        bytes_per_pixel=0 if numbers else 1,
        tasks=tuple(found),
        channels_last=last,
        test_fraction=test_fraction,
        split_seed=split_seed,
    )


def _sides(root: Path) -> Iterator[tuple[str, list[ArraySide]]]:
    folders, files = listed(root)
    sources: dict[str, tuple[Path, dict[str, ArrayFile]]] = {}
    for file in files:
        path = Path(file.path)
        if path.suffix == ".npz":
            sources[path.stem] = (path, arrays_in_npz(path))
        elif path.suffix == ".npy":
            raise DataDamaged(f"{path}: a task's .npy files belong into a folder with its name")
    for folder in folders:
        path = Path(folder.path)
        names = [Path(file.name).stem for file in listed(path)[1] if file.name.endswith(".npy")]
        if folder.name in sources:
            raise DataDamaged(f"{path}: {folder.name}.npz is there as well")
        sources[folder.name] = (path, arrays_in_folder(path, names))
    if not sources:
        raise DataDamaged(f"{root}: holds no .npz file and no folder of .npy files")
    for name in sorted(sources):
        path, arrays = sources[name]
        fitting = [s for s in _SPELLINGS if all(n in arrays for pair in s for n in pair)]
        if len(fitting) != 1:
            there = ", ".join(sorted(arrays)) or "none"
            raise DataDamaged(f"{path}: arrays {_NAMES} are expected; found: {there}")
        yield name, [ArraySide(arrays[x], arrays[y]) for x, y in fitting[0]]


def _labels(side: ArraySide) -> list[str]:
    """Labels of one side as the names of classes."""
    images, labels = side.images, side.labels
    if labels.dtype.kind not in "iuU" or len(labels.shape) != 1:
        raise DataDamaged(
            f"{labels.where}: is {_described(labels)}; labels are a list of integers or of texts"
        )
    if labels.shape != images.shape[:1]:
        raise DataDamaged(
            f"{labels.where}: has {labels.shape[0]:,} labels for "
            f"{images.shape[0] if images.shape else 0:,} images"
        )
    return [str(label) for label in labels.read().tolist()]


def _channels_last(images: ArrayFile, channels: Channels) -> bool:
    if channels != "auto" or len(images.shape) != 4:
        return channels == "last"
    first, last = (images.shape[i] in (1, 3, 4) for i in (1, 3))
    if first == last:
        raise DataDamaged(
            f'{images.where}: is {_described(images)}; say with channels = "first" or "last" '
            "which dimension the channels are"
        )
    return last


def _image_shape(images: ArrayFile, channels_last: bool) -> tuple[int, int, int]:
    if images.dtype.kind not in "bf" and images.dtype != np.uint8:
        raise DataDamaged(
            f"{images.where}: is {_described(images)}; images are uint8 (0 to 255), bool or float"
        )
    if len(images.shape) not in (3, 4) or 0 in images.shape:
        raise DataDamaged(
            f"{images.where}: is {_described(images)}; images are [N, H, W], [N, C, H, W] or "
            "[N, H, W, C]"
        )
    if len(images.shape) == 3:
        return 1, images.shape[1], images.shape[2]
    _, a, b, c = images.shape
    return (c, a, b) if channels_last else (a, b, c)


def _is_number(images: ArrayFile) -> bool:
    return images.dtype.kind == "f"


def _described(array: ArrayFile) -> str:
    return f"{array.dtype} {list(array.shape)}"
