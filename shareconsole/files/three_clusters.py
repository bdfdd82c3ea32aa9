"""Whether CIFAR-100, MNIST and Fashion-MNIST have enough images for three clusters of tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shareconsole.errors import DataDamaged
from shareconsole.files.choice import check_choice
from shareconsole.files.cifar import read_cifar
from shareconsole.files.idx import read_idx
from shareconsole.files.known import FILE_SETS
from shareconsole.files.record import SplitName

Wanted = dict[SplitName, int]
"""Images to choose for each task in each split; a split of which all are taken is left out."""


def training_part(images: int) -> int:
    """Return how many of a CIFAR class's training images are trained on: four fifths."""
    return 4 * images // 5


def check_superclasses(paths: dict[str, Path], superclasses: int, wanted: Wanted) -> None:
    """See that each of the first superclasses has enough, a fifth for validation included.

    Args:
        paths: where the archive of CIFAR-100 lies, by its name.
        superclasses: how many are tasks.
        wanted: images to choose; of the training images, from those not kept for validation.

    Raises:
        DataDamaged: there are too few, or too few of a class.
        OSError: the archive cannot be read.
    """
    splits = read_cifar(FILE_SETS["cifar100"], paths)
    archive = next(iter(paths.values()))
    for split, part in splits.items():
        for superclass in range(superclasses):
            labels = part.labels[part.coarse == superclass]
            counts = np.unique(labels, return_counts=True)[1]
            where = f"{archive}: the {split} images of superclass {superclass}"
            if split == "train":
                if counts.min() < 2:
                    raise DataDamaged(
                        f"{where}: a class has one image only, which cannot be both trained on and "
                        "kept for validation"
                    )
                counts = np.array([training_part(int(count)) for count in counts])
                where += ", a fifth kept for validation"
            if split in wanted:
                check_choice(where, counts, wanted[split])


def check_left_out(name: str, paths: dict[str, Path], tasks: int, wanted: Wanted) -> None:
    """See that a set has enough images without label 0, enough without label 1, and so on.

    Args:
        name: name of a set of IDX files whose labels begin with 0.
        paths: where each of its files lies, by its name.
        tasks: how many labels are left out, each in another task.
        wanted: images to choose.

    Raises:
        DataDamaged: there are too few, or too few of a class.
        OSError: a file cannot be read.
    """
    file_set = FILE_SETS[name]
    for split, number in wanted.items():
        path = paths[file_set.file(split, "labels").name]
        counts = np.bincount(read_idx(path), minlength=file_set.labels[1] + 1)
        for label in range(tasks):
            check_choice(f"{path}, without label {label}", np.delete(counts, label), number)
