"""One engine on one preset, ready to take steps that are measured."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from shareconsole.errors import ShareconsoleError
from shareconsole.sharing import assignment
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.seeding import derive_seed
from shareconsole.spec.bench import with_engine
from shareconsole.trainer.build import build_experiment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from shareconsole.sharing.data import MultiTaskData
    from shareconsole.sharing.method import StepResult, StepSize
    from shareconsole.sharing.objective import Objective
    from shareconsole.spec.bench import Entropy
    from shareconsole.spec.preset import Preset


class UnsuitableError(ShareconsoleError):
    """The engine cannot run this preset; the message says why."""


@runtime_checkable
class _LearnsPi(Protocol):
    pi_LTK: Tensor


class _PartWatch(Stopwatch):
    """Seconds of a clock of one's choice; part "sgd" comes without the optimiser inside it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = self._clock()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - start


class _TimedStepSize:
    """A step size rule whose steps are a part of their own."""

    def __init__(self, inner: StepSize) -> None:
        self._inner = inner
        self.watch: Stopwatch = Stopwatch()

    def step(self) -> None:
        with self.watch.part("optimiser"):
            self._inner.step()

    def gradients(self, objective: Objective) -> Tensor:
        return self._inner.gradients(objective)

    def scalars(self) -> dict[str, float]:
        return self._inner.scalars()

    def zero_gradients(self) -> None:
        self._inner.zero_gradients()

    def reset(self) -> None:
        self._inner.reset()

    def state_dict(self) -> dict[str, Any]:
        return self._inner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._inner.load_state_dict(state)


@dataclass(frozen=True)
class Sample:
    """Some steps, measured.

    Attributes:
        cpu: Seconds of this process on all its threads.
        wall: Seconds by the clock.
        parts: Seconds of the parts of a step.
        evaluations: Unit evaluations of the engine; None where it does not count them.
    """

    cpu: float
    wall: float
    parts: dict[str, float]
    evaluations: int | None


class Subject:
    """An experiment whose pi is put back before every step, so that all steps cost the same."""

    def __init__(
        self,
        preset: Preset,
        engine: str,
        sampling: str | None,
        device: torch.device,
        data: MultiTaskData,
    ) -> None:
        """Build it; subjects of one preset draw the same assignments and batches.

        Args:
            preset: The preset; its engine and sampling are replaced.
            engine: Name of the engine.
            sampling: How assignments are drawn; None for a method that cannot choose.
            device: Where it runs.
            data: What it trains on, on that device.

        Raises:
            UnsuitableError: The engine cannot run it.
        """
        update: dict[str, Any] = {
            "device": with_engine(preset.device, engine),
            "method": preset.method.first_stage(),
        }
        if sampling is not None:
            update["method"] = update["method"].model_copy(update={"sampling": sampling})
        self.preset = preset.model_copy(update=update)
        self.engine = engine
        self.sampling = sampling
        try:
            self.experiment = build_experiment(self.preset, device, data)
        except ShareconsoleError as error:
            raise UnsuitableError(str(error)) from error
        if self.experiment.engine != self.preset.device.engine:
            reasons = self.experiment.notices or ("the method runs its networks itself",)
            raise UnsuitableError("; ".join(reasons))
        self._device = device
        self._step_size = _TimedStepSize(self.experiment.step_size)
        self._pi_LTK: Tensor | None = None
        self.last: StepResult | None = None

    @property
    def learns_pi(self) -> bool:
        """Whether the method has a pi to hold still."""
        return isinstance(self.experiment.method, _LearnsPi)

    def hold(self, entropy: Entropy | None) -> None:
        """Take all further steps from this pi; None for a method that has none."""
        method = self.experiment.method
        if entropy is None or not isinstance(method, _LearnsPi):
            self._pi_LTK = None
            return
        num_routed, num_tasks, num_modules = method.pi_LTK.shape
        pi_LTK = assignment.uniform(num_routed, num_tasks, num_modules)
        if entropy != "uniform":
            pi_LTK = concentrated(pi_LTK, entropy, self.preset.run.seed)
        self._pi_LTK = pi_LTK.to(method.pi_LTK)

    def steps(self, count: int, keep_going: Callable[[], None] = lambda: None) -> Sample:
        """Take steps and measure them.

        Args:
            count: How many.
            keep_going: Asked between two steps; raises to give up.
        """
        population = self.experiment.population
        # On a GPU the host only queues work, so its own time says little.
        watch = _PartWatch(time.process_time if self._device.type == "cpu" else time.perf_counter)
        self._step_size.watch = watch
        evaluations = getattr(population, "nodes_evaluated", None)
        self._wait()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(count):
            keep_going()
            self._step(watch)
        self._wait()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        parts = dict(watch.seconds)
        parts["sgd"] = parts.get("sgd", 0.0) - parts.get("optimiser", 0.0)
        if evaluations is not None:
            evaluations = population.nodes_evaluated - evaluations  # type: ignore[attr-defined]
        return Sample(cpu, wall, parts, evaluations)

    def _step(self, watch: Stopwatch) -> None:
        method = self.experiment.method
        if self._pi_LTK is not None and isinstance(method, _LearnsPi):
            method.pi_LTK = self._pi_LTK.clone()
        self.last = method.step(self.experiment.sampler, self._step_size, watch)

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def concentrated(pi_LTK: Tensor, probability: float, seed: int) -> Tensor:
    """Pi whose every row gives `probability` to one module, and the rest evenly to the others.

    Args:
        pi_LTK: [L, T, K], for its shape and type.
        probability: Of the chosen module; with K = 1 it is 1 whatever is asked for.
        seed: Of the choice of that module, which is random for every row.
    """
    num_routed, num_tasks, num_modules = pi_LTK.shape
    if num_modules == 1:
        return torch.ones_like(pi_LTK)
    generator = torch.Generator().manual_seed(derive_seed(seed, "bench/pi"))
    chosen = torch.randint(num_modules, (num_routed, num_tasks, 1), generator=generator)
    rest = torch.full_like(pi_LTK, (1 - probability) / (num_modules - 1))
    return rest.scatter_(2, chosen, probability)
