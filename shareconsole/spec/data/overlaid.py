"""Options of the data sets of two digits laid over one another."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.data.table import DatasetTable, DataShape, OfficialFilesTable, taken
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation

_MNIST_IMAGES = (60_000, 10_000)
SIDE = 28
CANVAS = 36
"""Pixels a side that two MNIST digits are laid on, before it is reduced to the size of one."""
Overlaid = Annotated[int, Field(ge=100, le=1_000_000)] | Literal["all"]


class MultiMnistOptions(OfficialFilesTable):
    """Two MNIST digits overlaid: read the left one, read the right one."""

    name: Literal["multimnist"] = option("the data set", unit="name")
    train_images: Overlaid = option(
        'training images to make; "all" makes one for each of MNIST\'s',
        unit="images",
        default="all",
    )
    test_images: Overlaid = option(
        'test images to make; "all" makes one for each of MNIST\'s', unit="images", default="all"
    )

    def preparation(self, task: int) -> Preparation:
        """Return how the canvas of both digits is reduced."""
        return Preparation(ground="dark", resizing="nearest", size=(CANVAS, CANVAS))

    def sources(self) -> tuple[str, ...]:
        """Return the name of the file set."""
        return ("mnist",)

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        train, test = _MNIST_IMAGES
        return DataShape(
            num_tasks=2,
            num_classes=(10, 10),
            input_shape=(1, SIDE, SIDE),
            train_images=(taken(self.train_images, train),) * 2,
            test_images=(taken(self.test_images, test),) * 2,
            shared_inputs=True,
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return nothing: all options fit each other."""
        return []


class DigitsOverlaidOptions(DatasetTable):
    """Two of scikit-learn's digits overlaid, for use without any file."""

    name: Literal["digits_overlaid"] = option("the data set", unit="name")
    train_images: int = option(
        "training images to make, out of 1,200 digits",
        unit="images",
        default=2000,
        ge=100,
        le=100_000,
    )
    test_images: int = option(
        "test images to make, out of the other 597 digits",
        unit="images",
        default=1000,
        ge=100,
        le=100_000,
    )
    offset: int = option(
        "how far the right digit is moved down and to the right; 8 is out of the left one's way",
        unit="pixels",
        default=3,
        ge=1,
        le=8,
    )
    split_seed: int = option(
        "seed of the pairs and of which digits are for testing; the run's seed does not change it, "
        "so runs with different seeds see the same images",
        unit="seed",
        default=666,
        ge=0,
        le=2**32 - 1,
    )

    def preparation(self, task: int) -> Preparation:
        """Return that the canvas of both digits stays as it is."""
        return Preparation(ground="dark")

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        side = 8 + self.offset
        return DataShape(
            num_tasks=2,
            num_classes=(10, 10),
            input_shape=(1, side, side),
            train_images=(self.train_images,) * 2,
            test_images=(self.test_images,) * 2,
            shared_inputs=True,
        )

    def issues(self) -> list[Issue]:
        """Return nothing: all options fit each other."""
        return []
