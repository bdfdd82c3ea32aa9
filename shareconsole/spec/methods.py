"""The methods a preset can name, and their options.

Adding one takes a block here: an options model, its place in ``MethodOptions`` and a line in
``METHODS``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import Issue, Table, option

MAX_MODULES = 1000
MAX_SAMPLES = 10_000


class MethodTable(Table):
    """What the checks need to know of any method without asking which one it is."""

    name: str

    @property
    def population(self) -> int:
        """Number of assignments whose fitness is logged each step; 0 for a method without any."""
        return 0

    def candidates(self, num_tasks: int) -> int:
        """Return K, the number of candidate modules per routed unit; 0 where nothing is learned."""
        return 0

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return how many copies of routed unit ``index`` (from 0) are stored."""
        raise NotImplementedError

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units and the number of tasks."""
        return []


class LearnedSharingOptions(MethodTable):
    """Learn which task uses which module with an evolution strategy, and the weights with SGD."""

    name: Literal["learned_sharing"] = option("the method", unit="name")
    modules: Annotated[int, Field(ge=1, le=MAX_MODULES)] | Literal["tasks"] = option(
        'candidate modules per routed unit; "tasks" means one per task',
        unit="modules",
        default="tasks",
    )
    nes_samples: int = option(
        "assignments tried per step to update the assignment probabilities",
        unit="assignments",
        default=8,
        ge=2,
        le=MAX_SAMPLES,
    )
    sgd_samples: int = option(
        "assignments sampled per step to update the weights",
        unit="assignments",
        default=8,
        ge=1,
        le=MAX_SAMPLES,
    )
    nes_learning_rate: float = option(
        "step size of the assignment probabilities", unit="fraction", default=0.01, gt=0, le=1
    )
    floor: float = option(
        "smallest assignment probability; floor times modules stays below 1",
        unit="fraction",
        default=0.001,
        ge=0,
        lt=0.5,
    )
    credit: Literal["joint", "per_task"] = option(
        'whose losses rank the tried assignments: "joint" ranks the mean over tasks (the paper), '
        '"per_task" ranks each task on its own (our variant)',
        unit="name",
        default="joint",
    )

    @property
    def population(self) -> int:
        """Number of assignments whose fitness is logged each step."""
        return self.nes_samples

    def candidates(self, num_tasks: int) -> int:
        """Return K, the number of candidate modules per routed unit."""
        return num_tasks if self.modules == "tasks" else self.modules

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return how many copies of a routed unit are stored: one per candidate."""
        return self.candidates(num_tasks)

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units and the number of tasks."""
        found = []
        modules = self.candidates(num_tasks)
        if self.floor * modules >= 1:
            found.append(
                Issue(
                    ("floor",),
                    f"{self.floor:g} for each of {modules} modules leaves no probability to learn",
                    f"less than 1/{modules} ({1 / modules:.3g})",
                )
            )
        if num_routed == 0:
            found.append(
                Issue(
                    ("name",),
                    "learned_sharing has nothing to learn: the network routes no unit",
                    'mark at least one unit "routed" in [network]',
                )
            )
        return found


class FullSharingOptions(MethodTable):
    """All tasks share every routed unit; only the heads are their own."""

    name: Literal["full_sharing"] = option("the method", unit="name")

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return 1: the tasks share the unit."""
        return 1


class NoSharingOptions(MethodTable):
    """Every task has its own copy of every routed unit."""

    name: Literal["no_sharing"] = option("the method", unit="name")

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return one copy per task."""
        return num_tasks


class PriorSharingOptions(MethodTable):
    """The first routed units are shared by all tasks, the others are each task's own."""

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


MethodOptions = Annotated[
    LearnedSharingOptions | FullSharingOptions | NoSharingOptions | PriorSharingOptions,
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
}
