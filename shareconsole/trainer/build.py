"""From names in a preset to objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from shareconsole.sharing.bank import Bank
from shareconsole.sharing.compiled_population import CompiledPopulation
from shareconsole.sharing.compiling import require_compiler
from shareconsole.sharing.data import BatchSampler
from shareconsole.sharing.lowering import UnsupportedModuleError
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.sharing.trie_population import TriePopulation
from shareconsole.spec.checks import remarks
from shareconsole.spec.data.table import DataShape
from shareconsole.spec.datasets import DATASETS
from shareconsole.spec.methods import METHODS
from shareconsole.spec.networks import NETWORKS
from shareconsole.spec.stepsizes import STEP_SIZES
from shareconsole.stepsize.fused_adam import FusedAdam
from shareconsole.trainer.data_outline import DataOutline
from shareconsole.trainer.device import DTYPES, fitting_memory
from shareconsole.trainer.resolving import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shareconsole.sharing.data import MultiTaskData
    from shareconsole.sharing.method import Method, StepSize
    from shareconsole.sharing.population import Population
    from shareconsole.spec.memory import Memory
    from shareconsole.spec.preset import Preset, TrainTable

ENGINES: dict[str, Callable[[Bank], Population]] = {
    "trie": TriePopulation,
    "loop": LoopPopulation,
}


@dataclass
class Experiment:
    """Everything that learns, built from one preset.

    Attributes:
        engine: The engine in use, which may not be the one asked for.
        memory: What it is predicted to need.
        notices: What the user has to be told, such as why another engine is in use.
    """

    preset: Preset
    device: torch.device
    data: MultiTaskData
    population: Population
    method: Method
    sampler: BatchSampler
    step_size: StepSize
    generators: Generators
    engine: str
    memory: Memory
    notices: tuple[str, ...] = ()

    @property
    def tasks_per_chunk(self) -> int:
        """Tasks that are computed together; sums of gradients are rounded by it."""
        if isinstance(self.population, TriePopulation):
            return self.population.tasks_per_chunk
        return self.data.num_tasks

    @cached_property
    def outline(self) -> DataOutline:
        """What whoever uses the networks has to know of the data."""
        return DataOutline.of(self.data)

    def differences(self, state: dict[str, Any]) -> list[str]:
        """What keeps this experiment from continuing exactly from another's that has no `misfits`.

        Args:
            state: The `state_dict` of the other one.
        """
        found = []
        # Checkpoints before this was recorded are of the first revision, or of one as old.
        then, now = state.get("engine", {}).get("rounding", 1), self.population.rounding
        if then != now:
            found.append(
                f"the {self.engine} engine rounds otherwise: revision {then} then, {now} now"
            )
        recorded = self._recorded_chunk(state)
        if recorded > self.tasks_per_chunk:
            found.append(
                f"there is memory for {self.tasks_per_chunk} tasks at a time, not {recorded}"
            )
        for i, before, after in self.sampler.resized(state["sampler"]):
            whose = self.data.task_names[i] if len(self.data.train.images) > 1 else "the tasks"
            found.append(
                f"{whose}: {before:,} images to train on then, {after:,} now, drawn in a new order"
            )
        return found

    def misfits(self, state: dict[str, Any]) -> list[str]:
        """What keeps this experiment from continuing at all from the `state_dict` of another."""
        # Checkpoints before this was recorded do not tell their data.
        found = DataOutline(**state["data"]).misfits(self.outline) if "data" in state else []
        sets, before = len(self.data.train.images), len(state["sampler"]["orders"])
        if not found and sets != before:
            found.append(f"{before} sets of images then, {sets} now")
        return found

    def state_dict(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors, numbers and texts."""
        return {
            "data": self.outline.to_dict(),
            "engine": {
                "tasks_per_chunk": self.tasks_per_chunk,
                "rounding": self.population.rounding,
            },
            "bank": self.population.bank.state_dict(),
            "method": self.method.state_dict(),
            "sampler": self.sampler.state_dict(),
            "step_size": self.step_size.state_dict(),
            "generators": self.generators.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`, exactly where there are no `differences`."""
        if isinstance(self.population, TriePopulation):
            chunk = min(self.tasks_per_chunk, self._recorded_chunk(state))
            self.population.tasks_per_chunk = chunk
        self.population.bank.load_state_dict(state["bank"])
        self.method.load_state_dict(state["method"])
        self.sampler.load_state_dict(state["sampler"])
        self.step_size.load_state_dict(state["step_size"])
        self.generators.load_state_dict(state["generators"])

    def _recorded_chunk(self, state: dict[str, Any]) -> int:
        # Checkpoints before this was recorded are of runs that had all tasks at once.
        chunk: int = state.get("engine", {}).get("tasks_per_chunk", self.data.num_tasks)
        return chunk


def load_data(preset: Preset) -> MultiTaskData:
    """The preset's data, its validation split held out.

    Raises:
        DataMissing: A file of it is not there.
    """
    data: MultiTaskData = resolve(DATASETS[preset.data.name].target)(preset.data)
    return data.hold_out(preset.train.validation_fraction, preset.data.split_seed)


def build_experiment(
    preset: Preset, device: torch.device, data: MultiTaskData | None = None
) -> Experiment:
    """Build and initialise everything on `device`.

    Args:
        preset: The run.
        device: Where it trains.
        data: What to train on; None for what the preset names.

    Raises:
        UsageError: There is not even memory for one task at a time.
        ValueError: The parts do not fit together.
    """
    dtype = DTYPES[preset.device.dtype]
    generators = Generators(preset.run.seed)
    data = (load_data(preset) if data is None else data).to(device, dtype)
    learner = build_learner(preset, device, dtype, data.num_classes, data.input_shape, generators)
    population, engine = learner.population, learner.engine
    bank = population.bank
    as_run = preset.device.model_copy(update={"engine": engine})
    memory = fitting_memory(
        device,
        preset.model_copy(update={"device": as_run}),
        _sizes(data),
        bank.num_parameters(),
    )
    if isinstance(population, TriePopulation):
        population.tasks_per_chunk = memory.tasks_per_chunk
    rule = resolve(STEP_SIZES[preset.step_size.name].target)
    return Experiment(
        preset,
        device,
        data,
        population,
        learner.method,
        BatchSampler(
            data.train,
            preset.train.batch_size,
            dtype,
            generators,
            crop_padding=preset.train.crop_padding,
        ),
        rule(preset.step_size, make_optimizer(preset.train, bank.parameters(), engine)),
        generators,
        engine,
        memory,
        (*learner.notices, *remarks(preset)),
    )


class Learner(NamedTuple):
    """A method and the networks it learns.

    Attributes:
        engine: The engine in use, which may not be the one asked for.
        notices: What the user has to be told of it.
    """

    method: Method
    population: Population
    engine: str
    notices: tuple[str, ...]


def build_learner(
    preset: Preset,
    device: torch.device,
    dtype: torch.dtype,
    num_classes: tuple[int, ...],
    input_shape: tuple[int, int, int],
    generators: Generators,
) -> Learner:
    """Build and initialise networks and method, for which no data are needed.

    Args:
        preset: The run.
        device: Where the weights are.
        dtype: Their type.
        num_classes: Of each task.
        input_shape: (channels, rows, columns) of an image.
        generators: The run's generators.
    """
    plan = resolve(NETWORKS[preset.network.name].target)(preset.network, input_shape)
    if preset.method.candidates(len(num_classes)) == 0:
        plan = plan.without_kinds()
    method_options = preset.method.fitted(preset.network.routed_work(input_shape))
    method_class: type[Method] = resolve(METHODS[preset.method.name].target)
    bank = Bank(
        plan,
        method_class.marks(preset.method, plan),
        num_classes,
        method_class.num_modules(preset.method, len(num_classes)),
        generators,
    ).to(device, dtype)
    # A method that runs its networks itself has no population for an engine to make fast.
    asked = "loop" if preset.method.blended else preset.device.engine
    population, engine, notices = make_population(asked, bank, preset.device.convolutions)
    if preset.device.compile:
        population, more = compiled(population, device)
        notices += more
    method = method_class(method_options, population, generators)
    return Learner(method, population, engine, notices)


def _sizes(data: MultiTaskData) -> DataShape:
    """What a preset says of its data, of the data there are."""
    own = data.validation
    return DataShape(
        data.num_tasks,
        data.num_classes,
        data.input_shape,
        tuple(len(labels) for labels in data.train.labels),
        tuple(len(labels) for labels in data.test.labels),
        tuple(len(labels) for labels in own.labels) if own is not None else (),
        shared_inputs=data.shared_inputs,
        bytes_per_pixel=0 if data.train.images[0].is_floating_point() else 1,
    )


def make_population(
    engine: str, bank: Bank, convolutions: str = "exact"
) -> tuple[Population, str, tuple[str, ...]]:
    """The engine over the modules of `bank`, its name, and what to tell of it.

    A network that the trie engine cannot run is run by the loop engine, and somebody has to say so.
    """
    try:
        if engine == "trie" and convolutions == "bf16":
            notice = "convolutions multiply in bfloat16, a deviation (device.convolutions)"
            return TriePopulation(bank, multiply=torch.bfloat16), engine, (notice,)
        return ENGINES[engine](bank), engine, ()
    except UnsupportedModuleError as error:
        notice = f"the {engine} engine cannot run this network, the loop engine does: {error}"
        return LoopPopulation(bank), "loop", (notice,)


def compiled(population: Population, device: torch.device) -> tuple[Population, tuple[str, ...]]:
    """The same engine with its units compiled, and what to tell of it.

    Raises:
        UsageError: Something that compiles for `device` is missing.
    """
    if not isinstance(population, LoopPopulation):
        # The preset's check thought otherwise of this network.
        return population, ("device.compile does nothing: the trie engine runs this network",)
    require_compiler(device)
    population = CompiledPopulation(population.bank)
    notices = [
        "units run through torch.compile, a deviation (device.compile); the first step compiles "
        "them, which takes a while"
    ]
    if population.left_plain:
        left = ", ".join(population.left_plain)
        notices.append(f"not compiled, as dropout draws from the run's own generator: {left}")
    return population, tuple(notices)


def make_optimizer(
    train: TrainTable, parameters: Iterator[torch.nn.Parameter], engine: str
) -> torch.optim.Optimizer:
    """Torch's own optimiser with default betas and no momentum.

    Beside the loop engine, which stays as the reference, it is torch's fused kernel: several times
    faster, and like the plain one it leaves parameters without a gradient alone, their moments and
    their step counts included.
    """
    rates: dict[str, Any] = {"lr": train.learning_rate, "weight_decay": train.weight_decay}
    if train.optimizer == "sgd":
        return torch.optim.SGD(parameters, **rates, fused=True if engine != "loop" else None)
    if engine != "loop":
        adamw = train.optimizer == "adamw"
        return FusedAdam(parameters, **rates, fused=True, decoupled_weight_decay=adamw)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[train.optimizer]
    return kind(parameters, **rates)
