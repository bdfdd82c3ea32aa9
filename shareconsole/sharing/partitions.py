"""Partitions of tasks into clusters that share a module: what they cost, and how clusters merge.

Source: the cost of Vandenhende et al. 2020 (arXiv 1904.02920) of one unit, the mean over clusters
of the largest dissimilarity of two tasks within; a task by itself costs nothing.

Shapes: T tasks, C clusters, B partitions.
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
    Integers = NDArray[np.int64]

Partition = tuple[int, ...]
"""The cluster of each task; clusters are numbered from 0 in the order of their first tasks."""

Weighting = Literal["clusters", "tasks"]
"""What the mean of a partition's cost is over: every cluster counts 1, or as many as its tasks."""

REPEATS = 4
"""Merges looked at for each partition that is kept, as many of them lead to the same one."""


def partition_cost(
    dissimilarity_TT: Floats, partition: Partition, weighting: Weighting = "clusters"
) -> float:
    """Mean over clusters of the largest dissimilarity of two tasks within."""
    clusters_T = np.array(partition)
    widths_C = _largest(dissimilarity_TT[None], clusters_T)[0].diagonal()
    return _mean(widths_C.tolist(), np.bincount(clusters_T).tolist(), weighting)


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
    dissimilarity_2TT: Floats, partitions: Sequence[Partition], weighting: Weighting, width: int
) -> Iterator[tuple[int, Partition, float]]:
    """Merge two clusters at a time until one is left, from each of several partitions.

    Of each number of clusters the `width` partitions are kept, and merged further, whose sum of
    widths is least. A single one is not enough: the merge that adds least now is often not the one
    that leads to the cheapest partition of fewer clusters.

    Args:
        dissimilarity_2TT: The dissimilarities that a partition's cost is of, and those that decide
            which partitions are kept.
        partitions: Where to begin, each by itself; all of as many clusters.
        weighting: As in `cheapest_tree`.
        width: Partitions kept of those that come of each.

    Yields:
        Which partition it comes of, a partition, and its cost.
    """
    partitions_BT = np.array(partitions)
    start_B = np.arange(len(partitions))
    sizes_BC = np.stack([np.bincount(clusters) for clusters in partitions_BT])
    # The largest dissimilarity between any two clusters, and within each on the diagonal.
    links_B2CC = np.stack([_largest(dissimilarity_2TT, clusters) for clusters in partitions_BT])
    while True:
        widths_BC = links_B2CC[:, 0].diagonal(axis1=1, axis2=2)
        arrays = start_B, partitions_BT, widths_BC, sizes_BC
        for start, clusters, widths, sizes in zip(*(a.tolist() for a in arrays), strict=True):
            yield start, tuple(clusters), _mean(widths, sizes, weighting)
        if sizes_BC.shape[1] == 1:
            return
        sums = _sums_after(links_B2CC[:, 1], sizes_BC, weighting)
        before, one, other = _cheapest(sums, start_B, REPEATS * width)
        partitions_BT = _merged(partitions_BT[before], one[:, None], other[:, None])
        new = _first_of_each(partitions_BT, start_B[before], width)
        before, one, other, partitions_BT = before[new], one[new], other[new], partitions_BT[new]
        start_B = start_B[before]
        links_B2CC = _joined(links_B2CC[before], one, other)
        sizes_BC = sizes_BC[before]
        rows = np.arange(len(new))
        sizes_BC[rows, one] += sizes_BC[rows, other]
        sizes_BC = np.take_along_axis(sizes_BC, _others(other, sizes_BC.shape[1]), 1)


def _sums_after(links_BCC: Floats, sizes_BC: Integers, weighting: Weighting) -> Floats:
    """[B, C, C] sum of widths after a merge of clusters i < j; infinite elsewhere."""
    width_BC = links_BCC.diagonal(axis1=1, axis2=2)
    merged_BCC = np.maximum(links_BCC, np.maximum(width_BC[:, :, None], width_BC[:, None]))
    if weighting == "tasks":
        merged_BCC = merged_BCC * (sizes_BC[:, :, None] + sizes_BC[:, None])
        width_BC = width_BC * sizes_BC
    added_BCC = merged_BCC - width_BC[:, :, None] - width_BC[:, None]
    sums = width_BC.sum(1)[:, None, None] + added_BCC
    return np.where(np.triu(np.ones_like(links_BCC[0], dtype=bool), 1), sums, np.inf)


def _cheapest(
    sums_BCC: Floats, start_B: Integers, count: int
) -> tuple[Integers, Integers, Integers]:
    """Of each start the `count` merges of least sum, in order.

    Returns:
        Which partition of the B, and its two clusters, the smaller number first.
    """
    clusters = sums_BCC.shape[1]
    sums = sums_BCC.reshape(len(sums_BCC), -1)
    allowed = np.isfinite(sums)
    if sums.shape[1] > count:
        # All that tie with the last one stay, so that the order of clusters decides, not numpy's.
        allowed &= sums <= np.partition(sums, count - 1, axis=1)[:, count - 1 : count]
    rows, places = allowed.nonzero()
    order = np.lexsort((sums[rows, places], start_B[rows]))  # which keeps the order of equal ones
    rows, places = rows[order], places[order]
    first = np.flatnonzero(np.diff(start_B[rows], prepend=-1))
    rank = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
    kept = rank < count
    one, other = np.divmod(places[kept], clusters)
    return rows[kept], one, other


def _merged(partitions_BT: Integers, one_B1: Integers, other_B1: Integers) -> Integers:
    """Cluster `other` goes into `one`, which has the smaller number; later ones move up."""
    fewer_BT = partitions_BT - (partitions_BT > other_B1)
    return np.where(partitions_BT == other_B1, one_B1, fewer_BT)


def _first_of_each(partitions_BT: Integers, start_B: Integers, width: int) -> list[int]:
    """Of each start the first `width` rows that are not the same as one before."""
    # As members of a set: np.unique sorts whole rows, and took most of the search's time.
    seen: dict[int, set[bytes]] = {}
    found = []
    for index, (start, row) in enumerate(zip(start_B.tolist(), partitions_BT, strict=True)):
        rows = seen.setdefault(start, set())
        key = row.tobytes()
        if len(rows) < width and key not in rows:
            rows.add(key)
            found.append(index)
    return found


def _joined(links_B2CC: Floats, one_B: Integers, other_B: Integers) -> Floats:
    """The links of the clusters that are left where each row merged two."""
    rows = np.arange(len(one_B))
    joined_B2C = np.maximum(links_B2CC[rows, :, one_B], links_B2CC[rows, :, other_B])
    within_B2 = np.maximum(joined_B2C[rows, :, one_B], joined_B2C[rows, :, other_B])
    joined_B2C[rows, :, one_B] = within_B2
    links_B2CC[rows, :, one_B] = joined_B2C
    links_B2CC[rows, :, :, one_B] = joined_B2C
    left_BC = _others(other_B, links_B2CC.shape[-1])
    links_B2CC = np.take_along_axis(links_B2CC, left_BC[:, None, :, None], 2)
    return np.take_along_axis(links_B2CC, left_BC[:, None, None, :], 3)


def _others(gone_B: Integers, count: int) -> Integers:
    """[B, count - 1] the numbers below `count` without one each."""
    numbers = np.arange(count - 1)
    return numbers + (numbers >= gone_B[:, None])


def _largest(dissimilarity_2TT: Floats, clusters_T: Integers) -> Floats:
    """Largest dissimilarity [2, C, C] between the tasks of two clusters; within one, 0 at least."""
    off_2TT = dissimilarity_2TT.clip(min=0)
    off_2TT[:, range(len(clusters_T)), range(len(clusters_T))] = 0
    order = np.argsort(clusters_T, kind="stable")
    first = np.flatnonzero(np.diff(clusters_T[order], prepend=-1))
    sorted_2TT = off_2TT[:, order][:, :, order]
    found: Floats = np.maximum.reduceat(np.maximum.reduceat(sorted_2TT, first, 1), first, 2)
    return found
