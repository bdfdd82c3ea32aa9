"""Options of three clusters of tasks: CIFAR-100, MNIST and Fashion-MNIST (Maziarz et al. 2019)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from shareconsole.files.record import SplitName
from shareconsole.spec.data.cifar import FINE_PER_SUPERCLASS, SUPERCLASSES
from shareconsole.spec.data.table import (
    DataShape,
    OfficialFilesTable,
    PerTask,
    number_issues,
    taken,
)
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation

NUM_LABELS = 10
"""Labels of MNIST and of Fashion-MNIST; each task leaves one out."""


class _PerClass(NamedTuple):
    """Published images of each label."""

    train: tuple[int, ...]
    test: tuple[int, ...]


_MNIST = _PerClass(
    (5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949),
    (980, 1_135, 1_032, 1_010, 982, 892, 958, 1_028, 974, 1_009),
)
_FASHION = _PerClass((6_000,) * NUM_LABELS, (1_000,) * NUM_LABELS)


class _CifarClass(NamedTuple):
    """Images of each of the five classes of a superclass."""

    train: int
    validation: int
    test: int


_CIFAR = _CifarClass(400, 100, 100)


class ThreeClustersOptions(OfficialFilesTable):
    """CIFAR-100's superclasses, and MNIST and Fashion-MNIST with a label left out for each task."""

    name: Literal["three_clusters"] = option("the data set", unit="name")
    cifar_tasks: int = option(
        "tasks from CIFAR-100: the first superclasses, five classes each; 20 is the paper's",
        unit="tasks",
        default=len(SUPERCLASSES),
        ge=1,
        le=len(SUPERCLASSES),
    )
    mnist_tasks: int = option(
        "tasks from MNIST: all digits without 0, all without 1, and so on; 10 is the paper's",
        unit="tasks",
        default=NUM_LABELS,
        ge=1,
        le=NUM_LABELS,
    )
    fashion_tasks: int = option(
        "tasks from Fashion-MNIST, likewise; 10 is the paper's",
        unit="tasks",
        default=NUM_LABELS,
        ge=1,
        le=NUM_LABELS,
    )
    train_per_task: PerTask = option(
        'training images of each task, stratified; "all" is the paper\'s, and a fifth of CIFAR-100 '
        "is kept for validation whatever is chosen from the rest",
        unit="images",
        default="all",
    )
    test_per_task: PerTask = option(
        'test images of each task, stratified; "all" is the paper\'s',
        unit="images",
        default="all",
    )

    @property
    def left_out(self) -> dict[str, int]:
        """How many tasks, each without another label, are made of each of the two other sets."""
        return {"mnist": self.mnist_tasks, "fashion_mnist": self.fashion_tasks}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, cluster after cluster."""
        return (
            *SUPERCLASSES[: self.cifar_tasks],
            *(f"mnist-without-{label}" for label in range(self.mnist_tasks)),
            *(f"fashion-without-{label}" for label in range(self.fashion_tasks)),
        )

    @property
    def clusters(self) -> tuple[int, ...]:
        """The cluster of each task: 0 for CIFAR-100, 1 for MNIST, 2 for Fashion-MNIST."""
        sizes = (self.cifar_tasks, self.mnist_tasks, self.fashion_tasks)
        return tuple(cluster for cluster, size in enumerate(sizes) for _ in range(size))

    def preparation(self, task: int) -> Preparation:
        """Return how grey images of the two other sets come to the size and channels of CIFAR's."""
        if task < self.cifar_tasks:
            return Preparation()
        return Preparation(ground="dark", resizing="linear", size=(28, 28), gray=True)

    def sources(self) -> tuple[str, ...]:
        """Return the names of the file sets."""
        return ("cifar100", "mnist", "fashion_mnist")

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        kept = FINE_PER_SUPERCLASS * _CIFAR.validation
        train, test = self._there()
        others = self.mnist_tasks + self.fashion_tasks
        return DataShape(
            num_tasks=len(train),
            num_classes=self._classes(),
            input_shape=(3, 32, 32),
            train_images=tuple(taken(self.train_per_task, number) for number in train),
            test_images=tuple(taken(self.test_per_task, number) for number in test),
            validation_images=(kept,) * self.cifar_tasks + (0,) * others,
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        train, test = self._there()
        classes = self._classes()
        return [
            *number_issues("train_per_task", self.train_per_task, train, classes),
            *number_issues("test_per_task", self.test_per_task, test, classes),
        ]

    def check_files(self) -> None:
        """Find all files, hold them against what is known of them, and see that there is enough.

        Raises:
            DataMissing: a file is not there; the message says where it was looked for.
            DataDamaged: a file is not what it should be, or too few images of a class are in it.
        """
        from shareconsole.files.checking import require
        from shareconsole.files.three_clusters import check_left_out, check_superclasses

        self._see_that_all_are_here()
        paths = {name: require(name, self.verify) for name in self.sources()}
        if self.verify == "official":
            return  # the published files have what the options admit
        numbers: dict[SplitName, int | Literal["all"]] = {
            "train": self.train_per_task,
            "test": self.test_per_task,
        }
        wanted = {split: number for split, number in numbers.items() if number != "all"}
        check_superclasses(paths["cifar100"], self.cifar_tasks, wanted)
        for name, tasks in self.left_out.items():
            check_left_out(name, paths[name], tasks, wanted)

    def _classes(self) -> tuple[int, ...]:
        others = self.mnist_tasks + self.fashion_tasks
        return (FINE_PER_SUPERCLASS,) * self.cifar_tasks + (NUM_LABELS - 1,) * others

    def _there(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Published training and test images of each task, those for validation left out."""
        found = []
        for cifar, mnist, fashion in (
            (_CIFAR.train, _MNIST.train, _FASHION.train),
            (_CIFAR.test, _MNIST.test, _FASHION.test),
        ):
            found.append(
                (
                    *(FINE_PER_SUPERCLASS * cifar for _ in range(self.cifar_tasks)),
                    *(sum(mnist) - mnist[label] for label in range(self.mnist_tasks)),
                    *(sum(fashion) - fashion[label] for label in range(self.fashion_tasks)),
                )
            )
        return found[0], found[1]
