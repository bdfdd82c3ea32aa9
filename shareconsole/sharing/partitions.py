"""Partitions of tasks into clusters that share a module: what they cost, and how clusters merge.

Source: the cost of Vandenhende et al. 2020 (arXiv 1904.02920) of one unit, the mean over clusters
of the largest dissimilarity of two tasks within; a task by itself costs nothing.

Shapes: T tasks, C clusters.
"""

from __future__ import annotations

from functools import cache
from math import fsum
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Partition = tuple[int, ...]
"""The cluster of each task; clusters are numbered from 0 in the order of their first tasks."""

Weighting = Literal["clusters", "tasks"]
"""What the mean of a partition's cost is over: every cluster counts 1, or as many as its tasks."""


def partition_cost(
    dissimilarity_TT: Floats, partition: Partition, weighting: Weighting = "clusters"
) -> float:
    """Mean over clusters of the largest dissimilarity of two tasks within."""
    members_CT = _members(partition)
    widths_C = _largest(dissimilarity_TT, members_CT).diagonal()
    return _mean(widths_C.tolist(), members_CT.sum(1).tolist(), weighting)


def coarsenings(partition: Partition) -> Iterator[Partition]:
    """Every partition that comes of merging clusters, the partition itself included."""
    for merged in _partitions_of(max(partition) + 1):
        yield tuple(merged[cluster] for cluster in partition)


@cache
def _partitions_of(count: int) -> tuple[Partition, ...]:
    if count == 1:
        return ((0,),)
    return tuple(
        (*first, last) for first in _partitions_of(count - 1) for last in range(max(first) + 2)
    )


def _mean(widths: Sequence[float], sizes: Sequence[int], weighting: Weighting) -> float:
    # fsum, so that a partition costs the same to the bit in whatever order it was put together.
    if weighting == "clusters":
        return fsum(widths) / len(widths)
    return fsum(w * n for w, n in zip(widths, sizes, strict=True)) / sum(sizes)


def merges(
    dissimilarity_2TT: Floats, partition: Partition, weighting: Weighting
) -> Iterator[tuple[Partition, float]]:
    """Merge two clusters at a time until one is left; yields every partition and its cost.

    Args:
        dissimilarity_2TT: The dissimilarities that a partition's cost is of, and those that decide
            which merge adds least to the sum of widths.
        partition: Where to begin.
        weighting: As in `cheapest_tree`.
    """
    members_CT = _members(partition)
    sizes = members_CT.sum(1)
    # The largest dissimilarity between any two clusters, and within each on the diagonal.
    links_2CC = np.stack([_largest(one_TT, members_CT) for one_TT in dissimilarity_2TT])
    while True:
        widths_2C = links_2CC.diagonal(axis1=1, axis2=2)
        own, width_C = widths_2C
        yield partition, _mean(own.tolist(), sizes.tolist(), weighting)
        if len(sizes) == 1:
            return
        link_CC = links_2CC[1]
        merged_CC = np.maximum(link_CC, np.maximum(width_C[:, None], width_C))
        if weighting == "clusters":
            added_CC = merged_CC - width_C[:, None] - width_C
        else:
            total_C = width_C * sizes
            added_CC = merged_CC * (sizes[:, None] + sizes) - total_C[:, None] - total_C
        pairs = np.triu_indices(len(sizes), 1)
        best = int(added_CC[pairs].argmin())
        one, other = int(pairs[0][best]), int(pairs[1][best])
        joined_2C = np.maximum(links_2CC[:, one], links_2CC[:, other])
        joined_2C[:, one] = np.maximum(joined_2C[:, one], joined_2C[:, other])
        links_2CC[:, one], links_2CC[:, :, one] = joined_2C, joined_2C
        links_2CC = np.delete(np.delete(links_2CC, other, 1), other, 2)
        sizes[one] += sizes[other]
        sizes = np.delete(sizes, other)
        partition = tuple(one if c == other else c - (c > other) for c in partition)


def _members(partition: Partition) -> NDArray[np.bool_]:
    """[C, T] which tasks are in which cluster."""
    return np.array(partition) == np.arange(max(partition) + 1)[:, None]


def _largest(dissimilarity_TT: Floats, members_CT: NDArray[np.bool_]) -> Floats:
    """Largest dissimilarity [C, C] between the tasks of two clusters; within one, 0 at least."""
    off_TT = dissimilarity_TT.clip(min=0)
    np.fill_diagonal(off_TT, 0)
    of_task_CT = np.stack([off_TT[tasks].max(0) for tasks in members_CT])
    return np.stack([of_task_CT[:, tasks].max(1) for tasks in members_CT], axis=1)
