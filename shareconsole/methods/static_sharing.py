"""The fixed ways to share that learned sharing is compared with.

Full, no and prior sharing as in the released code of Prellberg & Kramer 2020 (arXiv 2003.10159):
the same training with one sample per step and no NES half. Units that the network marks "shared"
stay shared and units it marks "task" stay owned under each of them; only routed units differ.

Single-task learning is not in that code: there nothing is shared whatever the network says, which
tells what sharing is worth where "no sharing" still shares the first units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shareconsole.sharing.fixed import FixedSharing
from shareconsole.sharing.marks import replace_routed

if TYPE_CHECKING:
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.spec.methods import PriorSharingOptions


class FullSharing(FixedSharing):
    """One module for all tasks in every routed unit."""

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units become shared."""
        del options
        return replace_routed(plan, lambda _: "shared")


class NoSharing(FixedSharing):
    """A module of its own for every task in every routed unit.

    Units the network marks "shared" stay shared, so this is not single-task learning where a
    network has such units.
    """

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units become the tasks' own."""
        del options
        return replace_routed(plan, lambda _: "task")


class SingleTask(FixedSharing):
    """A network of its own for every task."""

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """All units become the tasks' own."""
        del options
        return tuple("task" for _ in plan.units)


class PriorSharing(FixedSharing):
    """The first `shared_units` routed units shared, the rest the tasks' own."""

    @staticmethod
    def marks(options: PriorSharingOptions, plan: NetworkPlan) -> tuple[Mark, ...]:
        """By default the lower half of the routed units is shared, rounded down."""
        num_routed = sum(unit.mark == "routed" for unit in plan.units)
        asked = options.shared_units
        num_shared = num_routed // 2 if asked == "half" else asked
        return replace_routed(plan, lambda i: "shared" if i < num_shared else "task")
