"""CIFAR-100 as 20 tasks and CIFAR-10 as ten: 32x32 colour images, kept as bytes.

- cifar100: every superclass is a task with five classes of its own (Rosenbaum et al. 2018;
  Prellberg & Kramer 2020, arXiv 2003.10159). Within a superclass the fine labels, ascending, become
  0 to 4. Taking the fine label modulo 5 instead, as one public loader does, makes different classes
  of a superclass one.
- cifar10: all images belong to all tasks, and task c asks whether an image is of class c or not.
  Our choice: the ten classes as they are would be one task, and no source of ours says how Filatov
  & Merkulov 2021 made tasks of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from shareconsole.files.checking import require
from shareconsole.files.cifar import CifarImages, fine_classes, read_cifar, superclass_members
from shareconsole.files.known import FILE_SETS
from shareconsole.sharing.data import MultiTaskData, Split
from shareconsole.sharing.splits import stratified_choice
from shareconsole.spec.data.cifar import CIFAR10_CLASSES, CIFAR100_CLASSES, SUPERCLASSES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shareconsole.spec.data.cifar import Cifar10Options, Cifar100Options


def load_cifar100(options: Cifar100Options) -> MultiTaskData:
    """Read CIFAR-100 and deal the images to the superclasses."""
    paths = require("cifar100", options.verify)
    splits = read_cifar(FILE_SETS["cifar100"], paths)
    classes = fine_classes(next(iter(paths.values())), splits)
    train = _by_superclass(splits["train"], classes, options, options.train_per_task)
    test = _by_superclass(splits["test"], classes, options, options.test_per_task)
    fine = [classes[SUPERCLASSES.index(name)] for name in options.tasks]
    names = tuple(tuple(CIFAR100_CLASSES[label] for label in labels) for labels in fine)
    num_classes = options.shape().num_classes
    return MultiTaskData(options.tasks, num_classes, train, test, class_names=names)


def _by_superclass(
    part: CifarImages,
    classes: dict[int, NDArray[np.int64]],
    options: Cifar100Options,
    number: int | Literal["all"],
) -> Split:
    images, labels = [], []
    for name in options.tasks:
        members, own = superclass_members(part, classes, SUPERCLASSES.index(name))
        rows = stratified_choice(own, number, options.split_seed)
        images.append(torch.from_numpy(part.images[members[rows]]))
        labels.append(torch.from_numpy(own[rows]))
    return Split(tuple(images), tuple(labels))


def load_cifar10(options: Cifar10Options) -> MultiTaskData:
    """Read CIFAR-10; every task labels the same images, 1 for its own class and 0 for others."""
    splits = read_cifar(FILE_SETS["cifar10"], require("cifar10", options.verify))
    train = _one_against_rest(splits["train"], options, options.train_per_task)
    test = _one_against_rest(splits["test"], options, options.test_per_task)
    names = tuple((f"not {name}", name) for name in options.tasks)
    classes = options.shape().num_classes
    return MultiTaskData(options.tasks, classes, train, test, class_names=names)


def _one_against_rest(
    part: CifarImages, options: Cifar10Options, number: int | Literal["all"]
) -> Split:
    rows = stratified_choice(part.labels, number, options.split_seed)
    labels = torch.from_numpy(part.labels[rows])
    own = [CIFAR10_CLASSES.index(name) for name in options.tasks]
    return Split((torch.from_numpy(part.images[rows]),), tuple((labels == c).long() for c in own))
