"""From names in a preset to objects; the only place that resolves a "module:attribute"."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import BatchSampler
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.datasets import DATASETS
from shareconsole.spec.methods import METHODS
from shareconsole.spec.networks import NETWORKS
from shareconsole.spec.stepsizes import STEP_SIZES
from shareconsole.trainer.device import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shareconsole.sharing.data import MultiTaskData
    from shareconsole.sharing.method import Method, StepSize
    from shareconsole.sharing.population import Population
    from shareconsole.spec.preset import Preset, TrainTable

ENGINES: dict[str, Callable[[Bank], Population]] = {"loop": LoopPopulation}


@dataclass
class Experiment:
    """Everything that learns, built from one preset."""

    preset: Preset
    device: torch.device
    data: MultiTaskData
    population: Population
    method: Method
    sampler: BatchSampler
    step_size: StepSize
    generators: Generators

    def state_dict(self) -> dict[str, Any]:
        """All that an exact resume needs, as tensors, numbers and texts."""
        return {
            "bank": self.population.bank.state_dict(),
            "method": self.method.state_dict(),
            "sampler": self.sampler.state_dict(),
            "step_size": self.step_size.state_dict(),
            "generators": self.generators.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.population.bank.load_state_dict(state["bank"])
        self.method.load_state_dict(state["method"])
        self.sampler.load_state_dict(state["sampler"])
        self.step_size.load_state_dict(state["step_size"])
        self.generators.load_state_dict(state["generators"])


def build_experiment(preset: Preset, device: torch.device) -> Experiment:
    """Load the data, build and initialise everything on `device`.

    Raises:
        ValueError: The parts do not fit together.
    """
    dtype = DTYPES[preset.device.dtype]
    generators = Generators(preset.run.seed)
    data: MultiTaskData = resolve(DATASETS[preset.data.name].target)(preset.data)
    data = data.hold_out(preset.train.validation_fraction, preset.data.split_seed)
    data = data.to(device, dtype)
    plan = resolve(NETWORKS[preset.network.name].target)(preset.network, data.input_shape)
    method_class: type[Method] = resolve(METHODS[preset.method.name].target)
    bank = Bank(
        plan,
        method_class.marks(preset.method, plan),
        data.num_classes,
        method_class.num_modules(preset.method, data.num_tasks),
        generators,
    ).to(device, dtype)
    population = ENGINES[preset.device.engine](bank)
    rule = resolve(STEP_SIZES[preset.step_size.name].target)
    return Experiment(
        preset,
        device,
        data,
        population,
        method_class(preset.method, population, generators),
        BatchSampler(data.train, preset.train.batch_size, dtype, generators),
        rule(preset.step_size, make_optimizer(preset.train, bank.parameters())),
        generators,
    )


def make_optimizer(
    train: TrainTable, parameters: Iterator[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    """Torch's own optimiser with default betas and no momentum."""
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    kind: Any = kinds[train.optimizer]
    optimizer: torch.optim.Optimizer = kind(
        parameters, lr=train.learning_rate, weight_decay=train.weight_decay
    )
    return optimizer


def resolve(target: str) -> Any:
    """The object that "package.module:attribute" names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
