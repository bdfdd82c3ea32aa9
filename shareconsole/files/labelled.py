"""Tasks whose labels are a list beside the images: classes, counts and splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

import numpy as np

from shareconsole.errors import DataDamaged
from shareconsole.files.own import (
    MAX_TASKS,
    OwnSplit,
    check_counts,
    check_name,
    check_same_classes,
    num_test,
    split_labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SideT = TypeVar("SideT")


class TaskCounts(TypedDict):
    """The part of a survey that follows from labels alone."""

    task_names: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]
    train_images: tuple[int, ...]
    test_images: tuple[int, ...]
    rarest: int


@dataclass(frozen=True)
class LabelledTask(Generic[SideT]):
    """One task.

    Attributes:
        name: of the task.
        class_names: sorted, by number where all are numbers.
        labels: [N] int64 of all images, or of the training and of the test images.
        sides: where the images of each of these are.
    """

    name: str
    class_names: tuple[str, ...]
    labels: tuple[NDArray[np.int64], ...]
    sides: tuple[SideT, ...]

    @classmethod
    def of(
        cls, name: str, root: Path, labels: Sequence[Sequence[str]], sides: Sequence[SideT]
    ) -> LabelledTask[SideT]:
        """Number the classes of a task.

        Args:
            name: of the task.
            root: for messages.
            labels: class names of all images, or of the training and of the test images.
            sides: where the images of each of these are.

        Raises:
            DataDamaged: A name cannot be used, or a class is absent from a given split.
        """
        check_name(name, "task", root)
        if len(labels) == 2:
            check_same_classes(labels[0], labels[1], f"task {name}", root)
        names = sorted_classes(set(labels[0]))
        for each in names:
            check_name(each, "class", root)
        number = {each: i for i, each in enumerate(names)}
        numbered = tuple(np.array([number[x] for x in side], np.int64) for side in labels)
        return cls(name, names, numbered, tuple(sides))

    def counts(self, side: int) -> NDArray[np.int64]:
        """Images of each class on one side."""
        return np.bincount(self.labels[side], minlength=len(self.class_names))


def sorted_classes(names: set[str]) -> tuple[str, ...]:
    """Return class names in order: by number where all are integers, else by letter."""
    try:
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    except ValueError:
        return tuple(sorted(names))


def survey_tasks(
    root: Path, tasks: Sequence[LabelledTask[Any]], test_fraction: float
) -> TaskCounts:
    """Count the images of each task.

    Args:
        root: for messages.
        tasks: at least one.
        test_fraction: share of each class for testing, where a task has one side only.

    Raises:
        DataDamaged: There are too many tasks, or one cannot be learned or split.
    """
    if len(tasks) > MAX_TASKS:
        raise DataDamaged(f"{root}: has {len(tasks):,} tasks, more than {MAX_TASKS:,}")
    train, test, rarest = [], [], []
    for task in tasks:
        whole = len(task.sides) == 1
        counts = task.counts(0).tolist()
        by_name = dict(zip(task.class_names, counts, strict=True))
        check_counts(by_name, f"task {task.name}", root, least=2 if whole else 1)
        tested = [num_test(n, test_fraction) for n in counts] if whole else task.counts(1).tolist()
        kept = [n - t for n, t in zip(counts, tested, strict=True)] if whole else counts
        train.append(sum(kept))
        test.append(sum(tested))
        rarest.append(min(kept))
    return TaskCounts(
        task_names=tuple(task.name for task in tasks),
        class_names=tuple(task.class_names for task in tasks),
        train_images=tuple(train),
        test_images=tuple(test),
        rarest=min(rarest),
    )


def divide(
    tasks: Sequence[LabelledTask[SideT]],
    read: Callable[[SideT], NDArray[Any]],
    test_fraction: float,
    split_seed: int,
) -> tuple[OwnSplit, OwnSplit]:
    """Read all tasks and return the training and the test split.

    Args:
        tasks: at least one.
        read: returns the images of a side, [N, C, H, W].
        test_fraction: share of each class for testing, where a task has one side only.
        split_seed: seed of that choice.
    """
    parts: list[tuple[list[NDArray[Any]], list[NDArray[np.int64]]]] = [([], []), ([], [])]
    for task in tasks:
        images, labels = [read(side) for side in task.sides], list(task.labels)
        if len(images) == 1:
            chosen = split_labels(labels[0], task.class_names, test_fraction, split_seed, task.name)
            images, labels = [images[0][c] for c in chosen], [labels[0][c] for c in chosen]
        for (all_images, all_labels), x, y in zip(parts, images, labels, strict=True):
            all_images.append(x)
            all_labels.append(y)
    train, test = (OwnSplit(tuple(x), tuple(y)) for x, y in parts)
    return train, test
