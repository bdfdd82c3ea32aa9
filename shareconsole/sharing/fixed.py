"""What methods have in common that train networks whose sharing does not change.

Shapes: T tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shareconsole.sharing.descent import descend
from shareconsole.sharing.method import OnePath, StepResult

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.data import BatchSampler
    from shareconsole.sharing.method import StepSize, Stopwatch
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators


class FixedSharing(OnePath):
    """SGD on networks whose sharing their marks decide before the run; none of them is routed."""

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
            measured = descend(
                self.population,
                self._assignment_LT[None],
                self._pi_LTK,
                batch,
                step_size,
                self.add_gradients,
            )
        return StepResult(measured, batch.num_labelled)

    def add_gradients(self) -> None:
        """Add the gradient of what else there is in the loss; here there is nothing."""

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
