"""Options of CelebA: 40 yes-or-no questions about the same faces."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.files.celeba_attributes import ATTRIBUTES, COLUMNS, PARTS, ROWS
from shareconsole.spec.data.table import (
    DataShape,
    Names,
    OfficialFilesTable,
    choice_issues,
    chosen,
    taken,
)
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation

Number = Annotated[int, Field(ge=2, le=1_000_000)] | Literal["all"]


class CelebaOptions(OfficialFilesTable):
    """Attributes of faces, a task each; all tasks label the same images."""

    name: Literal["celeba"] = option("the data set", unit="name")
    attributes: Annotated[int, Field(ge=1, le=40)] | Literal["all"] | Names = option(
        'which attributes are tasks: "all" 40, the first N, or a list of names',
        unit="name",
        default="all",
    )
    size: int = option(
        "pixels a side of the square that faces are resized to; 0 leaves them 178 wide and 218 "
        "high, which is 24 GB of memory for all",
        unit="pixels",
        default=64,
        ge=0,
        le=COLUMNS,
    )
    train_images: Number = option(
        'training images, drawn at random by split_seed; "all" is the published part',
        unit="images",
        default="all",
    )
    validation_images: Number = option(
        "images to choose by, likewise", unit="images", default="all"
    )
    test_images: Number = option("test images, likewise", unit="images", default="all")

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the attributes that are tasks."""
        return chosen(self.attributes, ATTRIBUTES)

    @property
    def numbers(self) -> dict[str, int | Literal["all"]]:
        """Images wanted of each part."""
        return {
            "train": self.train_images,
            "validation": self.validation_images,
            "test": self.test_images,
        }

    def preparation(self, task: int) -> Preparation:
        """Return that faces are reduced, if they are."""
        if not self.size:
            return Preparation()
        return Preparation(resizing="mean", size=(ROWS, COLUMNS))

    def sources(self) -> tuple[str, ...]:
        """Return the name of the file set."""
        return ("celeba",)

    def check_files(self) -> None:
        """Find all files, hold them against what is known of them, and decode faces into the cache.

        Raises:
            DataMissing: a file is not there; the message says where it was looked for.
            DataDamaged: a file is not what it should be, or a part lacks a class.
        """
        from shareconsole.files.celeba import check_classes, choose, read_faces
        from shareconsole.files.checking import require

        paths = require("celeba", self.verify)
        chosen = choose(paths, self.numbers, self.split_seed)
        check_classes(paths, chosen, self.tasks)
        names = {part: each.names for part, each in chosen.items()}
        read_faces(paths, names, self.size, parts=())

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        count = len(self.tasks)
        number = {part: taken(self.numbers[part], there) for part, there in PARTS.items()}
        rows, columns = (self.size, self.size) if self.size else (ROWS, COLUMNS)
        return DataShape(
            num_tasks=count,
            num_classes=(2,) * count,
            input_shape=(3, rows, columns),
            train_images=(number["train"],) * count,
            test_images=(number["test"],) * count,
            validation_images=(number["validation"],) * count,
            shared_inputs=count > 1,
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        found = choice_issues("attributes", self.attributes, ATTRIBUTES)
        if 0 < self.size < 8:
            found.append(Issue(("size",), f"{self.size} is too small", "0, or 8 to 178"))
        for part, there in PARTS.items():
            number = self.numbers[part]
            if number != "all" and number > there:
                problem = f"{number:,} is more than there are"
                found.append(Issue((f"{part}_images",), problem, f'2 to {there:,}, or "all"'))
        return found
