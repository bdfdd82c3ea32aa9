"""Stratified splits: every class keeps its share in every part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]


def stratified_folds(labels: NDArray[np.int64], num_folds: int, seed: int) -> list[Indices]:
    """Deal all images to `num_folds` disjoint folds.

    Args:
        labels: [N] class of each image.
        num_folds: Number of folds, at least 1.
        seed: Seed of the shuffle; the same seed deals the same folds.

    Returns:
        `num_folds` ascending index arrays that partition range(N).
    """
    if num_folds == 1:
        return [np.arange(len(labels))]
    folds = StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    return [fold for _, fold in folds.split(np.zeros(len(labels)), labels)]


def stratified_split(
    labels: NDArray[np.int64], first_size: int, seed: int
) -> tuple[Indices, Indices]:
    """Split images into a first part of `first_size` images and the rest.

    Args:
        labels: [N] class of each image.
        first_size: Images in the first part; at least one per class, as in the rest.
        seed: Seed of the choice.

    Returns:
        (first [first_size], rest [N - first_size]), both ascending.

    Raises:
        ValueError: A class cannot be represented in both parts.
    """
    first, rest = train_test_split(
        np.arange(len(labels)), train_size=first_size, stratify=labels, random_state=seed
    )
    return np.sort(first), np.sort(rest)


def stratified_choice(
    labels: NDArray[np.int64], number: int | Literal["all"], seed: int
) -> Indices:
    """Choose images, the same share of each class up to one.

    Args:
        labels: [N] class of each image.
        number: Images to choose; "all" or N takes every image.
        seed: Seed of the choice.

    Returns:
        Ascending rows.

    Raises:
        ValueError: A class cannot be represented among the chosen and among the others.
    """
    if number in ("all", len(labels)):
        return np.arange(len(labels))
    return stratified_split(labels, int(number), seed)[0]
