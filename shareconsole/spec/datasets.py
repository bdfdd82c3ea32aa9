"""The data sets a preset can name.

Adding one takes an options model in `shareconsole.spec.data`, its place in ``DatasetOptions`` and a
line in ``DATASETS``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shareconsole.spec.catalog import Entry
from shareconsole.spec.data.celeba import CelebaOptions
from shareconsole.spec.data.cifar import Cifar10Options, Cifar100Options
from shareconsole.spec.data.digits import DigitsOptions, PlantedOptions
from shareconsole.spec.data.handwriting import (
    DklKannadaOptions,
    DklMnistOptions,
    GlyphsOptions,
    MnistRotationsOptions,
)
from shareconsole.spec.data.omniglot import OmniglotOptions
from shareconsole.spec.data.overlaid import DigitsOverlaidOptions, MultiMnistOptions
from shareconsole.spec.data.own import ArraysOptions, CsvOptions, FolderOptions, IdxOptions
from shareconsole.spec.data.table import DatasetTable
from shareconsole.spec.data.three_clusters import ThreeClustersOptions

DatasetOptions = Annotated[
    DigitsOptions
    | PlantedOptions
    | DklMnistOptions
    | DklKannadaOptions
    | GlyphsOptions
    | MnistRotationsOptions
    | Cifar100Options
    | Cifar10Options
    | ThreeClustersOptions
    | OmniglotOptions
    | CelebaOptions
    | MultiMnistOptions
    | DigitsOverlaidOptions
    | FolderOptions
    | ArraysOptions
    | IdxOptions
    | CsvOptions,
    Field(discriminator="name"),
]

DATASETS: dict[str, Entry[DatasetTable]] = {
    "digits": Entry(
        "digits",
        "shareconsole.datasets.digits:load_digits_tasks",
        DigitsOptions,
        "1,797 real 8x8 digits as four tasks: upright twice, rotated by 90 degrees twice",
    ),
    "planted": Entry(
        "planted",
        "shareconsole.datasets.planted:load_planted",
        PlantedOptions,
        "the same digits as groups of related tasks, so that the right sharing is known",
    ),
    "dkl_mnist": Entry(
        "dkl_mnist",
        "shareconsole.datasets.glyphs:load_dkl_mnist",
        DklMnistOptions,
        "EMNIST digits, EMNIST letters and Kuzushiji-MNIST, 500 training images each",
    ),
    "dkl_kannada": Entry(
        "dkl_kannada",
        "shareconsole.datasets.glyphs:load_dkl_kannada",
        DklKannadaOptions,
        "the same with Kannada numerals in place of Kuzushiji-MNIST; not DKL-MNIST",
    ),
    "glyphs": Entry(
        "glyphs",
        "shareconsole.datasets.glyphs:load_glyphs",
        GlyphsOptions,
        "any of MNIST, Fashion-MNIST, Kuzushiji-MNIST, EMNIST digits and letters, a task each",
    ),
    "mnist_rotations": Entry(
        "mnist_rotations",
        "shareconsole.datasets.glyphs:load_mnist_rotations",
        MnistRotationsOptions,
        "MNIST as four tasks: upright twice, rotated by 90 degrees twice",
    ),
    "cifar100": Entry(
        "cifar100",
        "shareconsole.datasets.cifar:load_cifar100",
        Cifar100Options,
        "CIFAR-100 as 20 tasks of five classes, one for each superclass",
    ),
    "cifar10": Entry(
        "cifar10",
        "shareconsole.datasets.cifar:load_cifar10",
        Cifar10Options,
        "CIFAR-10 as ten tasks on the same images: this class or another",
    ),
    "three_clusters": Entry(
        "three_clusters",
        "shareconsole.datasets.three_clusters:load_three_clusters",
        ThreeClustersOptions,
        "CIFAR-100's superclasses, MNIST and Fashion-MNIST without a label each: 40 tasks",
    ),
    "omniglot": Entry(
        "omniglot",
        "shareconsole.datasets.omniglot:load_omniglot",
        OmniglotOptions,
        "handwritten characters, one task for each of up to 50 alphabets",
    ),
    "celeba": Entry(
        "celeba",
        "shareconsole.datasets.celeba:load_celeba",
        CelebaOptions,
        "40 attributes of 202,599 faces, a task each, all on the same images",
    ),
    "multimnist": Entry(
        "multimnist",
        "shareconsole.datasets.overlaid:load_multimnist",
        MultiMnistOptions,
        "two MNIST digits laid over one another, both tasks on the same images",
    ),
    "digits_overlaid": Entry(
        "digits_overlaid",
        "shareconsole.datasets.overlaid:load_digits_overlaid",
        DigitsOverlaidOptions,
        "the same with scikit-learn's 8x8 digits, without any file",
    ),
    "folder": Entry(
        "folder",
        "shareconsole.datasets.own:load_own",
        FolderOptions,
        "your own images: a folder for each task, in it one for each class",
    ),
    "arrays": Entry(
        "arrays",
        "shareconsole.datasets.own:load_own",
        ArraysOptions,
        "your own arrays: an .npz, or a folder of .npy, for each task",
    ),
    "idx": Entry(
        "idx",
        "shareconsole.datasets.own:load_own",
        IdxOptions,
        "your own IDX files, the format of MNIST, for each task",
    ),
    "csv": Entry(
        "csv",
        "shareconsole.datasets.own:load_own",
        CsvOptions,
        "your own table: an image in each row, a column of labels for each task",
    ),
}


def sources_of(data: str) -> tuple[str, ...]:
    """Return the file sets of a data set with all its options left out."""
    return DATASETS[data].options.model_construct(name=data).sources()
