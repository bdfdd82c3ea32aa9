"""The fixed ways to share that learned sharing is compared with.

Full, no and prior sharing as in the released code of Prellberg & Kramer 2020 (arXiv 2003.10159):
the same training with one sample per step and no NES half. Units that the network marks "shared"
stay shared and units it marks "task" stay owned under each of them; only routed units differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from shareconsole.sharing.descent import descend
from shareconsole.sharing.method import StepResult, mean_over_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from shareconsole.sharing.data import BatchSampler
    from shareconsole.sharing.method import StepSize, Stopwatch
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators
    from shareconsole.spec.methods import PriorSharingOptions


def _replace_routed(plan: NetworkPlan, mark_of: Callable[[int], Mark]) -> tuple[Mark, ...]:
    """Marks with the i-th routed unit turned into `mark_of(i)`."""
    marks: list[Mark] = []
    seen = 0
    for unit in plan.units:
        if unit.mark == "routed":
            marks.append(mark_of(seen))
            seen += 1
        else:
            marks.append(unit.mark)
    return tuple(marks)


class _StaticSharing:
    """SGD on networks whose sharing never changes."""

    population_size = 0

    @staticmethod
    def num_modules(options: Any, num_tasks: int) -> int:
        """Nothing is routed."""
        del options, num_tasks
        return 1

    def __init__(self, options: Any, population: Population, generators: Generators) -> None:
        """There is nothing to learn but the weights."""
        del options, generators
        num_tasks = population.bank.num_tasks
        self.population = population
        self._assignment_LT = torch.zeros((0, num_tasks), dtype=torch.int64)
        self._pi_LTK = torch.zeros((0, num_tasks, 1), dtype=torch.float64)

    def step(self, sampler: BatchSampler, step_size: StepSize, watch: Stopwatch) -> StepResult:
        """One SGD update."""
        with watch.part("data"):
            batch = sampler.next()
        with watch.part("sgd"):
            losses_ST, norm = descend(
                self.population, self._assignment_LT[None], self._pi_LTK, batch, step_size
            )
        loss_T = mean_over_samples(losses_ST, batch.num_labelled)
        diverged = bool(losses_ST.isnan().any()) or not math.isfinite(norm)
        return StepResult(loss_T, norm, None, diverged)

    def assignment(self) -> Tensor:
        """[0, T]: nothing is routed."""
        return self._assignment_LT

    def tensors(self) -> dict[str, Tensor]:
        """Nothing to show."""
        return {}

    def tensor_axes(self) -> dict[str, tuple[str | tuple[str, ...], ...]]:
        """Nothing to show."""
        return {}

    def scalars(self) -> dict[str, float]:
        """Nothing to tell."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """No state beside the weights."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """No state beside the weights."""
        del state


class FullSharing(_StaticSharing):
    """One module for all tasks in every routed unit."""

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units become shared."""
        del options
        return _replace_routed(plan, lambda _: "shared")


class NoSharing(_StaticSharing):
    """A module of its own for every task in every routed unit.

    Units the network marks "shared" stay shared, so this is not single-task learning where a
    network has such units.
    """

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units become the tasks' own."""
        del options
        return _replace_routed(plan, lambda _: "task")


class PriorSharing(_StaticSharing):
    """The first `shared_units` routed units shared, the rest the tasks' own."""

    @staticmethod
    def marks(options: PriorSharingOptions, plan: NetworkPlan) -> tuple[Mark, ...]:
        """By default the lower half of the routed units is shared, rounded down."""
        num_routed = sum(unit.mark == "routed" for unit in plan.units)
        asked = options.shared_units
        num_shared = num_routed // 2 if asked == "half" else asked
        return _replace_routed(plan, lambda i: "shared" if i < num_shared else "task")
