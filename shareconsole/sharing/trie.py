"""What a population of assignments has in common: the trie of distinct module prefixes.

Two assignments that give a task the same modules in units 1..l have bit-identical activations up
to unit l. The distinct (images, module prefix) pairs are the nodes of a trie; an engine computes
each node once. This file finds the nodes; it knows no network and computes nothing else.

Everything here is plain integers: a population is a few dozen to a few thousand of them, for which
an array library starts later than the loops below have ended.

Shapes: S assignments, T tasks, N nodes of one unit. Nodes are sorted by module, then by parent,
so that the nodes of one module are one segment. A network is one task under one assignment; where
networks are listed, they come sample-major, then task.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Segment(NamedTuple):
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
        of_module: Calls of each module that is called.
    """

    def __init__(self, modules: Sequence[int]) -> None:
        """Take the module of every network of an active task."""
        self._modules = modules
        self.of_module: Mapping[int, int] = Counter(modules)

    @cached_property
    def later(self) -> list[int]:
        """For each network, the calls of the same module that come after its own."""
        seen = dict.fromkeys(self.of_module, 0)
        later = []
        for module in reversed(self._modules):
            later.append(seen[module])
            seen[module] += 1
        return later[::-1]


@dataclass
class Level:
    """The nodes of one unit.

    Attributes:
        parents: [N] node of the unit before that each node continues; for the first unit the
            set of images.
        num_parents: Nodes of the unit before, or sets of images.
        segments: One per module in use, in order; together they cover all nodes.
        nodes: [S * T'] node that each network of the active tasks that take part passes through.
        calls: The calls of the whole step.
        networks: [S * T'] the same networks among those of all active tasks.
    """

    parents: Sequence[int]
    num_parents: int
    segments: tuple[Segment, ...]
    nodes: Sequence[int]
    calls: Calls
    networks: Sequence[int]

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
        return same and all(i == parent for i, parent in enumerate(self.parents))

    def statistic_weights(self, momentum: float) -> list[float]:
        """Weight [N] of each node's batch statistics in its module's running statistics.

        n updates r <- (1 - m) r + m x_i, one per call, have the closed form
        r <- (1 - m)^n r + sum_i m (1 - m)^(n - 1 - i) x_i; calls of one node have equal x_i.

        Args:
            momentum: m, as torch's batch-norm defines it.
        """
        most = max(self.calls.of_module.values())
        of_call = [momentum * (1 - momentum) ** later for later in range(most)]
        weights = [0.0] * self.num_nodes
        later = self.calls.later
        for node, network in zip(self.nodes, self.networks, strict=True):
            weights[node] += of_call[later[network]]
        return weights


class Trie(NamedTuple):
    """The nodes of every unit for some tasks.

    Attributes:
        levels: One per unit, heads last.
        tasks: The T' tasks that take part.
    """

    levels: tuple[Level, ...]
    tasks: tuple[int, ...]

    @property
    def leaves(self) -> Sequence[int]:
        """[S * T'] node of the last level that each network ends in."""
        return self.levels[-1].nodes

    @property
    def num_nodes(self) -> int:
        """Nodes of all units."""
        return sum(level.num_nodes for level in self.levels)


def build_tries(
    choices: Sequence[Sequence[Sequence[int]]],
    image_sets: Sequence[int],
    chunks: Sequence[Sequence[int]],
) -> tuple[Trie, ...]:
    """Find the nodes, one trie per chunk of tasks.

    Args:
        choices: For each unit, heads included, the module [S][T] that every network uses there.
        image_sets: [T] which set of images a task reads; tasks that read the same share nodes.
        chunks: Tasks that are computed together; tasks in none take no part, and do not count as
            calls.
    """
    active = sorted(task for chunk in chunks for task in chunk)
    of_networks = [[row[task] for row in choice for task in active] for choice in choices]
    calls = [Calls(modules) for modules in of_networks]
    tries = []
    for chunk in chunks:
        columns = [active.index(task) for task in chunk]
        networks = [
            start + column
            for start in range(0, len(of_networks[0]), len(active))
            for column in columns
        ]
        read = [image_sets[task] for task in chunk] * len(choices[0])
        levels = _levels(of_networks, networks, read, max(image_sets) + 1, calls)
        tries.append(Trie(levels, tuple(chunk)))
    return tuple(tries)


def _levels(
    of_networks: Sequence[Sequence[int]],
    networks: Sequence[int],
    read: Sequence[int],
    num_sets: int,
    calls: Sequence[Calls],
) -> tuple[Level, ...]:
    """The levels of some networks, of which `read` is what set of images each reads."""
    num_parents, prefix = num_sets, read
    levels = []
    for modules, of_unit in zip(of_networks, calls, strict=True):
        drawn = [modules[network] for network in networks]
        keys = [m * num_parents + parent for m, parent in zip(drawn, prefix, strict=True)]
        distinct = sorted(set(keys))
        node_of = {key: node for node, key in enumerate(distinct)}
        prefix = [node_of[key] for key in keys]
        segments, start = [], 0
        for module, count in Counter(key // num_parents for key in distinct).items():
            calls_of = of_unit.of_module[module]
            segments.append(Segment(module, start, start + count, calls_of))
            start += count
        parents = [key % num_parents for key in distinct]
        levels.append(Level(parents, num_parents, tuple(segments), prefix, of_unit, networks))
        num_parents = len(distinct)
    return tuple(levels)
