"""Made-up data sets in the official file formats, with as many images as were published."""

from __future__ import annotations

from pathlib import Path

from shareconsole.files.celeba_attributes import PARTS
from shareconsole.files.known import FILE_SETS
from shareconsole.files.omniglot import ZIPS
from tests.datasets.celeba_files import write_celeba
from tests.datasets.official import cifar10_members, cifar100_members, write_cifar, write_glyphs
from tests.datasets.omniglot_zips import members, write_zip


def write_published(data: Path, name: str) -> None:
    """The files of a set, each class with as many images in each split as the next.

    Images tell their class and little more, so errors on them say nothing of real ones.
    """
    file_set = FILE_SETS[name]
    low, high = file_set.labels
    train, test = (count // (high - low + 1) for count in file_set.counts)
    if file_set.form == "idx":
        write_glyphs(data, name, {"train": train, "test": test})
    elif name == "cifar100":
        write_cifar(data, name, cifar100_members(train, test))
    elif name == "cifar10":
        write_cifar(data, name, cifar10_members(test))  # each of the six batches is as large
    elif name == "celeba":
        write_celeba(data, PARTS)
    else:
        (data / name).mkdir(parents=True)
        for zip_name, alphabets in ZIPS.items():
            root = zip_name.removesuffix(".zip")
            write_zip(data / name / zip_name, members(root, alphabets))
