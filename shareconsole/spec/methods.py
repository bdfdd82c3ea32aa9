"""The methods a preset can name, and their options.

Adding one takes an options model, here or in `shareconsole.spec.method`, its place in
``MethodOptions`` and a line in ``METHODS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field

from shareconsole.spec.branching import FEWEST_GROUPS, auto_branching
from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.method.gumbel import GumbelOptions
from shareconsole.spec.method.table import MAX_MODULES, Draws, MethodTable
from shareconsole.spec.method.trace_norm import TraceNormOptions

MAX_SAMPLES = 10_000

Groups = Annotated[int, Field(ge=FEWEST_GROUPS, le=MAX_SAMPLES)]
Branching = Annotated[tuple[Groups, ...], Field(strict=False, max_length=200)] | Literal["auto"]


class LearnedSharingOptions(MethodTable):
    """Learn which task uses which module with an evolution strategy, and the weights with SGD."""

    memory_options = ("nes_samples", "sgd_samples")

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
    sampling: Literal["independent", "tree"] = option(
        'how assignments are drawn: "independent" of each other (the paper), or as a "tree" that '
        "shares modules of early units, so that a step costs less (our own)",
        unit="name",
        default="independent",
    )
    branching: Branching = option(
        'with sampling = "tree", how often each routed unit is drawn: one number per unit, never '
        'falling, or "auto" to choose from what the units cost',
        unit="draws",
        default="auto",
    )

    @property
    def population(self) -> int:
        """Number of assignments whose fitness is logged each step."""
        return self.nes_samples

    def candidates(self, num_tasks: int) -> int:
        """Return K, the number of candidate modules per routed unit."""
        return num_tasks if self.modules == "tasks" else self.modules

    def fitted(self, routed_work: Sequence[int]) -> Self:
        """Return these options with branching "auto" replaced by what it stands for.

        It is chosen for the smaller of the two numbers of samples (a single SGD sample, which has
        nothing to share, aside): further members of the other half repeat each task's paths in new
        combinations.
        """
        if self.sampling != "tree" or self.branching != "auto":
            return self
        samples = min(n for n in (self.nes_samples, self.sgd_samples) if n >= FEWEST_GROUPS)
        return self.model_copy(update={"branching": auto_branching(routed_work, samples)})

    def draws(self, num_routed: int) -> tuple[Draws | None, Draws]:
        """Return the draws of the NES half and of the SGD half; branching has been decided."""
        if self.sampling != "tree":
            return (
                Draws((self.nes_samples,) * num_routed),
                Draws((self.sgd_samples,) * num_routed),
            )
        assert not isinstance(self.branching, str)
        return (
            Draws(tuple(min(count, self.nes_samples) for count in self.branching)),
            Draws(tuple(min(count, self.sgd_samples) for count in self.branching), apart=True),
        )

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
        if not isinstance(self.branching, str):
            found += self._branching_issues(self.branching, num_routed)
        return found

    def _branching_issues(self, branching: tuple[int, ...], num_routed: int) -> list[Issue]:
        if self.sampling != "tree":
            return [
                Issue(
                    ("branching",),
                    f'is not used with sampling = "{self.sampling}"',
                    'sampling = "tree", or no branching',
                )
            ]
        if len(branching) != num_routed:
            return [
                Issue(
                    ("branching",),
                    f"has {len(branching)} numbers for {num_routed} routed units",
                    f'a list of {num_routed}, or "auto"',
                )
            ]
        samples = max(self.nes_samples, self.sgd_samples)
        found = []
        for unit, groups in enumerate(branching):
            if groups > samples:
                problem = f"{groups} draws are more than the assignments, of which there are"
                found.append(
                    Issue(("branching", unit), f"{problem} {samples}", f"at most {samples}")
                )
        for unit, (before, groups) in enumerate(pairwise(branching), start=1):
            if groups < before:
                problem = f"{groups} is less than the {before} of the unit before"
                found.append(Issue(("branching", unit), problem, "numbers that never fall"))
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


class SingleTaskOptions(MethodTable):
    """Every task has a network of its own; also of the units that the network marks shared."""

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
    | TraceNormOptions,
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
}
