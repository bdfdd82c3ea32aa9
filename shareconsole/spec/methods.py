"""The methods a preset can name, and their options.

Adding one takes an options model, here or in `shareconsole.spec.method`, its place in
``MethodOptions`` and a line in ``METHODS``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.method.branched import BranchedOptions
from shareconsole.spec.method.gumbel import GumbelOptions
from shareconsole.spec.method.learned_sharing import LearnedSharingOptions
from shareconsole.spec.method.table import MethodTable
from shareconsole.spec.method.trace_norm import TraceNormOptions


class FullSharingOptions(MethodTable):
    """All tasks share every routed unit; only the heads are their own."""

    searchable = True

    name: Literal["full_sharing"] = option("the method", unit="name")

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return 1: the tasks share the unit."""
        return 1


class NoSharingOptions(MethodTable):
    """Every task has its own copy of every routed unit."""

    searchable = True

    name: Literal["no_sharing"] = option("the method", unit="name")

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return one copy per task."""
        return num_tasks


class PriorSharingOptions(MethodTable):
    """The first routed units are shared by all tasks, the others are each task's own."""

    searchable = True

    name: Literal["prior_sharing"] = option("the method", unit="name")
    shared_units: Annotated[int, Field(ge=0, le=1000)] | Literal["half"] = option(
        'routed units that stay shared, from the input on; "half" is rounded down',
        unit="units",
        default="half",
    )

    def num_shared(self, num_routed: int) -> int:
        """Return how many of ``num_routed`` routed units are shared."""
        return num_routed // 2 if self.shared_units == "half" else self.shared_units

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return 1 for the first ``num_shared`` units and one per task for the rest."""
        return 1 if index < self.num_shared(num_routed) else num_tasks

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units."""
        if self.num_shared(num_routed) <= num_routed:
            return []
        units = "1 unit" if num_routed == 1 else f"{num_routed} units"
        return [
            Issue(
                ("shared_units",),
                f"{self.shared_units} is more than there are: the network routes {units}",
                f'an integer from 0 to {num_routed}, or "half"',
            )
        ]


class SingleTaskOptions(MethodTable):
    """Every task has a network of its own; also of the units that the network marks shared."""

    searchable = True

    name: Literal["single_task"] = option("the method", unit="name")

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return one copy per task."""
        return num_tasks

    def shared_copies(self, num_tasks: int) -> int:
        """Return one copy per task."""
        return num_tasks


MethodOptions = Annotated[
    LearnedSharingOptions
    | FullSharingOptions
    | NoSharingOptions
    | PriorSharingOptions
    | SingleTaskOptions
    | GumbelOptions
    | TraceNormOptions
    | BranchedOptions,
    Field(discriminator="name"),
]

METHODS: dict[str, Entry[MethodTable]] = {
    "learned_sharing": Entry(
        "learned_sharing",
        "shareconsole.methods.learned_sharing:LearnedSharing",
        LearnedSharingOptions,
        "learn per unit which tasks share a module (Prellberg & Kramer 2020)",
    ),
    "full_sharing": Entry(
        "full_sharing",
        "shareconsole.methods.static_sharing:FullSharing",
        FullSharingOptions,
        "all tasks share every routed unit, each has its own head",
    ),
    "no_sharing": Entry(
        "no_sharing",
        "shareconsole.methods.static_sharing:NoSharing",
        NoSharingOptions,
        "every task has its own copy of every routed unit",
    ),
    "prior_sharing": Entry(
        "prior_sharing",
        "shareconsole.methods.static_sharing:PriorSharing",
        PriorSharingOptions,
        "the first routed units are shared, the rest are each task's own",
    ),
    "single_task": Entry(
        "single_task",
        "shareconsole.methods.static_sharing:SingleTask",
        SingleTaskOptions,
        "every task has a network of its own and shares nothing",
    ),
    "gumbel": Entry(
        "gumbel",
        "shareconsole.methods.gumbel_allocation:GumbelAllocation",
        GumbelOptions,
        "learn per unit which components each task averages (Maziarz et al. 2019)",
    ),
    "trace_norm": Entry(
        "trace_norm",
        "shareconsole.methods.trace_norm:TraceNorm",
        TraceNormOptions,
        "pull the weights of the tasks' own networks towards low rank (Yang & Hospedales 2017)",
    ),
    "branched": Entry(
        "branched",
        "shareconsole.methods.branched:Branched",
        BranchedOptions,
        "train the tree of units that single-task networks suggest (Vandenhende et al. 2020)",
    ),
}
