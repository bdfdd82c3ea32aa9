"""What a population of assignments has in common: the trie of distinct module prefixes.

Two assignments that give a task the same modules in units 1..l have bit-identical activations up
to unit l. The distinct (images, module prefix) pairs are the nodes of a trie; an engine computes
each node once. This file finds the nodes; it knows no network and computes nothing else.

Shapes: S assignments, T tasks, N nodes of one unit. Nodes are sorted by module, then by parent,
so that the nodes of one module are one segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """The nodes of one module.

    Attributes:
        module: Index among the unit's modules.
        start: First node.
        stop: One past the last node.
        calls: How often the loop engine would call the module in the whole step; all tasks with a
            label and all duplicates counted, also those of other chunks.
    """

    module: int
    start: int
    stop: int
    calls: int

    @property
    def num_nodes(self) -> int:
        """Nodes of the module."""
        return self.stop - self.start


class Calls:
    """The calls of one unit's modules that the loop engine would make in a step, in its order.

    Attributes:
        of_module: Calls of each module.
    """

    def __init__(self, choice_ST: Integers) -> None:
        """Take the module of every sample and active task."""
        self._choice_ST = choice_ST
        self.of_module: list[int] = np.bincount(choice_ST.ravel()).tolist()

    @cached_property
    def later_ST(self) -> Integers:
        """[S, T'] calls of the same module that come after each, sample-major, then task."""
        backwards = self._choice_ST.ravel()[::-1]
        later = np.empty_like(backwards)
        # In stable order calls of one module are neighbours, the last call of the step first.
        order = np.argsort(backwards, kind="stable")
        starts = np.cumsum(self.of_module) - self.of_module
        later[order] = np.arange(len(order)) - starts[backwards[order]]
        return later[::-1].reshape(self._choice_ST.shape)


@dataclass(frozen=True)
class Level:
    """The nodes of one unit.

    Attributes:
        parents: [N] node of the unit before that each node continues; for the first unit the
            set of images.
        num_parents: Nodes of the unit before, or sets of images.
        segments: One per module in use, in order; together they cover all nodes.
        node_ST: [S, T'] node that each network passes through.
        calls: The calls of the whole step.
        columns: [T'] which of the active tasks take part.
    """

    parents: Integers
    num_parents: int
    segments: tuple[Segment, ...]
    node_ST: Integers
    calls: Calls
    columns: Integers

    @property
    def num_nodes(self) -> int:
        """N."""
        return len(self.parents)

    @cached_property
    def modules(self) -> tuple[int, ...]:
        """The modules in use."""
        return tuple(segment.module for segment in self.segments)

    @cached_property
    def continues_in_order(self) -> bool:
        """True if node i continues node i throughout, so that nothing has to move."""
        same = self.num_nodes == self.num_parents
        return same and np.array_equal(self.parents, np.arange(self.num_parents))

    def statistic_weights(self, momentum: float) -> NDArray[np.float64]:
        """Weight [N] of each node's batch statistics in its module's running statistics.

        n updates r <- (1 - m) r + m x_i, one per call, have the closed form
        r <- (1 - m)^n r + sum_i m (1 - m)^(n - 1 - i) x_i; calls of one node have equal x_i.

        Args:
            momentum: m, as torch's batch-norm defines it.
        """
        weights = momentum * (1 - momentum) ** self.calls.later_ST[:, self.columns]
        nodes = self.node_ST.ravel()
        return np.bincount(nodes, weights.ravel(), self.num_nodes).astype(np.float64)


@dataclass(frozen=True)
class Trie:
    """The nodes of every unit for some tasks.

    Attributes:
        levels: One per unit, heads last.
        tasks: The T' tasks that take part.
    """

    levels: tuple[Level, ...]
    tasks: tuple[int, ...]

    @property
    def leaf_ST(self) -> Integers:
        """[S, T'] node of the last level that each network ends in."""
        return self.levels[-1].node_ST

    @property
    def num_nodes(self) -> int:
        """Nodes of all units."""
        return sum(level.num_nodes for level in self.levels)


def build_tries(
    choices: Sequence[Integers], image_sets: Integers, chunks: Sequence[Sequence[int]]
) -> tuple[Trie, ...]:
    """Find the nodes, one trie per chunk of tasks.

    Args:
        choices: For each unit, heads included, the module [S, T] that every network uses there.
        image_sets: [T] which set of images a task reads; tasks that read the same share nodes.
        chunks: Tasks that are computed together; tasks in none take no part, and do not count as
            calls.
    """
    active = np.array(sorted(task for chunk in chunks for task in chunk), dtype=np.int64)
    calls = [Calls(choice[:, active]) for choice in choices]
    return tuple(
        _build(choices, image_sets, np.array(chunk), np.searchsorted(active, chunk), calls)
        for chunk in chunks
    )


def _build(
    choices: Sequence[Integers],
    image_sets: Integers,
    tasks: Integers,
    columns: Integers,
    calls: Sequence[Calls],
) -> Trie:
    nodes_before = int(image_sets.max()) + 1
    prefix = image_sets[tasks]
    levels = []
    for choice, of_unit in zip(choices, calls, strict=True):
        keys = choice[:, tasks] * nodes_before + prefix
        # The distinct keys in order by marking them: many times faster than sorting them.
        present = np.zeros(int(keys.max()) + 1, dtype=bool)
        present[keys] = True
        nodes = np.flatnonzero(present)
        prefix = (np.cumsum(present) - 1)[keys]
        segments: list[Segment] = []
        for module, count in enumerate(np.bincount(nodes // nodes_before).tolist()):
            if count:
                start = segments[-1].stop if segments else 0
                segments.append(Segment(module, start, start + count, of_unit.of_module[module]))
        parents = nodes % nodes_before
        levels.append(Level(parents, nodes_before, tuple(segments), prefix, of_unit, columns))
        nodes_before = len(nodes)
    return Trie(tuple(levels), tuple(tasks.tolist()))
