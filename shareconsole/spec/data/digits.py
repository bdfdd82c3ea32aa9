"""Options of the data sets made of scikit-learn's digits, which need no file."""

from __future__ import annotations

from typing import Literal

from shareconsole.spec.data.table import DatasetTable, DataShape
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation

# scikit-learn's digits: 1,797 images of 8x8 pixels; how many there are of each of the ten classes.
DIGITS_PER_CLASS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
MIN_TEST_IMAGES = 10


def _folds(count: int) -> tuple[int, ...]:
    """Return the sizes of ``count`` disjoint stratified folds of the digits, larger ones first."""
    total = sum(DIGITS_PER_CLASS)
    return tuple(total // count + (fold < total % count) for fold in range(count))


def _digits_shape(num_tasks: int, train_per_task: int) -> DataShape:
    return DataShape(
        num_tasks=num_tasks,
        num_classes=(10,) * num_tasks,
        input_shape=(1, 8, 8),
        train_images=(train_per_task,) * num_tasks,
        test_images=tuple(size - train_per_task for size in _folds(num_tasks)),
    )


def _digits_issues(num_tasks: int, train_per_task: int) -> list[Issue]:
    most = min(_folds(num_tasks)) - MIN_TEST_IMAGES
    # A stratified split needs two images of every class in each fold.
    if train_per_task <= most and min(DIGITS_PER_CLASS) // num_tasks >= 2:
        return []
    if most < 10 or min(DIGITS_PER_CLASS) // num_tasks < 2:
        return [
            Issue(
                ("groups",),
                f"{num_tasks} tasks leave too few of the {sum(DIGITS_PER_CLASS)} digits for each",
                f"groups x tasks_per_group at most {min(DIGITS_PER_CLASS) // 2}",
            )
        ]
    return [
        Issue(
            ("train_per_task",),
            f"{train_per_task} leaves fewer than {MIN_TEST_IMAGES} test images per task",
            f"an integer from 10 to {most} for {num_tasks} tasks",
        )
    ]


class EmbeddedDigitsTable(DatasetTable):
    """What the data sets made of scikit-learn's digits have in common."""

    train_per_task: int = option(
        "training images of each task, the same number of each class up to one",
        unit="images",
        default=100,
        ge=10,
        le=400,
    )
    split_seed: int = option(
        "seed of the split into tasks and into training and test images, and of anything planted; "
        "the run's seed does not change it, so runs with different seeds see the same images",
        unit="seed",
        default=666,
        ge=0,
        le=2**32 - 1,
    )

    @property
    def num_tasks(self) -> int:
        """T, the number of tasks the digits are dealt to."""
        raise NotImplementedError

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        return _digits_shape(self.num_tasks, self.train_per_task)

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        return _digits_issues(self.num_tasks, self.train_per_task)


class DigitsOptions(EmbeddedDigitsTable):
    """Real handwritten digits as four tasks: upright twice and rotated by 90 degrees twice."""

    name: Literal["digits"] = option("the data set", unit="name")

    @property
    def num_tasks(self) -> int:
        """Four."""
        return 4

    def preparation(self, task: int) -> Preparation:
        """Return that the last two tasks are turned."""
        return Preparation(ground="dark", turned="no" if task < 2 else "counterclockwise")


class PlantedOptions(EmbeddedDigitsTable):
    """The same digits as groups of related tasks, so that the right sharing is known."""

    name: Literal["planted"] = option("the data set", unit="name")
    groups: int = option(
        "groups of tasks; each group sees the pixels in an order of its own",
        unit="groups",
        default=3,
        ge=1,
        le=10,
    )
    tasks_per_group: int = option(
        "tasks in each group; each task has label names of its own",
        unit="tasks",
        default=2,
        ge=1,
        le=10,
    )

    @property
    def num_tasks(self) -> int:
        """Groups times tasks per group."""
        return self.groups * self.tasks_per_group

    def preparation(self, task: int) -> Preparation:
        """Return that each group has an order of pixels of its own."""
        return Preparation(ground="dark", rearranged=True)
