"""Options of data of the user's own: folders of images, arrays, IDX files, a table of images.

Unlike those of published data, the sizes are not known in advance: names, headers and labels are
looked at when the preset is checked.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.spec.data.table import DatasetTable, DataShape, Names
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation

if TYPE_CHECKING:
    from shareconsole.files.image_sets import Look
    from shareconsole.files.own import Survey


class OwnDataTable(DatasetTable):
    """What all data of the user's own have in common."""

    shape_from_files: ClassVar[bool] = True

    path: str = option(
        "where the data is: absolute, beginning with ~, or relative to the preset's file",
        unit="path",
        min_length=1,
        max_length=4096,
    )
    test_fraction: float = option(
        "share of each class kept for testing, at least one image, where no test images are given",
        unit="fraction",
        default=0.2,
        gt=0,
        lt=1,
    )
    split_seed: int = option(
        "seed of the split into training and test images; the run's seed does not change it, so "
        "runs with different seeds see the same images",
        unit="seed",
        default=0,
        ge=0,
        le=2**32 - 1,
    )

    def look_over(self) -> Survey:
        """Return what there is, from names, headers and labels.

        Raises:
            DataMissing: something is not there.
            DataDamaged: something is not what it should be.
        """
        raise NotImplementedError

    @cached_property
    def survey(self) -> Survey:
        """What there was when it was first asked; see ``look_over``."""
        return self.look_over()

    def issues(self) -> list[Issue]:
        """Return what is wrong with the data, as far as names, headers and labels tell."""
        try:
            _ = self.survey
        except (DataMissing, DataDamaged) as error:
            return [Issue(("path",), str(error))]
        return []

    def shape(self) -> DataShape:
        """Return the sizes of the problem; ``issues`` has found none."""
        found = self.survey
        return DataShape(
            num_tasks=len(found.task_names),
            num_classes=tuple(len(names) for names in found.class_names),
            input_shape=found.input_shape,
            train_images=found.train_images,
            test_images=found.test_images,
            shared_inputs=found.shared_inputs,
            bytes_per_pixel=found.bytes_per_pixel,
            rarest=found.rarest,
        )

    def check_files(self) -> None:
        """Read everything that training will read, decoded images into the cache.

        Raises:
            DataMissing: a file is not there.
            DataDamaged: a file is not what it should be; the message names it.
        """
        self.survey.read()


class ImagesTable(OwnDataTable):
    """What data of image files has in common."""

    size: int = option(
        "pixels a side of the square that images are resized to; 0 leaves them as they are, and "
        "then all must have one size",
        unit="pixels",
        default=0,
        ge=0,
        le=4096,
    )
    color: Literal["auto", "gray", "rgb"] = option(
        'channels: "gray" is one, "rgb" three, "auto" three if an image has colour',
        unit="name",
        default="auto",
    )

    def preparation(self, task: int) -> Preparation:
        """Return whether images of any size are resized."""
        return Preparation(resizing="mean" if self.size else "none")

    @property
    def look(self) -> Look:
        """How the images are wanted."""
        from shareconsole.files.image_sets import Look

        return Look(self.size, self.color)


class FolderOptions(ImagesTable):
    """Your own images: a folder for each task, in it a folder for each class."""

    name: Literal["folder"] = option("the data set", unit="name")

    def look_over(self) -> Survey:
        """Return what there is; see ``OwnDataTable.look_over``."""
        from shareconsole.files.own_folder import survey_folder

        return survey_folder(Path(self.path), self.look, self.test_fraction, self.split_seed)


class CsvOptions(ImagesTable):
    """Your own images in a table: one in each row, a column of labels for each task."""

    name: Literal["csv"] = option("the data set", unit="name")
    tasks: Literal["all"] | Names = option(
        'columns that are tasks; "all" but "image" and "split"', unit="name", default="all"
    )

    def look_over(self) -> Survey:
        """Return what there is; see ``OwnDataTable.look_over``."""
        from shareconsole.files.own_csv import survey_csv

        path = Path(self.path)
        return survey_csv(path, self.tasks, self.look, self.test_fraction, self.split_seed)

    def issues(self) -> list[Issue]:
        """Return what is wrong with the options, or else with the data."""
        if isinstance(self.tasks, tuple):
            if not self.tasks:
                return [Issue(("tasks",), "is an empty list", 'names of columns, or "all"')]
            twice = [i for i, name in enumerate(self.tasks) if name in self.tasks[:i]]
            if twice:
                return [Issue(("tasks", twice[0]), f'"{self.tasks[twice[0]]}" is there twice')]
        return super().issues()


class ArraysOptions(OwnDataTable):
    """Your own arrays: an .npz file, or a folder of .npy files, for each task."""

    name: Literal["arrays"] = option("the data set", unit="name")
    channels: Literal["auto", "first", "last"] = option(
        'which dimension of four has the channels: "first" is [N, C, H, W], "last" [N, H, W, C], '
        '"auto" goes by their number',
        unit="name",
        default="auto",
    )

    def look_over(self) -> Survey:
        """Return what there is; see ``OwnDataTable.look_over``."""
        from shareconsole.files.own_arrays import survey_arrays

        path = Path(self.path)
        return survey_arrays(path, self.channels, self.test_fraction, self.split_seed)


class IdxOptions(OwnDataTable):
    """Your own IDX files, the format of MNIST: images and labels of each task."""

    name: Literal["idx"] = option("the data set", unit="name")

    def look_over(self) -> Survey:
        """Return what there is; see ``OwnDataTable.look_over``."""
        from shareconsole.files.own_idx import survey_idx

        return survey_idx(Path(self.path), self.test_fraction, self.split_seed)
