"""How many parameters the tasks' networks have, and how many of them are shared with whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Position(NamedTuple):
    """One unit of a run, or its heads.

    Attributes:
        sizes: trainable numbers of each module.
        used: for each task the modules that its network is made of here.
    """

    sizes: Sequence[int]
    used: Sequence[Collection[int]]


class TaskParameters(NamedTuple):
    """What one task's network is made of, in trainable numbers.

    Attributes:
        total: of its whole network.
        own: in modules that no other task uses.
        shared: for each task, in modules that both use; 0 for the task itself.
    """

    total: int
    own: int
    shared: tuple[int, ...]

    def shared_with(self, names: Sequence[str]) -> dict[str, int]:
        """Return the tasks it shares something with, and how much."""
        pairs = zip(names, self.shared, strict=True)
        return {name: number for name, number in pairs if number}


def count_parameters(positions: Sequence[Position], num_tasks: int) -> tuple[TaskParameters, ...]:
    """Return what each of the networks has.

    Args:
        positions: all units and the heads.
        num_tasks: T.
    """
    # Few sets of tasks use the same modules, so sizes are added up by set before pairs are formed.
    size_of: dict[tuple[int, ...], int] = {}
    for position in positions:
        users: dict[int, list[int]] = {}
        for task, modules in enumerate(position.used):
            for module in modules:
                users.setdefault(module, []).append(task)
        for module, tasks in users.items():
            key = tuple(tasks)
            size_of[key] = size_of.get(key, 0) + position.sizes[module]
    total, own = [0] * num_tasks, [0] * num_tasks
    shared = [[0] * num_tasks for _ in range(num_tasks)]
    for users_of, size in size_of.items():
        for task in users_of:
            total[task] += size
            if len(users_of) == 1:
                own[task] += size
                continue
            row = shared[task]
            for other in users_of:
                row[other] += size
            row[task] = 0
    rows = zip(total, own, shared, strict=True)
    return tuple(TaskParameters(a, b, tuple(c)) for a, b, c in rows)


def used_parameters(positions: Sequence[Position]) -> int:
    """Return how many parameters are part of some task's network, each counted once."""
    return sum(
        position.sizes[module]
        for position in positions
        for module in set().union(*map(set, position.used))
    )


def positions_of(
    marks: Sequence[str],
    sizes: Sequence[Sequence[int]],
    routed: Sequence[Sequence[Collection[int]]],
    heads: Sequence[int],
) -> list[Position]:
    """Return what ``count_parameters`` takes.

    Args:
        marks: "shared", "routed" or "task", of each unit.
        sizes: trainable numbers of each module of each unit.
        routed: for each routed unit the modules that each task uses.
        heads: trainable numbers of each task's head.
    """
    tasks = range(len(heads))
    own = [(task,) for task in tasks]
    choices = iter(routed)
    found = []
    for mark, unit_sizes in zip(marks, sizes, strict=True):
        every = (
            next(choices) if mark == "routed" else own if mark == "task" else [(0,) for _ in own]
        )
        found.append(Position(unit_sizes, every))
    return [*found, Position(heads, own)]
