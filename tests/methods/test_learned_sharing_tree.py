"""Learned sharing with tree sampling: what each half draws, the NES step's length, exact resume."""

from __future__ import annotations

import pytest
import torch

from shareconsole.methods.learned_sharing import LearnedSharing
from shareconsole.sharing import nes
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.tree_sampling import Tree
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment

SMALL = (
    "network.conv=[3]",
    "network.dense=[6, 5]",
    "method.nes_samples=6",
    "method.sgd_samples=4",
    "method.sampling=tree",
    "train.batch_size=4",
    "device.dtype=float64",
)


def build(*overrides: str):
    preset = load_preset("digits", [*SMALL, *overrides]).preset
    return build_experiment(preset, torch.device("cpu"))


def steps(experiment, count: int):
    return [
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        for _ in range(count)
    ]


def test_each_half_draws_its_own_tree_and_the_nes_step_has_its_full_length(monkeypatch):
    experiment = build("method.branching=[2, 3, 5]")
    method = experiment.method
    drawn, losses = [], []
    draw, evaluate = Tree.sample, experiment.population.evaluate

    def sample(tree, pi, generator, *, stratified=False):
        members = draw(tree, pi, generator, stratified=stratified)
        drawn.append((tree, members, stratified))
        return members

    monkeypatch.setattr(Tree, "sample", sample)
    monkeypatch.setattr(
        experiment.population,
        "evaluate",
        lambda members, batch: losses.append(evaluate(members, batch)) or losses[-1],
    )
    for _ in range(3):
        before = method.pi_LTK
        steps(experiment, 1)
        (nes_tree, members, first), (sgd_tree, samples, second) = drawn[-2:]
        assert (nes_tree.branching, sgd_tree.branching) == ((2, 3, 5), (2, 3, 4))
        assert (members.shape, samples.shape) == ((6, 3, 4), (4, 3, 4))
        assert (first, second) == (False, True)
        gradient = nes.natural_gradient(before, members, nes.rank_utilities(losses[-1].mean(1)))
        # 15 pairs; groups of 3 and 3, nested in them of 2, 1 and 3, of 1, 1, 1, 2 and 1.
        gradient *= torch.tensor([15 / 9, 15 / 11, 15 / 14])[:, None, None]
        torch.testing.assert_close(method.pi_LTK, nes.update(before, gradient, 0.1, 0.001))


def test_as_many_draws_as_assignments_changes_no_length():
    experiment = build("method.branching=[6, 6, 6]")
    assert experiment.method._nes_tree.compared_L.tolist() == [1, 1, 1]
    assert experiment.method._sgd_tree.branching == (4, 4, 4)


def test_auto_is_decided_when_the_run_is_built():
    # Work: conv1 9*3*64 = 1728, dense1 48*6 = 288, dense2 6*5 = 30; half of 6 * 2046 is 6138.
    assert build("method.sgd_samples=6").method.options.branching == (2, 6, 6)
    preset = load_preset("digits", SMALL).preset
    population = build().population
    with pytest.raises(ValueError, match="not decided"):
        LearnedSharing(preset.method, population, build().generators)


def test_the_paper_s_sampling_draws_what_it_drew_before_there_was_a_choice():
    """The generators of both halves are left where independent sampling leaves them."""
    experiment = build("method.sampling=independent")
    reference = build("method.sampling=independent").generators
    steps(experiment, 1)
    for name, num in (("assignment/nes", 6), ("assignment/sgd", 4)):
        rows = torch.full((3 * 4, 4), 0.25, dtype=torch.float64)
        torch.multinomial(rows, num, replacement=True, generator=reference(name))
        if name == "assignment/nes":
            assert torch.equal(reference(name).get_state(), experiment.generators(name).get_state())
