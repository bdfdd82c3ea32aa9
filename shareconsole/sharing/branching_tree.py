"""Which tasks share which units: the tree that costs least of those that are small enough.

Source: Vandenhende et al. 2020 (arXiv 1904.02920). A tree is a partition of the tasks at each unit,
and each refines the one before: tasks that have parted stay apart. A partition costs the mean over
its clusters of the largest dissimilarity (1 - affinity) of two tasks within, nothing for a task by
itself; a tree costs the sum over its units.

The search goes from the heads, where all tasks are apart, to the input, and keeps for each
partition the partial trees that no other beats in both cost and parameters. Without a beam it looks
at all trees. With one, a partition of many clusters is only continued by partitions that merging
two clusters at a time leads to. Of each number of clusters the cheapest few are kept, the fewer the
more partitions are continued: by the unit's own dissimilarities, and by the mean of its own and
those of the units before it. And of all partial trees, the cheapest few are kept in each of 32
equal slices of the parameters spent. The slices are there because partial trees that have spent
more are cheaper, and would crowd out the rest. What is said here of beams is our own; the paper's
search for many tasks is not known to us. How much it misses is measured by
`tests.studies.tree_search`.

Shapes: L units, T tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shareconsole.sharing.partitions import coarsenings, merges, partition_cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shareconsole.sharing.partitions import Partition, Weighting

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MANY_CLUSTERS = 7
"""From here on a beam does not look at all ways to merge clusters: of 7 there are 877."""

SLICES = 32

AT_ONCE = 256
"""Partitions that are merged together: more take memory, and are hardly faster."""


@dataclass(frozen=True)
class Tree:
    """Who shares what.

    Attributes:
        partitions: One per unit, from input to output.
        cost: The sum of their costs.
        parameters: Trainable numbers of the units' modules, one module per cluster.
    """

    partitions: tuple[Partition, ...]
    cost: float
    parameters: int


def cheapest_tree(
    affinity_LTT: Floats,
    unit_parameters: Sequence[int],
    limit: int,
    *,
    weighting: Weighting = "clusters",
    beam_width: int | None = None,
    many_clusters: int = MANY_CLUSTERS,
) -> Tree:
    """The tree of least cost, and of those the one with the fewest parameters.

    Args:
        affinity_LTT: How alike the tasks are at each unit, symmetric, at most 1.
        unit_parameters: L numbers, the parameters of one module of each unit.
        limit: Parameters that the modules may have in all.
        weighting: What the mean over clusters is over.
        beam_width: Partial trees kept in each slice, and at each unit, over all partitions that are
            continued, partitions of each number of clusters while clusters are merged; None looks
            at all trees, which is for few tasks: at 8 there are some 168,000 ways to go on at every
            unit.
        many_clusters: From how many clusters on a beam merges instead of looking at all ways to.

    Raises:
        ValueError: Not even one module per unit is within the limit.
    """
    if sum(unit_parameters) > limit:
        raise ValueError(f"{sum(unit_parameters)} parameters at least are over the limit, {limit}")
    dissimilarity_LTT = 1 - np.asarray(affinity_LTT, dtype=np.float64)
    search = _Search(dissimilarity_LTT, weighting, beam_width, many_clusters)
    num_tasks = affinity_LTT.shape[1]
    front = _Front.start(num_tasks)
    fronts = [front]
    for unit in reversed(range(len(unit_parameters))):
        needed = sum(unit_parameters[:unit])
        grown = search.grow(front, unit, unit_parameters[unit], limit - needed)
        front = grown.best()
        if beam_width is not None:
            front = front.beam(beam_width)
        fronts.append(front)
    return _trace(fronts)


@dataclass(frozen=True)
class _Front:
    """Partial trees: from the heads down to some unit.

    Attributes:
        partitions: At that unit.
        which: Index of each tree's partition.
        spent: Parameters so far.
        cost: Cost so far.
        parent: Tree of the front before that it continues.
    """

    partitions: list[Partition]
    which: Integers
    spent: Integers
    cost: Floats
    parent: Integers

    @classmethod
    def start(cls, num_tasks: int) -> _Front:
        none = np.zeros(1, np.int64)
        return cls([tuple(range(num_tasks))], none, none, np.zeros(1), none)

    def by_partition(self) -> Iterator[tuple[Partition, Integers]]:
        """Each partition that has trees, and which these are."""
        order = np.argsort(self.which, kind="stable")
        present, starts = np.unique(self.which[order], return_index=True)
        for index, trees in zip(present, np.split(order, starts[1:]), strict=True):
            yield self.partitions[index], trees

    def best(self) -> _Front:
        """The trees that none of the same partition beats in both cost and parameters."""
        order = np.lexsort((self.cost, self.spent, self.which))
        first = np.diff(self.which[order], prepend=-1) != 0
        kept = []
        for trees in np.split(order, np.flatnonzero(first)[1:]):
            lowest = np.minimum.accumulate(self.cost[trees])
            kept.append(trees[np.diff(lowest, prepend=np.inf) < 0])
        return self._take(np.concatenate(kept))

    def beam(self, width: int) -> _Front:
        """The `width` cheapest trees of each slice of the parameters spent."""
        least, most = self.spent.min(), self.spent.max()
        slices = (self.spent - least) * SLICES // (most - least + 1)
        order = np.lexsort((self.spent, self.cost, slices))
        first = np.flatnonzero(np.diff(slices[order], prepend=-1))
        return self._take(np.concatenate([s[:width] for s in np.split(order, first[1:])]))

    def _take(self, trees: Integers) -> _Front:
        which, spent, cost = self.which[trees], self.spent[trees], self.cost[trees]
        return _Front(self.partitions, which, spent, cost, self.parent[trees])


class _Search:
    """Continues partial trees towards the input."""

    def __init__(
        self,
        dissimilarity_LTT: Floats,
        weighting: Weighting,
        beam_width: int | None,
        many_clusters: int,
    ) -> None:
        self._dissimilarity_LTT = dissimilarity_LTT
        self._weighting: Weighting = weighting
        self._beam_width = beam_width
        self._many_clusters = many_clusters
        self._known: dict[tuple[int, Partition], float] = {}

    def grow(self, front: _Front, unit: int, parameters: int, limit: int) -> _Front:
        """All trees of a front with one unit more, within the limit."""
        index: dict[Partition, int] = {}
        parts: list[tuple[Integers, Integers, Floats, Integers]] = []
        continued = list(front.by_partition())
        # They share the width, or a step of the search would do its square.
        many = sum(self._merges(partition) for partition, _ in continued)
        width = max(1, (self._beam_width or 0) // max(1, many))
        at_once = max(1, AT_ONCE // width)
        for begin in range(0, len(continued), at_once):
            few = continued[begin : begin + at_once]
            every = self._coarser(unit, [partition for partition, _ in few], width)
            for (_, trees), coarsened in zip(few, every, strict=True):
                for coarser, cost in coarsened.items():
                    spent = front.spent[trees] + parameters * (max(coarser) + 1)
                    fits = spent <= limit
                    if not fits.any():
                        continue
                    which = np.full(int(fits.sum()), index.setdefault(coarser, len(index)))
                    parent = trees[fits]
                    parts.append((which, spent[fits], front.cost[parent] + cost, parent))
        return _Front(
            [*index],
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
            np.concatenate([part[3] for part in parts]),
        )

    def _merges(self, partition: Partition) -> bool:
        """Whether a partition has too many clusters to look at all ways to go on."""
        return self._beam_width is not None and max(partition) + 1 >= self._many_clusters

    def _coarser(
        self, unit: int, partitions: Sequence[Partition], width: int
    ) -> list[dict[Partition, float]]:
        """The partitions of a unit that each of these may refine, and what each costs."""
        found: list[dict[Partition, float]] = [{} for _ in partitions]
        # Those of as many clusters are merged together: several times as fast as one by one.
        alike: dict[int, list[int]] = {}
        for place, partition in enumerate(partitions):
            if self._merges(partition):
                alike.setdefault(max(partition), []).append(place)
            else:
                found[place] = {each: self._cost(unit, each) for each in coarsenings(partition)}
        for places in alike.values():
            self._merged(
                unit,
                [partitions[place] for place in places],
                width,
                [found[place] for place in places],
            )
        return found

    def _cost(self, unit: int, partition: Partition) -> float:
        key = unit, partition
        if key not in self._known:
            dissimilarity_TT = self._dissimilarity_LTT[unit]
            self._known[key] = partition_cost(dissimilarity_TT, partition, self._weighting)
        return self._known[key]

    def _merged(
        self,
        unit: int,
        partitions: Sequence[Partition],
        width: int,
        found: Sequence[dict[Partition, float]],
    ) -> None:
        """Put into `found` what merging leads to from each partition, and what it costs."""
        own = self._dissimilarity_LTT[unit]
        for guide in (own, self._dissimilarity_LTT[: unit + 1].mean(0)):
            both_2TT = np.stack([own, guide])
            for start, coarser, cost in merges(both_2TT, partitions, self._weighting, width):
                found[start][coarser] = cost


def _trace(fronts: Sequence[_Front]) -> Tree:
    """The best tree of the last front, followed back to the heads."""
    last = fronts[-1]
    # Sums of the same costs in another order differ in the last digits; to people they are equal.
    best = int(np.lexsort((last.spent, last.cost.round(12)))[0])
    cost, parameters = float(last.cost[best]), int(last.spent[best])
    partitions = []
    for front in reversed(fronts[1:]):
        partitions.append(front.partitions[front.which[best]])
        best = int(front.parent[best])
    return Tree(tuple(partitions), cost, parameters)
