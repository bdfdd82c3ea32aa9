"""scikit-learn's 1,797 digits as four tasks: upright, upright again, rotated, rotated again.

The design follows Maziarz et al. 2019 (arXiv 1910.04915), section 5.1, which has MNIST twice and
MNIST rotated by 90 degrees twice. Here the four tasks are disjoint: every image belongs to one
task. Images are 8x8 with 17 grey levels, scaled to [0, 1]. Source: UCI optical recognition of
handwritten digits (test part), as shipped with scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.datasets import load_digits

from shareconsole.sharing.data import MultiTaskData, split_tasks
from shareconsole.sharing.preparation import prepared
from shareconsole.sharing.splits import stratified_folds

if TYPE_CHECKING:
    from shareconsole.spec.data.digits import DigitsOptions

TASKS = ("upright-1", "upright-2", "rotated-1", "rotated-2")


def load_digits_tasks(options: DigitsOptions) -> MultiTaskData:
    """Deal the digits to four tasks and split each into training and test images."""
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    folds = stratified_folds(labels, len(TASKS), options.split_seed)
    tasks = [
        (
            prepared(torch.from_numpy(images[fold]), options.preparation(task), (1, 8, 8)).numpy(),
            labels[fold],
        )
        for task, fold in enumerate(folds)
    ]
    train, test = split_tasks(tasks, options.train_per_task, options.split_seed)
    return MultiTaskData(TASKS, (10,) * len(TASKS), train, test)
