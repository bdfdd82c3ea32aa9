"""Divide images that all tasks label, so that every class of every task is on both sides.

Rare classes are served first, in the manner of iterative stratification (Sechidis, Tsoumakas and
Vlahavas 2011): once an image is on one side for the sake of one task it is there for all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shareconsole.files.own import NO_LABEL, num_test

_ATTEMPTS = 50


def split_rows(labels_TN: NDArray[np.int64], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Choose images for testing.

    A class with a single image, or one whose few images all serve rarer classes, may end on one
    side all the same.

    Args:
        labels_TN: [T, N] class of each image in each task, ``NO_LABEL`` where there is none.
        fraction: share for testing.
        seed: seed of the choice.

    Returns:
        [N] bool, True for testing.
    """
    classes = _rarest_first(labels_TN)
    # The legacy generator: its numbers are promised never to change.
    random = np.random.RandomState(seed)
    for _ in range(_ATTEMPTS):
        tested = _split_once(labels_TN, classes, fraction, random.permutation(labels_TN.shape[1]))
        if all(_on_both_sides(labels_TN[task] == label, tested) for task, label, _ in classes):
            break
    return tested


def _split_once(
    labels_TN: NDArray[np.int64],
    classes: list[tuple[int, int, int]],
    fraction: float,
    order: NDArray[np.int64],
) -> NDArray[np.bool_]:
    shuffled_TN = labels_TN[:, order]
    tested = np.zeros(len(order), bool)
    free = np.ones(len(order), bool)
    for task, label, count in classes:
        mine = shuffled_TN[task] == label
        open_ = np.flatnonzero(mine & free)
        wanted = num_test(count, fraction) if count > 1 else 0
        wanted = min(max(wanted - int((mine & tested).sum()), 0), len(open_))
        tested[open_[:wanted]] = True
        free[open_] = False
    back = np.empty(len(order), bool)
    back[order] = tested
    return back


def _on_both_sides(mine: NDArray[np.bool_], tested: NDArray[np.bool_]) -> bool:
    return bool((mine & tested).any() and (mine & ~tested).any())


def _rarest_first(labels_TN: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return (task, class, images) of every class, the rarest first."""
    found = []
    for task, labels in enumerate(labels_TN):
        counts = np.bincount(labels[labels != NO_LABEL])
        found += [(task, label, int(n)) for label, n in enumerate(counts) if n]
    return sorted(found, key=lambda each: each[2])
