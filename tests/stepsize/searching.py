"""Small runs with a step size rule, and the same losses written plainly."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from shareconsole.sharing.data import MISSING, Batch
from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import Experiment, build_experiment

PRESET = """
[data]
name = "digits_overlaid"
train_images = 200
test_images = 100
[network]
name = "convnet"
conv = [4, 5]
conv_sharing = "shared"
dense = [8, 6]
dense_sharing = ["shared", "task"]
[method]
name = "full_sharing"
[train]
batch_size = 12
optimizer = "sgd"
learning_rate = 1.0
[step_size]
{rule}
[device]
device = "cpu"
dtype = "float64"
"""
DROPOUT = ("network.conv_dropout=[0.0, 0.5]", "network.dropout=0.5", "network.norm=none")
OWN = ('network.conv_sharing=["shared", "task"]', "network.dense_sharing=task")
"""Latents are images, and the heads begin with a convolution and its batch-norm."""


def options(name: str, **values: object) -> str:
    """The table [step_size] as text."""
    written = {"name": name, "armijo": 0.3, **values}
    return "\n".join(f"{key} = {_toml(value)}" for key, value in written.items())


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def preset(folder: Path, rule: str, *overrides: str):
    """The small preset under a rule, checked."""
    path = folder / "search.toml"
    path.write_text(PRESET.format(rule=rule))
    return load_preset(str(path), overrides).preset


def build(folder: Path, rule: str, *overrides: str) -> Experiment:
    """A run of it."""
    return build_experiment(preset(folder, rule, *overrides), torch.device("cpu"))


@dataclass
class Step:
    """One step that was made, and the state on both sides of it."""

    batch: Batch
    before: dict
    after: dict
    result: object
    gradients: dict[str, torch.Tensor]
    scalars: dict[str, float]

    @property
    def size(self) -> float:
        return self.scalars["step_size"]


def snapshot(experiment: Experiment) -> dict:
    """Weights, statistics, and where every generator stands."""
    return copy.deepcopy(
        {
            "bank": experiment.population.bank.state_dict(),
            "generators": experiment.generators.state_dict(),
        }
    )


def go_to(experiment: Experiment, state: dict, weights: dict | None = None) -> None:
    """Put everything to a state, or all but the weights, which come from another."""
    experiment.population.bank.load_state_dict(state["bank"])
    experiment.generators.load_state_dict(state["generators"])
    if weights is not None:
        for name, parameter in experiment.population.bank.named_parameters():
            parameter.data.copy_(weights["bank"][name])


def step(experiment: Experiment) -> Step:
    """Make one step and keep what it saw."""
    seen: list[Batch] = []

    class Sampler:
        def next(self):
            seen.append(experiment.sampler.next())
            return seen[-1]

    before = snapshot(experiment)
    result = experiment.method.step(Sampler(), experiment.step_size, Stopwatch())
    bank = experiment.population.bank
    gradients = {name: p.grad.clone() for name, p in bank.named_parameters() if p.grad is not None}
    scalars = dict(experiment.step_size.scalars())
    return Step(seen[0], before, snapshot(experiment), result, gradients, scalars)


def networks(experiment: Experiment, batch: Batch, depth: int = 0) -> tuple:
    """Latents and losses of all labelled tasks, one module after another, in train mode.

    With a depth and images in common the first modules run once, else for every task.
    """
    bank = experiment.population.bank.train()
    latents, losses = [], []
    shared = batch.inputs.dim() == 4
    for task, count in enumerate(batch.num_labelled):
        if not count:
            continue
        path = bank.path(task, [])
        x = batch.task_inputs(task)
        if depth and shared and latents:
            x = latents[0]
        else:
            for module in path[:depth]:
                x = module(x)
        latents.append(x)
    for task, x in zip([t for t, n in enumerate(batch.num_labelled) if n], latents, strict=True):
        losses.append(head_loss(bank, task, x, batch, depth))
    return latents, torch.stack(losses)


def head_loss(bank, task: int, z: torch.Tensor, batch: Batch, depth: int) -> torch.Tensor:
    """Loss of the modules behind the first `depth`."""
    for module in bank.path(task, [])[depth:]:
        z = module(z)
    return cross_entropy(z, batch.labels[task], ignore_index=MISSING)


def depth_of(experiment: Experiment) -> int:
    """Units that all tasks share."""
    return experiment.population.bank.marks.count("shared")


def owner(name: str, depth: int) -> int | None:
    """The task that a parameter belongs to; None for one of the encoder."""
    kind, *rest = name.split(".")
    if kind == "heads":
        return int(rest[0])
    return None if int(rest[0]) < depth else int(rest[1])
