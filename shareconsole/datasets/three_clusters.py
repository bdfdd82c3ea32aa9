"""Three clusters of tasks: CIFAR-100, MNIST and Fashion-MNIST, all as 32x32 colour images.

Maziarz et al. 2019/20 (arXiv 1910.04915), "Section 5.3" of their released code: each of CIFAR-100's
20 superclasses is a task of five classes; for each label of MNIST, and for each of Fashion-MNIST,
telling the nine others apart is a task. Labels above the one left out move down by one. A fifth of
every CIFAR class's training images is kept for validation; the two other sets have no validation
images and are trained on in full, as there.

How the 28x28 grey images get to 32x32x3 the paper does not say. Here it is as in the code:
stretched by linear interpolation (pixel i reads at 28 / 32 * i, so that the last row and column
repeat), with the grey value in all three channels. Rounding the result to whole bytes is ours; the
code keeps fractions.

Deviations: which CIFAR images are kept for validation is random and unseeded there; here
``split_seed`` decides. Images of the MNIST-likes come in a new order in each epoch; there it stays
that of the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch

from shareconsole.files.checking import require
from shareconsole.files.cifar import fine_classes, read_cifar, superclass_members
from shareconsole.files.idx import read_idx
from shareconsole.files.known import FILE_SETS
from shareconsole.files.three_clusters import training_part
from shareconsole.sharing.data import MultiTaskData, Split
from shareconsole.sharing.preparation import enlarged
from shareconsole.sharing.splits import stratified_choice
from shareconsole.spec.data.cifar import CIFAR100_CLASSES
from shareconsole.spec.data.handwriting import CLASS_NAMES
from shareconsole.spec.data.three_clusters import NUM_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from shareconsole.spec.data.three_clusters import ThreeClustersOptions

    Part = tuple[Tensor, Tensor]
    """Images [N, 3, 32, 32] uint8 and labels [N] int64, from 0 on."""

_SIDE = 32


class _Task(NamedTuple):
    """One task; ``classes`` are the names of its classes, in the order of its labels."""

    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part


def load_three_clusters(options: ThreeClustersOptions) -> MultiTaskData:
    """Read the three sets and make their tasks.

    Raises:
        DataMissing: A file is not there.
        DataDamaged: A file is not what it should be.
    """
    tasks = [*_superclasses(options)]
    for name, number in options.left_out.items():
        tasks += _without_a_label(options, name, number)
    train, validation, test = (
        Split(tuple(x for x, _ in parts), tuple(y for _, y in parts))
        for parts in zip(*((task.train, task.validation, task.test) for task in tasks), strict=True)
    )
    return MultiTaskData(
        options.tasks,
        tuple(len(task.classes) for task in tasks),
        train,
        test,
        validation,
        options.clusters,
        tuple(task.classes for task in tasks),
    )


def _superclasses(options: ThreeClustersOptions) -> Iterator[_Task]:
    paths = require("cifar100", options.verify)
    splits = read_cifar(FILE_SETS["cifar100"], paths)
    classes = fine_classes(next(iter(paths.values())), splits)
    for superclass in range(options.cifar_tasks):
        parts: list[Part] = []
        members, own = superclass_members(splits["train"], classes, superclass)
        kept, held = _apart(own, (options.split_seed, superclass))
        chosen = kept[stratified_choice(own[kept], options.train_per_task, options.split_seed)]
        for rows in (chosen, held):
            images = splits["train"].images[members[rows]]
            parts.append((torch.from_numpy(images), torch.from_numpy(own[rows])))
        members, own = superclass_members(splits["test"], classes, superclass)
        rows = stratified_choice(own, options.test_per_task, options.split_seed)
        images = splits["test"].images[members[rows]]
        test = (torch.from_numpy(images), torch.from_numpy(own[rows]))
        names = tuple(CIFAR100_CLASSES[label] for label in classes[superclass])
        yield _Task(names, parts[0], parts[1], test)


def _apart(
    labels: NDArray[np.int64], seed: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and rows to keep for validation, both ascending, a fifth of each class."""
    random = np.random.RandomState(seed)
    kept, held = [], []
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        size = training_part(len(rows))
        kept.append(rows[:size])
        held.append(rows[size:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))


def _without_a_label(options: ThreeClustersOptions, name: str, tasks: int) -> Iterator[_Task]:
    """The tasks made of a set of grey images; the first is without label 0."""
    file_set, paths = FILE_SETS[name], require(name, options.verify)
    train, test = (
        (
            enlarged(
                torch.from_numpy(read_idx(paths[file_set.file(split, "images").name])),
                (_SIDE, _SIDE),
            ),
            read_idx(paths[file_set.file(split, "labels").name]).astype(np.int64),
        )
        for split in file_set.splits
    )
    names = CLASS_NAMES.get(name, tuple(map(str, range(NUM_LABELS))))
    none = (torch.empty(0, 3, _SIDE, _SIDE, dtype=torch.uint8), torch.empty(0, dtype=torch.int64))
    for label in range(tasks):
        yield _Task(
            tuple(each for number, each in enumerate(names) if number != label),
            _part(*train, label, options.train_per_task, options.split_seed),
            none,
            _part(*test, label, options.test_per_task, options.split_seed),
        )


def _part(
    grey: Tensor, labels: NDArray[np.int64], out: int, number: int | Literal["all"], seed: int
) -> Part:
    """Images of a split [N, 32, 32] in three channels, those with the label ``out`` left out."""
    rows = np.flatnonzero(labels != out)
    own = labels[rows] - (labels[rows] > out)
    chosen = stratified_choice(own, number, seed)
    images = grey[torch.from_numpy(rows[chosen]), None]
    return images.repeat(1, 3, 1, 1), torch.from_numpy(own[chosen])
