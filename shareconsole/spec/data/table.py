"""What all data sets have in common: the sizes they promise and the options they share.

Shapes of official data sets are arithmetic on published counts, so that a preset can be checked,
and its size predicted, without a file of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from shareconsole.spec.fields import Issue, Table, option
from shareconsole.spec.nearest import nearest
from shareconsole.spec.preparation import Preparation

PerTask = Annotated[int, Field(ge=1, le=1_000_000)] | Literal["all"]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[tuple[Name, ...], Field(strict=False, max_length=1000)]


class DataShape(NamedTuple):
    """Sizes of a multi-task problem.

    Attributes:
        num_tasks: T.
        num_classes: per task.
        input_shape: [C, H, W] of one image.
        train_images: per task, images kept for validation by ``train.validation_fraction``
            included.
        test_images: per task.
        validation_images: per task, where the data set itself sets them apart; else empty.
        shared_inputs: all tasks label the same images, so each is stored once.
        bytes_per_pixel: 1 for images kept as bytes, 0 for images kept as numbers of
            ``device.dtype``.
        rarest: training images of the rarest class, where there may be fewer than two.
    """

    num_tasks: int
    num_classes: tuple[int, ...]
    input_shape: tuple[int, ...]
    train_images: tuple[int, ...]
    test_images: tuple[int, ...]
    validation_images: tuple[int, ...] = ()
    shared_inputs: bool = False
    bytes_per_pixel: int = 0
    rarest: int = 2

    @property
    def stored_images(self) -> int:
        """Images in memory over all tasks and splits."""
        splits = (self.train_images, self.test_images, self.validation_images)
        return sum(max(split, default=0) if self.shared_inputs else sum(split) for split in splits)

    @property
    def stored_labels(self) -> int:
        """Labels in memory over all tasks and splits."""
        return sum(self.train_images) + sum(self.test_images) + sum(self.validation_images)


class DatasetTable(Table):
    """What the checks need to know of any data set without asking which one it is."""

    shape_from_files: ClassVar[bool] = False
    """Whether ``shape`` reads files; it is then asked only where ``issues`` found nothing."""

    name: str

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        raise NotImplementedError

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        raise NotImplementedError

    def preparation(self, task: int) -> Preparation:
        """Return what is done to a task's pictures before a network sees them; no file is read.

        Args:
            task: its index.
        """
        return Preparation()

    def sources(self) -> tuple[str, ...]:
        """Return the names of the official file sets it is made of (``files.known.FILE_SETS``)."""
        return ()

    def check_files(self) -> None:
        """Look at everything on disk that training will read; no torch, nothing written but caches.

        Raises:
            DataMissing: a file is not there; the message says where it was looked for.
            DataDamaged: a file is not what it should be, or a class has no image in a split.
        """


class OfficialFilesTable(DatasetTable):
    """What the data sets made of published files have in common."""

    verify: Literal["official", "form"] = option(
        'what the files are held against: "official" is the published hashes, or the published '
        'counts where no hash is known; "form" is only their format, for subsets and copies of '
        "your own",
        unit="name",
        default="official",
    )
    split_seed: int = option(
        "seed of every choice of images; the run's seed does not change it, so runs with different "
        "seeds see the same images",
        unit="seed",
        default=666,
        ge=0,
        le=2**32 - 1,
    )

    def check_files(self) -> None:
        """Find every file and hold it against what is known of it.

        Raises:
            DataMissing: a file is not there; the message says where it was looked for.
            DataDamaged: a file is not what it should be, or a class has no image in a split.
        """
        from shareconsole.files.checking import require

        self._see_that_all_are_here()
        for name in self.sources():
            require(name, self.verify)

    def _see_that_all_are_here(self) -> None:
        from shareconsole.files.known import FILE_SETS
        from shareconsole.files.places import require_all

        require_all(FILE_SETS[name] for name in self.sources())


def taken(per_task: int | Literal["all"], there: int) -> int:
    """Return how many of ``there`` images an option ``train_per_task`` or the like takes."""
    return there if per_task == "all" else per_task


def number_issues(
    key: str, per_task: int | Literal["all"], there: Sequence[int], classes: Sequence[int]
) -> list[Issue]:
    """Return what keeps a number of images from being chosen for every task, stratified by class.

    Args:
        key: the option's name.
        per_task: its value.
        there: images there are for each task.
        classes: classes of each task; a choice has, and leaves, at least one image of each.
    """
    low = max(classes)
    high = min(number - least for number, least in zip(there, classes, strict=True))
    if per_task == "all" or low <= per_task <= high:
        return []
    size = "few" if per_task < low else "many"
    return [Issue((key,), f"{per_task} is too {size}", f'{low} to {high}, or "all"')]


def chosen(choice: int | str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names that an option means: "all", the first N, or those listed.

    Args:
        choice: the option's value.
        known: every name there is, in order.
    """
    if isinstance(choice, str):
        return tuple(known)
    return tuple(known[:choice]) if isinstance(choice, int) else tuple(choice)


def choice_issues(key: str, choice: int | str | Sequence[str], known: Sequence[str]) -> list[Issue]:
    """Return what is wrong with an option that ``chosen`` reads; ``key`` is its name."""
    if isinstance(choice, str):
        return []
    if isinstance(choice, int):
        if choice <= len(known):
            return []
        return [Issue((key,), f"{choice} is more than there are", f"at most {len(known)}")]
    if not choice:
        return [Issue((key,), "is an empty list", f'names, a number up to {len(known)}, or "all"')]
    found = []
    for i, name in enumerate(choice):
        if name not in known:
            near = nearest(name, known)
            allowed = f"one of {', '.join(known)}"
            hint = f'"{near}"' if near else ""
            found.append(Issue((key, i), f'"{name}" is not known', allowed, hint))
    twice = [i for i, name in enumerate(choice) if name in choice[:i]]
    return found or [Issue((key, i), f'"{choice[i]}" is there twice') for i in twice]


def validation_images(train_images: int, fraction: float) -> int:
    """Return how many of a task's training images are kept for validation."""
    return round(train_images * fraction)
