"""Options of learned weight sharing (Prellberg & Kramer 2020, arXiv 2003.10159) and variants."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field

from shareconsole.spec.branching import FEWEST_GROUPS, auto_branching
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.method.table import MAX_MODULES, Draws, MethodTable, StageStart

MAX_SAMPLES = 10_000
# A fitness pass over more images than this (or a batch) is made in parts, so that it takes no more
# memory however many images there are.
_EVALUATED_AT_ONCE = 64

Groups = Annotated[int, Field(ge=FEWEST_GROUPS, le=MAX_SAMPLES)]
Branching = Annotated[tuple[Groups, ...], Field(strict=False, max_length=200)] | Literal["auto"]
Images = Annotated[int, Field(ge=1, le=1_000_000)] | Literal["batch", "all"]


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

    nes_batch: Images = option(
        'images of each task that the tried assignments are ranked by: a "batch" (the paper), '
        'so many, or "all" training images (our variant)',
        unit="images",
        default="batch",
    )
    final_stage: Literal["none", "finetune", "retrain"] = option(
        "what follows the search, with the most likely assignment, fixed: nothing (the paper), or "
        'our own, to "finetune" the weights or to "retrain" them from new ones',
        unit="name",
        default="none",
    )
    search_steps: int = option(
        "step after which the search ends and the final stage begins; 0 without a final stage",
        unit="steps",
        default=0,
        ge=0,
        le=1_000_000_000,
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

    def evaluated_at_once(self, batch_size: int) -> int:
        """Return how many images of a task the NES half evaluates at one time, at most."""
        if self.nes_batch == "batch":
            return batch_size
        most = max(batch_size, _EVALUATED_AT_ONCE)
        return most if self.nes_batch == "all" else min(most, self.nes_batch)

    def stages(self) -> tuple[StageStart, ...]:
        """Return the search and the final stage; nothing where the search is all there is."""
        if self.final_stage == "none" or self.search_steps == 0:
            return ()
        return (
            StageStart("search", 0),
            StageStart(self.final_stage, self.search_steps, "search_steps"),
        )

    def first_stage(self) -> Self:
        """Return these options with nothing after the search."""
        return self.model_copy(update={"final_stage": "none", "search_steps": 0})

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
        if self.final_stage != "none" and self.search_steps == 0:
            problem = f'final_stage = "{self.final_stage}" needs to know when the search ends'
            allowed = "the step after which it does, 1 or more"
            found.append(Issue(("search_steps",), problem, allowed))
        if self.final_stage == "none" and self.search_steps:
            problem = 'is not used with final_stage = "none": the search ends with the run'
            allowed = '0, or final_stage = "finetune" or "retrain"'
            found.append(Issue(("search_steps",), problem, allowed))
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
