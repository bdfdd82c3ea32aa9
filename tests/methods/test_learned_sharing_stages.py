"""After the search: what each final stage starts from, trains and keeps."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from shareconsole.methods import learned_sharing
from shareconsole.sharing import descent
from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.networks import NETWORKS
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment, resolve
from tests.methods.reference import ReferenceModel

SEARCH = 3
SMALL = (
    "network.conv=[3, 4]",
    'network.conv_sharing=["shared", "routed"]',
    "network.dense=[5]",
    "method.modules=3",
    "method.nes_samples=4",
    "method.sgd_samples=2",
    f"method.search_steps={SEARCH}",
    "train.batch_size=4",
    "train.learning_rate=0.01",
    "device.dtype=float64",
)
ENGINES = pytest.mark.parametrize("engine", ["trie", "loop"])
STAGES = pytest.mark.parametrize("final", ["finetune", "retrain"])


def build(final: str, engine: str = "trie", *overrides: str):
    stage = (f"method.final_stage={final}", f"device.engine={engine}")
    preset = load_preset("digits", [*SMALL, *stage, *overrides]).preset
    return build_experiment(preset, torch.device("cpu"))


def steps(experiment, count: int):
    return [
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        for _ in range(count)
    ]


@ENGINES
def test_retraining_is_training_from_new_weights_with_the_assignment_fixed(engine):
    """Against the formulas in numpy, from modules that the plan made here on the same stream."""
    experiment = build("retrain", engine)
    steps(experiment, SEARCH)
    bank, method, generators = (
        experiment.population.bank,
        experiment.method,
        experiment.generators,
    )
    pi = method.pi_LTK.clone()
    chosen = pi.numpy().argmax(2)
    assert 0.3 < pi.max() < 1  # still searching
    plan = resolve(NETWORKS["convnet"].target)(
        experiment.preset.network, experiment.data.input_shape
    )
    fresh = copy.deepcopy(bank)
    makers = {unit.name: unit.build for unit in plan.units}
    for name, modules in fresh.modules_by_unit():
        for k, module in enumerate(modules):
            with generators.initialising(f"retrain/{name}/{k}"):
                made = makers[name]() if name in makers else plan.build_head(10)
            module.load_state_dict(made.double().state_dict())
    reference = ReferenceModel(fresh)
    sampler = copy.deepcopy(experiment.sampler)
    only = np.eye(pi.shape[2])[chosen]
    for _ in range(4):
        batch = sampler.next()
        losses, norm = reference.descend(
            chosen[None], only, list(batch.inputs), list(batch.labels), rate=0.01
        )
        [result] = steps(experiment, 1)
        assert result.fitness_S is None
        np.testing.assert_allclose(result.loss_T.numpy(), losses[0], rtol=0, atol=1e-10)
        assert result.gradient_norm == pytest.approx(norm, abs=1e-10)
    for (unit, k), expected in reference.modules.items():
        found = bank.heads[k] if unit == "head" else bank.units[unit][k]
        for name, value in expected.state_dict().items():
            torch.testing.assert_close(found.state_dict()[name], value, rtol=0, atol=1e-10)
    assert np.array_equal(method.pi_LTK.numpy(), only)


def entered(monkeypatch, experiment):
    """Weights and optimiser steps that the first update after the search begins with."""
    seen = []

    def descend(population, sampled, *rest):
        counts = {int(s["step"]) for s in experiment.step_size.optimizer.state.values()}
        seen.append((copy.deepcopy(population.bank.state_dict()), counts, sampled.clone()))
        return descent.descend(population, sampled, *rest)

    monkeypatch.setattr(learned_sharing, "descend", descend)
    steps(experiment, 1)
    return seen[0]


@ENGINES
def test_finetuning_keeps_weights_moments_and_modules_nobody_uses(engine, monkeypatch):
    experiment = build("finetune", engine)
    steps(experiment, SEARCH)
    before = copy.deepcopy(experiment.population.bank.state_dict())
    expected = experiment.method.assignment()
    weights, counts, sampled = entered(monkeypatch, experiment)
    assert all(torch.equal(weights[name], value) for name, value in before.items())
    assert SEARCH in counts
    assert torch.equal(sampled, expected[None])
    steps(experiment, 2)
    after = experiment.population.bank.state_dict()
    used = {(unit, int(k)) for unit, row in zip((1, 2), expected, strict=True) for k in row}
    for name, value in after.items():
        if name.startswith("units.") and name.endswith("weight"):
            unit, k = map(int, name.split(".")[1:3])
            moved = not torch.equal(value, before[name])
            assert moved == (unit == 0 or (unit, k) in used), name
    assert len(used) < 6  # else nothing stood still


def test_retraining_forgets_weights_moments_and_statistics(monkeypatch):
    experiment = build("retrain")
    begun = copy.deepcopy(experiment.population.bank.state_dict())
    steps(experiment, SEARCH)
    weights, counts, _ = entered(monkeypatch, experiment)
    assert counts == set()
    for name, value in weights.items():
        if "running" in name or "num_batches" in name:
            assert torch.equal(value, begun[name])
        elif value.std() > 0:  # but for the scales and shifts of normalisation
            assert not torch.equal(value, begun[name])


@STAGES
def test_the_final_stage_shows_one_certain_assignment_that_stays(final):
    experiment = build(final)
    steps(experiment, SEARCH)
    chosen = experiment.method.assignment()
    assert experiment.method.scalars()["entropy"] > 0
    for result in steps(experiment, 3):
        assert result.fitness_S is None
        assert not result.diverged
        assert torch.equal(experiment.method.assignment(), chosen)
        assert experiment.method.scalars()["entropy"] == 0
        pi = experiment.method.tensors()["assignment"]
        assert torch.equal(pi.sum(2), torch.ones(2, 4, dtype=torch.float64))
        assert set(pi.flatten().tolist()) == {0.0, 1.0}


@STAGES
def test_until_its_end_the_search_is_the_paper_s(final):
    staged, plain = build(final), build("none", "trie", "method.search_steps=0")
    for ours, theirs in zip(steps(staged, SEARCH), steps(plain, SEARCH), strict=True):
        assert torch.equal(ours.loss_T, theirs.loss_T)
        assert torch.equal(ours.fitness_S, theirs.fitness_S)
    assert not torch.equal(steps(staged, 1)[0].loss_T, steps(plain, 1)[0].loss_T)
