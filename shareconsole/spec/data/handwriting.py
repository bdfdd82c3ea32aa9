"""Options of the data sets made of MNIST and its relatives."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from shareconsole.files.record import SplitName
from shareconsole.spec.data.table import (
    DataShape,
    Names,
    OfficialFilesTable,
    PerTask,
    choice_issues,
    chosen,
    number_issues,
    taken,
)
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation


class GlyphCounts(NamedTuple):
    """Published counts of one set of 28x28 grey images."""

    num_classes: int
    train_images: int
    test_images: int


# Names are those of the file sets.
GLYPHS = {
    "mnist": GlyphCounts(10, 60_000, 10_000),
    "fashion_mnist": GlyphCounts(10, 60_000, 10_000),
    "kmnist": GlyphCounts(10, 60_000, 10_000),
    "emnist_digits": GlyphCounts(10, 240_000, 40_000),
    "emnist_letters": GlyphCounts(26, 124_800, 20_800),
}
TRANSPOSED = ("emnist_digits", "emnist_letters")
"""Sets whose published files have rows and columns exchanged, and are trained on like that."""
CLASS_NAMES = {
    "fashion_mnist": (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "emnist_letters": tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}
"""Of the sets that are not of digits, in the order of their labels."""
# Test images of dkl_kannada. Of Kannada's 10,000 images the others are left for training.
KANNADA_TEST_IMAGES = {"emnist_digits": 10_000, "emnist_letters": 7_800, "kannada_mnist": 7_000}
_KANNADA = GlyphCounts(10, 3_000, 7_000)


class GlyphTable(OfficialFilesTable):
    """What the data sets of the MNIST family have in common."""

    test_per_task: PerTask = option(
        'test images of each task, stratified; "all" is the protocol',
        unit="images",
        default="all",
    )

    def counts(self) -> tuple[GlyphCounts, ...]:
        """Return what there is for each task, before images are chosen."""
        raise NotImplementedError

    @property
    def training(self) -> int | Literal["all"]:
        """Training images of each task."""
        raise NotImplementedError

    def preparation(self, task: int) -> Preparation:
        """Return which way the file of a task stores its images."""
        stored = self.sources()[task] in TRANSPOSED
        return Preparation(ground="dark", turned="transposed" if stored else "no")

    def class_names(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of the classes of each task, in the order of its labels."""
        digits = tuple(map(str, range(10)))
        return tuple(CLASS_NAMES.get(name, digits) for name in self.sources())

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        counts = self.counts()
        return DataShape(
            num_tasks=len(counts),
            num_classes=tuple(each.num_classes for each in counts),
            input_shape=(1, 28, 28),
            train_images=tuple(taken(self.training, each.train_images) for each in counts),
            test_images=tuple(taken(self.test_per_task, each.test_images) for each in counts),
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        counts = self.counts()
        classes = [each.num_classes for each in counts]
        train = [each.train_images for each in counts]
        test = [each.test_images for each in counts]
        return [
            *number_issues("train_per_task", self.training, train, classes),
            *number_issues("test_per_task", self.test_per_task, test, classes),
        ]

    def wanted(self, source: str) -> dict[SplitName, int]:
        """Return how many images of each split are chosen from a file set; "all" is left out."""
        numbers: dict[SplitName, int | Literal["all"]] = {
            "train": self.training,
            "test": self.test_per_task,
        }
        return {split: number for split, number in numbers.items() if number != "all"}

    def check_files(self) -> None:
        """Find every file, hold it against what is known of it, and see that there is enough.

        Raises:
            DataMissing: a file is not there; the message says where it was looked for.
            DataDamaged: a file is not what it should be, or too few images of a class are in it.
        """
        from shareconsole.files.checking import require
        from shareconsole.files.idx import check_enough
        from shareconsole.files.known import FILE_SETS

        self._see_that_all_are_here()
        for name in self.sources():
            paths = require(name, self.held_against(name))
            for split, number in self.wanted(name).items():
                check_enough(FILE_SETS[name], paths, split, number)

    def held_against(self, source: str) -> Literal["official", "form"]:
        """Return what the files of one set are held against."""
        return self.verify


class DklMnistOptions(GlyphTable):
    """EMNIST digits, Kuzushiji-MNIST and EMNIST letters with few training images (DKL-MNIST)."""

    name: Literal["dkl_mnist"] = option("the data set", unit="name")
    train_per_task: int = option(
        "training images of each task, stratified; 500 is the paper's",
        unit="images",
        default=500,
        ge=26,
        le=59_990,
    )

    @property
    def training(self) -> int:
        """Training images of each task."""
        return self.train_per_task

    def sources(self) -> tuple[str, ...]:
        """Return the names of the file sets, one for each task."""
        return ("emnist_digits", "emnist_letters", "kmnist")

    def counts(self) -> tuple[GlyphCounts, ...]:
        """Return the published counts of each task."""
        return tuple(GLYPHS[name] for name in self.sources())


class DklKannadaOptions(GlyphTable):
    """The DKL-MNIST protocol with Kannada numerals in place of Kuzushiji; not DKL-MNIST."""

    name: Literal["dkl_kannada"] = option("the data set", unit="name")
    train_per_task: int = option(
        "training images of each task, stratified; 500 as in DKL-MNIST",
        unit="images",
        default=500,
        ge=26,
        le=2_990,
    )

    @property
    def training(self) -> int:
        """Training images of each task."""
        return self.train_per_task

    def sources(self) -> tuple[str, ...]:
        """Return the names of the file sets, one for each task."""
        return tuple(KANNADA_TEST_IMAGES)

    def counts(self) -> tuple[GlyphCounts, ...]:
        """Return published counts of each task, with the fixed numbers of test images."""
        there = GLYPHS | {"kannada_mnist": _KANNADA}
        return tuple(
            there[name]._replace(test_images=number) for name, number in KANNADA_TEST_IMAGES.items()
        )

    def wanted(self, source: str) -> dict[SplitName, int]:
        """Return how many images of each split are chosen from a file set."""
        tested = taken(self.test_per_task, KANNADA_TEST_IMAGES[source])
        if source == "kannada_mnist":
            return {"test": self.train_per_task + tested}
        return {"train": self.train_per_task, "test": tested}

    def held_against(self, source: str) -> Literal["official", "form"]:
        """Return "form" for EMNIST, of which any subset that is large enough will do."""
        return self.verify if source == "kannada_mnist" else "form"


class GlyphsOptions(GlyphTable):
    """Any of the MNIST-like sets, each a task of its own."""

    name: Literal["glyphs"] = option("the data set", unit="name")
    sets: Annotated[int, Field(ge=1, le=len(GLYPHS))] | Literal["all"] | Names = option(
        f'which sets, one task each: "all", the first N, or a list out of {", ".join(GLYPHS)}',
        unit="name",
        default="all",
    )
    train_per_task: PerTask = option(
        'training images of each task, stratified; "all" takes what there is',
        unit="images",
        default="all",
    )

    @property
    def training(self) -> int | Literal["all"]:
        """Training images of each task."""
        return self.train_per_task

    def sources(self) -> tuple[str, ...]:
        """Return the names of the file sets, one for each task."""
        return chosen(self.sets, tuple(GLYPHS))

    def counts(self) -> tuple[GlyphCounts, ...]:
        """Return the published counts of each task."""
        return tuple(GLYPHS[name] for name in self.sources())

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        return choice_issues("sets", self.sets, tuple(GLYPHS)) or super().issues()


class MnistRotationsOptions(GlyphTable):
    """MNIST twice and MNIST rotated by 90 degrees twice, all four with the same images."""

    name: Literal["mnist_rotations"] = option("the data set", unit="name")
    train_per_task: PerTask = option(
        'training images of each task, stratified; "all" is the paper\'s',
        unit="images",
        default="all",
    )

    @property
    def training(self) -> int | Literal["all"]:
        """Training images of each task."""
        return self.train_per_task

    def sources(self) -> tuple[str, ...]:
        """Return the name of the file set."""
        return ("mnist",)

    def preparation(self, task: int) -> Preparation:
        """Return that the last two tasks are turned."""
        return Preparation(ground="dark", turned="no" if task < 2 else "counterclockwise")

    def class_names(self) -> tuple[tuple[str, ...], ...]:
        """Return the digits, four times."""
        return super().class_names() * 4

    def counts(self) -> tuple[GlyphCounts, ...]:
        """Return the published counts, four times."""
        return (GLYPHS["mnist"],) * 4
