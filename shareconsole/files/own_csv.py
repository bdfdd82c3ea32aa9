"""A table of the user's own: one image in each row, one column of labels for each task.

    image,smiling,hat,split
    faces/001.jpg,yes,,train        an empty cell: this task does not label the image
    faces/002.jpg,no,none,test      the column split may be left out

All tasks label the same images, as in CelebA. Paths are relative to the table's folder.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files.image_sets import Frame, Look, frame_of, read_set
from shareconsole.files.labelled import sorted_classes
from shareconsole.files.own import (
    MAX_TASKS,
    NO_LABEL,
    OwnSplit,
    Survey,
    check_counts,
    check_name,
    check_same_classes,
    reading,
)
from shareconsole.files.shared_split import split_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

IMAGE_COLUMN = "image"
SPLIT_COLUMN = "split"
_SPLIT_WORDS = {"train": False, "test": True}


@dataclass(frozen=True, kw_only=True)
class CsvSurvey(Survey):
    """A table that was looked over.

    Attributes:
        path: of the table.
        images: N files.
        labels: [T, N] int64, ``NO_LABEL`` where a cell is empty.
        tested: [N] bool, whether a row is for testing.
    """

    path: Path
    images: tuple[Path, ...]
    labels: NDArray[np.int64]
    tested: NDArray[np.bool_]
    frame: Frame

    @property
    def shared_inputs(self) -> bool:
        """Yes, unless there is one task only."""
        return len(self.task_names) > 1

    def read(self) -> tuple[OwnSplit, OwnSplit]:
        """Return both splits, decoded; see ``Survey.read``."""
        decoded = read_set(f"csv {self.path}", {"images": self.images}, self.frame)["images"]
        train, test = (
            OwnSplit((decoded[rows],), tuple(labels[rows] for labels in self.labels))
            for rows in (~self.tested, self.tested)
        )
        return train, test


class _Table(NamedTuple):
    """What is in the file: cells of each row that has a label, and the columns that are tasks."""

    rows: list[list[str]]
    image: int
    split: int | None
    tasks: dict[str, int]


def survey_csv(
    path: Path,
    tasks: Sequence[str] | Literal["all"],
    look: Look,
    test_fraction: float,
    split_seed: int,
) -> CsvSurvey:
    """Look over a table: all cells, and the header of one image of each class.

    Args:
        path: the table, with a row of column names on top.
        tasks: columns that are tasks; "all" but those with the image and the split.
        look: how the images are wanted.
        test_fraction: share of the rows for testing, where there is no column "split".
        split_seed: seed of that choice.

    Raises:
        DataMissing: The table or an image that is looked at is not there or cannot be read.
        DataDamaged: The table is no such table, or a class is absent from a split.
    """
    table = _read(path, tasks)
    class_names, rows = [], []
    for task, column in table.tasks.items():
        cells = [row[column] for row in table.rows]
        names = sorted_classes({cell for cell in cells if cell})
        for name in names:
            check_name(name, "class", path)
        number = {name: i for i, name in enumerate(names)} | {"": NO_LABEL}
        labels = np.array([number[cell] for cell in cells], np.int64)
        check_counts(_by_name(labels, names), f"task {task}", path, least=2)
        class_names.append(names)
        rows.append(labels)
    labels_TN = np.stack(rows)
    tested = _given_split(path, table)
    if tested is None:
        tested = split_rows(labels_TN, test_fraction, split_seed)
    rarest = _check_split(path, table, labels_TN, class_names, tested)
    images = tuple(path.parent / row[table.image] for row in table.rows)
    samples = [images[row] for row in _samples(labels_TN)]
    for sample in samples:
        if not sample.is_file():
            raise DataMissing(f"{sample} does not exist, but {path} names it")
    frame = frame_of(samples, look)
    num_test = int(tested.sum())
    return CsvSurvey(
        task_names=tuple(table.tasks),
        class_names=tuple(class_names),
        input_shape=frame.shape,
        train_images=(len(images) - num_test,) * len(rows),
        test_images=(num_test,) * len(rows),
        rarest=rarest,
        path=path,
        images=images,
        labels=labels_TN,
        tested=tested,
        frame=frame,
    )


def _read(path: Path, tasks: Sequence[str] | Literal["all"]) -> _Table:
    if not path.exists():
        raise DataMissing(f"{path} does not exist")
    if not path.is_file():
        raise DataMissing(f"{path} is not a file")
    try:
        with reading(path), path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True)
            names = [name.strip() for name in next(lines, [])]
            table = _columns(path, names, tasks)
            seen: set[str] = set()
            real = cache(os.path.realpath)  # which asks the disk
            for cells in lines:
                if not cells:
                    continue
                row = [cell.strip() for cell in cells]
                where = f"{path}, line {lines.line_num}"
                if len(row) != len(names):
                    raise DataDamaged(f"{where}: has {len(row)} cells, the first line {len(names)}")
                if not row[table.image]:
                    raise DataDamaged(f"{where}: no image")
                if "\0" in row[table.image]:
                    raise DataDamaged(f"{where}: the path of the image has a NUL character in it")
                # By where its folder really is, so that every spelling of it is one image.
                folder, name = os.path.split(path.parent / row[table.image])
                image = os.path.join(real(folder), name)
                if image in seen:
                    raise DataDamaged(f"{where}: {row[table.image]} was in a line before")
                seen.add(image)
                # A row that nothing is learned from would only fill batches.
                if any(row[column] for column in table.tasks.values()):
                    table.rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataDamaged(f"{path}: is no table of comma-separated UTF-8 text: {error}") from None
    if not table.rows:
        raise DataDamaged(f"{path}: no row has a label")
    return table


def _columns(path: Path, names: list[str], tasks: Sequence[str] | Literal["all"]) -> _Table:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataDamaged(f'{path}: two columns are called "{min(twice)}"')
    if IMAGE_COLUMN not in names:
        raise DataDamaged(
            f'{path}: no column is called "{IMAGE_COLUMN}"; found: {", ".join(names)}'
        )
    known = [name for name in names if name not in (IMAGE_COLUMN, SPLIT_COLUMN)]
    wanted = known if tasks == "all" else list(tasks)
    if not wanted or len(wanted) > MAX_TASKS:
        raise DataDamaged(
            f"{path}: {len(wanted)} columns with labels, 1 to {MAX_TASKS:,} are needed"
        )
    for name in wanted:
        check_name(name, "task", path)
        if name not in known:
            raise DataDamaged(f'{path}: no column of labels is called "{name}": {", ".join(known)}')
    split = names.index(SPLIT_COLUMN) if SPLIT_COLUMN in names else None
    return _Table(
        [], names.index(IMAGE_COLUMN), split, {name: names.index(name) for name in wanted}
    )


def _samples(labels_TN: NDArray[np.int64]) -> list[int]:
    """The first row, and the first one of each class of each task."""
    found = {0}
    for labels in labels_TN:
        classes, first = np.unique(labels, return_index=True)
        found.update(first[classes != NO_LABEL].tolist())
    return sorted(found)


def _given_split(path: Path, table: _Table) -> NDArray[np.bool_] | None:
    if table.split is None:
        return None
    for row in table.rows:
        if row[table.split] not in _SPLIT_WORDS:
            raise DataDamaged(
                f'{path}: {row[table.image]} has "{row[table.split]}" in the column '
                f"{SPLIT_COLUMN}, not train or test"
            )
    return np.array([_SPLIT_WORDS[row[table.split]] for row in table.rows])


def _by_name(labels: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(labels[labels != NO_LABEL], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def _check_split(
    path: Path,
    table: _Table,
    labels_TN: NDArray[np.int64],
    class_names: list[tuple[str, ...]],
    tested: NDArray[np.bool_],
) -> int:
    """Refuse a split that lacks a class on one side; return the least training images of one."""
    rarest = len(table.rows)
    for task, labels, names in zip(table.tasks, labels_TN, class_names, strict=True):
        sides = (_by_name(labels[~tested], names), _by_name(labels[tested], names))
        train, test = ([name for name, count in side.items() if count] for side in sides)
        check_same_classes(train, test, f"task {task}", path)
        rarest = min(rarest, *sides[0].values())
    return rarest
