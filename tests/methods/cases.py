"""Small runs of every method and every step size rule, for tests that hold for all of them.

A method or a rule that is new in its catalogue wants an entry here, and a test says so.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from shareconsole.sharing.data import MultiTaskData
from shareconsole.sharing.method import StepResult, Stopwatch
from shareconsole.spec.methods import METHODS
from shareconsole.spec.preset import Preset
from shareconsole.spec.stepsizes import STEP_SIZES
from shareconsole.spec.validate import validate
from shareconsole.trainer.build import Experiment, build_experiment, load_data

LEARNED = {"modules": 3, "nes_samples": 4, "sgd_samples": 2, "nes_learning_rate": 0.05}
METHOD_OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "learned_sharing": {
        "": LEARNED,
        "tree": {**LEARNED, "sampling": "tree", "sgd_samples": 4, "credit": "per_task"},
        "finetune": {**LEARNED, "final_stage": "finetune", "search_steps": 3, "nes_batch": "all"},
        "retrain": {**LEARNED, "final_stage": "retrain", "search_steps": 3},
    },
    "full_sharing": {"": {}},
    "no_sharing": {"": {}},
    "prior_sharing": {"": {}},
    "single_task": {"": {}},
    "gumbel": {
        "": {"components": 3, "router_learning_rate": 0.02},
        "penalised": {
            "components": 3,
            "budget": 0.6,
            "budget_weight": 0.5,
            "entropy_weight": 1e-3,
            "entropy_rounds": 20,
            "disconnection_weight": 0.1,
            "l2_weight": 1e-6,
        },
    },
    "trace_norm": {"": {"strength": 0.02, "unfolding": "tt"}},
    "branched": {"": {"single_task_steps": 3, "probe_images": 24, "budget": 1.6}},
}
"""Options of the variants of each method that are tested, the first under an empty name."""

SEARCH = {"initial_step": 2.0, "max_step": 2.0, "armijo": 0.3}
STEP_SIZE_OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {},
    "backtracking": SEARCH,
    "latent_backtracking": {**SEARCH, "task_weights": "mgda_ub", "verify_every": 3},
}

CONVNET = {
    "name": "convnet",
    "conv": [3, 6],
    "conv_sharing": ["shared", "routed"],
    "dense": [8],
}
DATA: dict[str, dict[str, dict[str, Any]]] = {
    "digits": {"data": {"name": "digits"}, "network": CONVNET},
    "planted": {
        "data": {"name": "planted", "groups": 2, "tasks_per_group": 2},
        "network": {"name": "mlp", "widths": [64, 32], "sharing": ["shared", "routed"]},
    },
    "overlaid": {
        "data": {"name": "digits_overlaid", "train_images": 200, "test_images": 100},
        "network": CONVNET,
    },
}
"""Problems, each with a network of one shared unit and one or two that are routed."""

DROPOUT = {"conv_dropout": 0.1, "dropout": 0.2}


@dataclass(frozen=True)
class Case:
    """A method, a variant of it, and a step size rule."""

    method: str
    variant: str
    rule: str

    def __str__(self) -> str:
        rule = "" if self.rule == "constant" else self.rule
        return "-".join(part for part in (self.method, self.variant, rule) if part)

    def tables(self, problem: str, **tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The preset as plain values; `tables` add to it."""
        searches = self.rule != "constant"
        found: dict[str, dict[str, Any]] = {
            **DATA[problem],
            "method": {"name": self.method, **METHOD_OPTIONS[self.method][self.variant]},
            "step_size": {"name": self.rule, **STEP_SIZE_OPTIONS[self.rule]},
            "train": {
                "batch_size": 8,
                "learning_rate": 0.02,
                "optimizer": "sgd" if searches else "adam",
            },
            # Built several times faster than the other one.
            "device": {"device": "cpu", "engine": "loop"},
        }
        return {key: {**found.get(key, {}), **tables.get(key, {})} for key in {**found, **tables}}

    def preset(self, problem: str = "digits", **tables: dict[str, Any]) -> Preset:
        """The same, checked."""
        preset, issues = validate(self.tables(problem, **tables))
        assert preset is not None, issues
        return preset

    def build(self, problem: str = "digits", **tables: dict[str, Any]) -> Experiment:
        """A run of it, from its beginning."""
        preset = self.preset(problem, **tables)
        return build_experiment(preset, torch.device("cpu"), _data(problem))


def _possible() -> Iterator[Case]:
    """Every variant under every rule that can be used with it."""
    for rule in STEP_SIZE_OPTIONS.keys() & STEP_SIZES.keys():
        for method in METHOD_OPTIONS.keys() & METHODS.keys():
            for variant in METHOD_OPTIONS[method]:
                case = Case(method, variant, rule)
                _, issues = validate(case.tables("digits"))
                # Other issues are mistakes in this file, which `Case.preset` will tell of.
                if not any(issue.path == ("step_size", "name") for issue in issues):
                    yield case


CASES = sorted(_possible(), key=lambda case: (case.rule != "constant", str(case)))


@cache
def _data(problem: str) -> MultiTaskData:
    return load_data(CASES[0].preset(problem))


def steps(experiment: Experiment, count: int) -> list[StepResult]:
    """Take so many steps."""
    return [
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        for _ in range(count)
    ]


def told(result: StepResult) -> tuple[Any, ...]:
    """All that a step tells the log, but for times."""
    fitness = None if result.fitness_S is None else result.fitness_S.tolist()
    return result.loss_T.tolist(), result.gradient_norm, fitness


def saved(experiment: Experiment) -> bytes:
    """The run as a checkpoint has it."""
    file = io.BytesIO()
    torch.save(experiment.state_dict(), file)
    return file.getvalue()


def resume(experiment: Experiment, state: bytes) -> Experiment:
    """The run that continues from a checkpoint; what is given has just been built."""
    experiment.load_state_dict(torch.load(io.BytesIO(state), weights_only=True))
    return experiment


def bits(value: object, name: str = "") -> dict[str, object]:
    """Every number of a state under its place, tensors as bytes, so that equal means identical."""
    if isinstance(value, dict):
        return {k: v for n, x in value.items() for k, v in bits(x, f"{name}/{n}").items()}
    if isinstance(value, list | tuple):
        return {k: v for i, x in enumerate(value) for k, v in bits(x, f"{name}/{i}").items()}
    if isinstance(value, torch.Tensor):
        return {name: (value.dtype, value.shape, value.detach().numpy().tobytes())}
    return {name: value}


def standing(experiment: Experiment) -> dict[str, object]:
    """All that a run is and shows at this moment, to the bit."""
    method = experiment.method
    shown = {"tensors": method.tensors(), "scalars": method.scalars(), "who": method.assignment()}
    return bits({"state": experiment.state_dict(), **shown})


def boundaries(experiment: Experiment) -> list[int]:
    """The steps after which a stage begins, but for the first."""
    return [stage.start for stage in experiment.preset.method.stages() if stage.start]
