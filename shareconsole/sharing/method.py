"""What a method is to the trainer, which never learns any method's name.

Shapes: S population members, L routed units, T tasks, K candidate modules.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from shareconsole.sharing.data import BatchSampler
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.objective import Objective
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.readback import Readback
    from shareconsole.sharing.seeding import Generators


class StepSize(Protocol):
    """How far to move along the gradients that are in the bank."""

    def gradients(self, objective: Objective) -> Tensor:
        """Put the gradients to move along into the bank, which has none; losses [S, T] there.

        For whoever lets the rule see the losses; others fill the bank themselves and then `step`,
        which only a rule can do that looks at nothing but gradients.
        """
        ...

    def step(self) -> None:
        """Update the weights; parameters without a gradient stay as they are."""
        ...

    def scalars(self) -> dict[str, float]:
        """What the last step was like, always under the same names; NaN before the first."""
        ...

    def zero_gradients(self) -> None:
        """Remove all gradients."""
        ...

    def reset(self) -> None:
        """Forget what was gathered on the way, such as moments, as if no step had been made."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything an exact resume needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        ...


class Stopwatch:
    """Seconds of the parts of one step.

    On a GPU these are the seconds until the work was queued. The part that waits for numbers, such
    as the fitness in "nes", also counts whatever the device still had to do before.
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
    """What one step tells the log; reading it waits for the device, making it does not.

    Attributes:
        measured: Losses [S, T] of the step's samples in a row, then the Euclidean norm of the
            normalised gradient, [S * T + 1].
        num_labelled: Labelled images of each task in the batch.
        fitness_S: Loss of each population member, lower is better, on the CPU; None without a
            population.
    """

    measured: Readback
    num_labelled: tuple[int, ...]
    fitness_S: Tensor | None = None

    @property
    def loss_T(self) -> Tensor:
        """Training loss of each task, averaged over the step's samples, on the CPU.

        NaN for a task without a labelled image in the batch.
        """
        mean = self._losses_ST.mean(0)
        for task, count in enumerate(self.num_labelled):
            if count == 0:
                mean[task] = float("nan")
        return mean

    @property
    def gradient_norm(self) -> float:
        """Euclidean norm of the normalised gradient."""
        return float(self.measured.wait()[-1])

    @property
    def diverged(self) -> bool:
        """Whether a loss that exists is NaN or the gradient is not finite."""
        bad = self.fitness_S is not None and bool(self.fitness_S.isnan().any())
        return bad or bool(self._losses_ST.isnan().any()) or not math.isfinite(self.gradient_norm)

    @property
    def _losses_ST(self) -> Tensor:
        return self.measured.wait()[:-1].view(-1, len(self.num_labelled))


class Method(Protocol):
    """A rule for which modules the tasks use, and how they are trained.

    Where its options name stages (`MethodTable.stages`), `step` itself goes from one to the next,
    at the beginning of the first step after the boundary, and `state_dict` holds all it takes to
    continue exactly in any stage or between two.
    """

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
        """One training iteration, after the change of stage if one is due."""
        ...

    def logits(self, task: int, inputs: Tensor) -> Tensor:
        """Logits [N, classes] of one task's network as it is tested, for inputs [N, C, H, W]."""
        ...

    def assignment(self) -> Tensor:
        """Which tasks use the same in a routed unit: equal numbers within a row of [L, T].

        Where a task uses one module of each unit, it is that module's index.
        """
        ...

    def modules_of(self, task: int) -> tuple[tuple[int, ...], ...]:
        """What a task's network is made of as it is tested, so that it can be built without us.

        For each of the L routed units the modules whose mean it takes; with none it takes zeros.
        """
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


class OnePath:
    """The part of a method whose tasks each use one module of every unit."""

    population: Population

    def assignment(self) -> Tensor:
        """The modules [L, T] to test with."""
        raise NotImplementedError

    def logits(self, task: int, inputs: Tensor) -> Tensor:
        """Logits [N, classes] of one task's network, through the engine."""
        choice: list[int] = self.assignment()[:, task].tolist()
        return self.population.logits(task, choice, inputs)

    def modules_of(self, task: int) -> tuple[tuple[int, ...], ...]:
        """The one module of each routed unit."""
        return tuple((module,) for module in self.assignment()[:, task].tolist())
