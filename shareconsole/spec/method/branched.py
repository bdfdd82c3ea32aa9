"""Options of branched networks (Vandenhende et al. 2020, arXiv 1904.02920)."""

from __future__ import annotations

from typing import Literal, Self

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.method.table import MethodTable, StageStart

MOST_STEPS = 1_000_000_000

FEW_TASKS = 7
"""Up to here ``search = "auto"`` looks at all trees."""

MOST_TASKS = 8
"""For more there are too many trees to look at; each further task makes it nine times as many."""


class BranchedOptions(MethodTable):
    """Train single-task networks, see how alike they are, and train a tree of shared units."""

    memory_options = ("probe_images",)

    name: Literal["branched"] = option("the method", unit="name")
    single_task_steps: int = option(
        "steps of the first stage, in which every task has a network of its own; the tree is "
        "trained from scratch in the others",
        unit="steps",
        default=1000,
        ge=1,
        le=MOST_STEPS,
    )
    budget: float = option(
        "how large the tree may be, in multiples of full sharing's parameters (heads included)",
        unit="1",
        default=1.5,
        ge=1,
        le=1000,
    )
    probe_images: int = option(
        "training images, at most, that all networks are shown to see how alike they are; equally "
        "many of each task",
        unit="images",
        default=500,
        ge=3,
        le=2000,
    )
    weighting: Literal["clusters", "tasks"] = option(
        'what the mean in a tree\'s cost is over: "clusters" (the paper), or "tasks", where a '
        "cluster counts as often as it has tasks (our variant)",
        unit="name",
        default="clusters",
    )
    search: Literal["auto", "exhaustive", "beam"] = option(
        f'how the tree is found: "exhaustive" looks at all (up to {MOST_TASKS} tasks), "beam" at '
        f'the most promising, "auto" is exhaustive up to {FEW_TASKS} tasks',
        unit="name",
        default="auto",
    )
    beam_width: int = option(
        "where a beam searches: partial trees kept at each unit in each of 32 slices of the "
        "budget, and partitions looked at of each number of clusters",
        unit="trees",
        default=100,
        ge=1,
        le=10_000,
    )

    @property
    def compared_images(self) -> int:
        """Number of images in the probe set, at most."""
        return self.probe_images

    def looks_at_all(self, num_tasks: int) -> bool:
        """Return whether all trees are looked at."""
        return self.search == "exhaustive" or (self.search == "auto" and num_tasks <= FEW_TASKS)

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return one copy per task, which the first stage needs."""
        return num_tasks

    def shared_copies(self, num_tasks: int) -> int:
        """Return one copy per task: single-task networks share nothing."""
        return num_tasks

    def records(self, num_routed: int, num_tasks: int) -> tuple[int, ...]:
        """Return the numbers of the tree and of the affinities."""
        return num_routed * num_tasks, num_routed * num_tasks**2

    def stages(self) -> tuple[StageStart, ...]:
        """Return the two stages."""
        return (
            StageStart("single task", 0),
            StageStart("tree", self.single_task_steps, "single_task_steps"),
        )

    def tree_parameters(self, full_sharing: int) -> int:
        """Return how many parameters the tree may have.

        Args:
            full_sharing: parameters of one network that all tasks share, heads included.
        """
        return int(self.budget * full_sharing)

    def stage_parameters(self, stored: int, full_sharing: int) -> tuple[int, ...]:
        """Return all that are stored, then what the budget leaves the tree."""
        return stored, min(stored, self.tree_parameters(full_sharing))

    def first_stage(self) -> Self:
        """Return these options for single-task networks that nothing follows in any run."""
        return self.model_copy(update={"single_task_steps": MOST_STEPS})

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units and the number of tasks."""
        if num_routed == 0:
            return [
                Issue(
                    ("name",),
                    "branched has nowhere to branch: the network routes no unit",
                    'mark at least one unit "routed" in [network]',
                )
            ]
        if num_tasks < 2:
            return [Issue(("name",), "a single task has nothing to branch from", "two tasks")]
        found = []
        if self.budget >= num_tasks:
            problem = f"{self.budget:g} is enough for {num_tasks} networks that share nothing"
            found.append(Issue(("budget",), problem, f"from 1 to less than {num_tasks}"))
        if self.probe_images < num_tasks:
            problem = f"{self.probe_images} images are fewer than the tasks"
            found.append(Issue(("probe_images",), problem, f"{num_tasks} at least"))
        if self.search == "exhaustive" and num_tasks > MOST_TASKS:
            problem = f"looks at all trees, too many with {num_tasks} tasks"
            found.append(Issue(("search",), problem, '"beam" or "auto"'))
        return found
