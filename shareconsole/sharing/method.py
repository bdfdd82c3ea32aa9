"""What a method is to the trainer, which never learns any method's name.

Shapes: S population members, L routed units, T tasks, K candidate modules.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import Tensor

    from shareconsole.sharing.data import BatchSampler
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators


class StepSize(Protocol):
    """How far to move along the gradients that are in the bank."""

    def step(self) -> None:
        """Update the weights; parameters without a gradient stay as they are."""
        ...

    def zero_gradients(self) -> None:
        """Remove all gradients."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything an exact resume needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        ...


class Stopwatch:
    """Seconds of the parts of one step.

    On a GPU these are the seconds until the work was queued, except in the part that reads the
    losses back, which waits for all of it.
    """

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the part `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


@dataclass(frozen=True)
class StepResult:
    """What one step tells the log; tensors are on the CPU.

    Attributes:
        loss_T: Training loss of each task, averaged over the step's samples; NaN for a task
            without a labelled image in the batch.
        gradient_norm: Euclidean norm of the normalised gradient.
        fitness_S: Loss of each population member, lower is better; None without a population.
        diverged: Whether a loss that exists is NaN or the gradient is not finite.
    """

    loss_T: Tensor
    gradient_norm: float
    fitness_S: Tensor | None
    diverged: bool


class Method(Protocol):
    """A rule for which modules the tasks use, and how they are trained."""

    population_size: int
    """Population members whose fitness each step reports; 0 without a population."""

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """The mark of every unit under this method."""
        ...

    @staticmethod
    def num_modules(options: Any, num_tasks: int) -> int:
        """K."""
        ...

    def __init__(self, options: Any, population: Population, generators: Generators) -> None:
        """Start from nothing learned."""
        ...

    def step(self, sampler: BatchSampler, step_size: StepSize, watch: Stopwatch) -> StepResult:
        """One training iteration."""
        ...

    def assignment(self) -> Tensor:
        """The assignment [L, T] to test with."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What to show of the method's state, by kind, such as "assignment" [L, T, K].

        Whoever shows a tensor knows kinds, never methods.
        """
        ...

    def tensor_axes(self) -> dict[str, tuple[str | tuple[str, ...], ...]]:
        """What runs along the axes of each kind of `tensors`.

        An axis is "unit" (the routed units), "task", "module" (the candidates of a routed unit),
        or a tuple of labels of its own.
        """
        ...

    def scalars(self) -> dict[str, float]:
        """Numbers that describe the method's state at an evaluation, such as "entropy"."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything an exact resume needs beside bank, sampler, step size and generators."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        ...


def mean_over_samples(losses_ST: torch.Tensor, num_labelled: Sequence[int]) -> Tensor:
    """Loss per task [T] for the log: mean over samples, NaN where nothing was labelled."""
    mean = losses_ST.mean(0)
    for task, count in enumerate(num_labelled):
        if count == 0:
            mean[task] = float("nan")
    return mean
