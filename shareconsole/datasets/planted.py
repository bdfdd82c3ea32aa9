"""Digits with planted groups of tasks, to see whether a method finds them.

scikit-learn's 1,797 digits dealt to `groups` * `tasks_per_group` disjoint tasks. All images of a
group pass through one fixed permutation of the pixels, and every task renames the classes by a
permutation of its own. Tasks of one group can share everything but the head; tasks of different
groups have nothing in common that a dense layer could use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.datasets import load_digits

from shareconsole.sharing.data import MultiTaskData, split_tasks
from shareconsole.sharing.splits import stratified_folds

if TYPE_CHECKING:
    from shareconsole.spec.data.digits import PlantedOptions


def load_planted(options: PlantedOptions) -> MultiTaskData:
    """Deal the digits, permute pixels per group and classes per task, and split each task."""
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    num_tasks = options.groups * options.tasks_per_group
    random = np.random.default_rng(options.split_seed)
    pixels = [random.permutation(images.shape[1]) for _ in range(options.groups)]
    classes = [random.permutation(10) for _ in range(num_tasks)]
    groups = tuple(task // options.tasks_per_group for task in range(num_tasks))
    folds = stratified_folds(labels, num_tasks, options.split_seed)
    tasks = [
        (images[fold][:, pixels[group]].reshape(-1, 1, 8, 8), renamed[labels[fold]])
        for fold, group, renamed in zip(folds, groups, classes, strict=True)
    ]
    train, test = split_tasks(tasks, options.train_per_task, options.split_seed)
    names = [f"group{g + 1}-task{t % options.tasks_per_group + 1}" for t, g in enumerate(groups)]
    return MultiTaskData(
        tuple(names),
        (10,) * num_tasks,
        train,
        test,
        groups=groups,
        # Label renamed[d] is digit d.
        class_names=tuple(tuple(map(str, np.argsort(renamed))) for renamed in classes),
    )
