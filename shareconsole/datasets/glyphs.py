"""MNIST and its relatives as tasks: 28x28 grey images, ink 255 on 0, kept as bytes.

- dkl_mnist: EMNIST digits, EMNIST letters and Kuzushiji-MNIST, of each 500 training images and the
  whole test part: the DKL-MNIST of Prellberg & Kramer 2020 (arXiv 2003.10159), whose released code
  splits with scikit-learn's stratified split and seed 666 and leaves EMNIST transposed, as it is
  stored. Whether row numbers of that split agree depends on scikit-learn, which has kept its
  random choices so far.
- dkl_kannada: the same protocol with Kannada numerals in place of Kuzushiji-MNIST, and smaller test
  parts; our own stand-in, not to be called DKL-MNIST. Kannada's 10,000 images are split at random,
  training and test images disjoint, writers not kept apart.
- glyphs: any of the sets, each a task.
- mnist_rotations: MNIST twice and rotated by 90 degrees twice, all four with the same images
  (Maziarz et al. 2019, arXiv 1910.04915, section 5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from shareconsole.files.checking import require
from shareconsole.files.idx import read_idx
from shareconsole.files.known import FILE_SETS
from shareconsole.sharing.data import MultiTaskData, Split
from shareconsole.sharing.preparation import prepared
from shareconsole.sharing.splits import stratified_choice, stratified_split

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from shareconsole.files.record import FileSet, SplitName
    from shareconsole.spec.data.handwriting import (
        DklKannadaOptions,
        DklMnistOptions,
        GlyphsOptions,
        GlyphTable,
        MnistRotationsOptions,
    )
    from shareconsole.spec.preparation import Preparation

    Part = tuple[Tensor, Tensor]
    """Images [N, 1, 28, 28] uint8 and labels [N] int64, from 0 on."""

ROTATIONS = ("upright-1", "upright-2", "rotated-1", "rotated-2")


def load_dkl_mnist(options: DklMnistOptions) -> MultiTaskData:
    """Read the three tasks of DKL-MNIST."""
    return _own_tasks(options, ("digits", "letters", "kuzushiji"))


def load_glyphs(options: GlyphsOptions) -> MultiTaskData:
    """Read the chosen sets, one task each."""
    return _own_tasks(options, options.sources())


def load_dkl_kannada(options: DklKannadaOptions) -> MultiTaskData:
    """Read EMNIST's two tasks and split Kannada's one file into training and test images."""
    parts = [_train_and_test(options, name) for name in options.sources()[:2]]
    name = options.sources()[2]
    file_set, paths = FILE_SETS[name], require(name, options.held_against(name))
    labels = _labels(file_set, paths, "test")
    train, rest = stratified_split(labels, options.train_per_task, options.split_seed)
    number = options.shape().test_images[2]
    test = rest[stratified_choice(labels[rest], number, options.split_seed)]
    kannada = (_part(file_set, paths, "test", train), _part(file_set, paths, "test", test))
    return _assembled(options, ("digits", "letters", "kannada"), [*parts, kannada])


def load_mnist_rotations(options: MnistRotationsOptions) -> MultiTaskData:
    """Read MNIST once and turn it, counterclockwise, for the last two tasks."""
    upright = _train_and_test(options, "mnist")
    ways = [options.preparation(task) for task in range(len(ROTATIONS))]
    # Tasks with the same images share them: they are as large as all of MNIST.
    found = {how: _turned(upright, how) for how in {*ways}}
    return _assembled(options, ROTATIONS, [found[how] for how in ways])


def _turned(parts: tuple[Part, Part], how: Preparation) -> tuple[Part, Part]:
    train, test = ((prepared(images, how, (1, 28, 28)), labels) for images, labels in parts)
    return train, test


def _own_tasks(options: GlyphTable, names: tuple[str, ...]) -> MultiTaskData:
    tasks = [_train_and_test(options, source) for source in options.sources()]
    return _assembled(options, names, tasks)


def _train_and_test(options: GlyphTable, source: str) -> tuple[Part, Part]:
    """The two parts of a set, each the images that the options choose."""
    file_set, paths = FILE_SETS[source], require(source, options.held_against(source))
    wanted = options.wanted(source)
    parts = []
    for split in file_set.splits:
        labels = _labels(file_set, paths, split)
        rows = stratified_choice(labels, wanted.get(split, "all"), options.split_seed)
        parts.append(_part(file_set, paths, split, rows))
    train, test = parts
    return train, test


def _labels(file_set: FileSet, paths: dict[str, Path], split: SplitName) -> NDArray[np.int64]:
    """Labels [N] of a split, from 0 on; EMNIST's letters are stored as 1 to 26."""
    labels = read_idx(paths[file_set.file(split, "labels").name])
    return labels.astype(np.int64) - file_set.labels[0]


def _part(
    file_set: FileSet, paths: dict[str, Path], split: SplitName, rows: NDArray[np.int64]
) -> Part:
    images = read_idx(paths[file_set.file(split, "images").name], rows)
    labels = _labels(file_set, paths, split)[rows]
    return torch.from_numpy(images)[:, None], torch.from_numpy(labels)


def _assembled(
    options: GlyphTable, names: tuple[str, ...], tasks: list[tuple[Part, Part]]
) -> MultiTaskData:
    train, test = (
        Split(tuple(task[i][0] for task in tasks), tuple(task[i][1] for task in tasks))
        for i in (0, 1)
    )
    classes = options.shape().num_classes
    return MultiTaskData(names, classes, train, test, class_names=options.class_names())
