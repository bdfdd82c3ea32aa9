"""What a network family hands over: units in order, and how to make a head.

A unit is the piece of a network that is shared, routed or owned as a whole. Heads always belong
to one task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

Mark = Literal["shared", "routed", "task"]


@dataclass(frozen=True)
class Unit:
    """One position of the body.

    Attributes:
        name: Name shown to people, unique in the network.
        mark: "shared" (one module for all tasks), "routed" (a method decides) or "task" (one
            module per task).
        build: Makes one module of this unit, freshly initialised from torch's global generator.
        kinds: Makers of the candidate modules, where these are of several kinds that take and give
            the same shapes; a module that is no candidate is still made by `build`.
    """

    name: str
    mark: Mark
    build: Callable[[], nn.Module]
    kinds: tuple[Callable[[], nn.Module], ...] = ()

    def build_candidate(self, index: int) -> nn.Module:
        """Make the candidate `index`, of the kind `index` modulo the number of kinds."""
        return self.kinds[index % len(self.kinds)]() if self.kinds else self.build()


@dataclass(frozen=True)
class NetworkPlan:
    """A network before anybody decided who shares what.

    Attributes:
        units: The body from input to output.
        build_head: Makes the head of a task from its number of classes.
    """

    units: tuple[Unit, ...]
    build_head: Callable[[int], nn.Module]

    def without_kinds(self) -> NetworkPlan:
        """The plan for who has no candidates to choose from: `build` makes all modules."""
        return replace(self, units=tuple(replace(unit, kinds=()) for unit in self.units))
