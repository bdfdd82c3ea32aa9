"""What every method says of itself without torch: what it stores, records and draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple, Self

from shareconsole.spec.fields import Issue, Table

MAX_MODULES = 1000


class Draws(NamedTuple):
    """How often a step draws a module, for one task, in one of its halves.

    Attributes:
        counts: for each routed unit; never falling, the draws of a unit nested in those before.
        apart: draws of a unit fall on different modules as long as there are some.
    """

    counts: tuple[int, ...]
    apart: bool = False


class StageStart(NamedTuple):
    """Where one stage of a run begins; the next one ends it, and the run's last step the last.

    Attributes:
        name: what people are told of it.
        start: the step after which it begins; 0 for the first.
        option: the option that says so; empty for the first.
    """

    name: str
    start: int
    option: str = ""


class MethodTable(Table):
    """What the checks need to know of any method without asking which one it is."""

    memory_options: ClassVar[tuple[str, ...]] = ()
    """Options whose smaller numbers make a step take less memory."""

    searchable: ClassVar[bool] = False
    """Whether a step is one update on the losses of one assignment alone, which a line search can
    try again."""

    name: str

    @property
    def blended(self) -> bool:
        """Whether one network at a time runs all candidates of a routed unit, and draws none."""
        return False

    @property
    def population(self) -> int:
        """Number of assignments whose fitness is logged each step; 0 for a method without any."""
        return 0

    @property
    def recorded(self) -> int:
        """Number of [L, T, K] tensors in each record of the method's state."""
        return 1

    def candidates(self, num_tasks: int) -> int:
        """Return K, the number of candidate modules per routed unit; 0 where nothing is learned."""
        return 0

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return how many copies of routed unit ``index`` (from 0) are stored."""
        raise NotImplementedError

    def shared_copies(self, num_tasks: int) -> int:
        """Return how many copies of a unit that the network marks "shared" are stored."""
        return 1

    def records(self, num_routed: int, num_tasks: int) -> tuple[int, ...]:
        """Return the numbers in each tensor of a record of the method's state."""
        numbers = num_routed * num_tasks * self.candidates(num_tasks)
        return (numbers,) * self.recorded if numbers else ()

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units and the number of tasks."""
        return []

    def evaluated_at_once(self, batch_size: int) -> int:
        """Return how many images of a task the half that only evaluates takes at one time."""
        return batch_size

    @property
    def compared_images(self) -> int:
        """Images, at most, by which all tasks' networks are compared; 0 where they never are."""
        return 0

    def stages(self) -> tuple[StageStart, ...]:
        """Return the stages of a run in order, the first from step 0; none where all are alike.

        Only the method knows what a stage's name means. It begins a stage by itself, in its first
        step.
        """
        return ()

    def stage_parameters(self, stored: int, full_sharing: int) -> tuple[int, ...]:
        """Return how many parameters all networks of each stage have at most, as ``stages``.

        Empty where no stage is known to do with fewer than are stored.

        Args:
            stored: trainable numbers over all stored copies and heads.
            full_sharing: what they would be with one copy of each unit that tasks may share.
        """
        return ()

    def first_stage(self) -> Self:
        """Return these options for a run that never leaves its first stage, to measure that."""
        return self

    def stage_issues(self, steps: int) -> list[Issue]:
        """Return what does not fit a run of this many steps."""
        found = []
        for before, stage in pairwise(self.stages()):
            if stage.start <= before.start:
                after = f": {before.option} is {before.start}" if before.option else ""
                problem = f"of {stage.start} leaves no step for {before.name}{after}"
                found.append(Issue((stage.option,), problem, f"more than {before.start}"))
            elif stage.start >= steps:
                problem = f"of {stage.start} leaves no step for {stage.name}"
                allowed = f"less than train.steps ({steps})"
                found.append(Issue((stage.option,), problem, allowed))
        return found

    def draws(self, num_routed: int) -> tuple[Draws | None, Draws]:
        """Return the draws of the half that only evaluates, None without one, and that trains.

        Without candidates there is nothing to draw: one assignment is trained.
        """
        return None, Draws((1,) * num_routed)

    def fitted(self, routed_work: Sequence[int]) -> Self:
        """Return these options with what depends on the network's cost decided.

        Args:
            routed_work: multiply-adds per image of each routed unit.
        """
        return self
