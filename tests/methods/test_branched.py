"""Branched networks: both stages, the change between them, and what does not fit."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats

from shareconsole.errors import PresetError, RunFailedError
from shareconsole.sharing.data import scale
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.probe import draw_probe
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment

SMALL = (
    "network.conv=[3]",
    "network.dense=[6]",
    "train.batch_size=4",
    "train.steps=10",
    "method.single_task_steps=3",
    "method.probe_images=24",
    "device.dtype=float64",
)
PLANTED = (
    "data.tasks_per_group=2",
    "data.train_per_task=60",
    "network.widths=[24, 16]",
    "method.single_task_steps=150",
    "method.probe_images=120",
    "train.steps=210",
    "train.learning_rate=0.01",
)


def build(*overrides: str, preset: str = "digits-branched", small=SMALL):
    loaded = load_preset(preset, [*small, *overrides]).preset
    return build_experiment(loaded, torch.device("cpu"))


def preset_file(folder, data: str, network: str, method: str = "", name: str = "branched") -> str:
    path = folder / f"{name}.toml"
    path.write_text(f'[data]\n{data}\n[network]\n{network}\n[method]\nname = "{name}"\n{method}\n')
    return str(path)


def steps(experiment, count: int):
    return [
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        for _ in range(count)
    ]


def expected_affinities(experiment) -> np.ndarray:
    """[L, T, T] of the networks as they stand, by numpy and scipy; draws nothing from the run."""
    bank = copy.deepcopy(experiment.population.bank).eval()
    generator = copy.deepcopy(experiment.generators("branched/probe"))
    count = experiment.preset.method.probe_images
    images = scale(draw_probe(experiment.data.train, count, generator), torch.float64)
    above = np.triu_indices(len(images), 1)
    distances = []
    for task in range(bank.num_tasks):
        y, of_task = images, []
        for mark, module in zip(bank.marks, bank.units, strict=True):
            y = module[task](y)
            if mark == "routed":
                with np.errstate(invalid="ignore"):  # images that none of so few features is for
                    correlation = np.corrcoef(y.detach().flatten(1).numpy())
                # Many of these distances are equal but for rounding errors.
                of_task.append(np.round((1 - np.nan_to_num(correlation)[above]) * 2**20))
        distances.append(of_task)
    return np.array([_spearman(unit) for unit in zip(*distances, strict=True)])


def _spearman(of_tasks) -> list[list[float]]:
    return [[stats.spearmanr(a, b).statistic for b in of_tasks] for a in of_tasks]


def limit_of(experiment) -> float:
    """The budget in parameters, of the sizes that the network's own description gives."""
    shape = experiment.data.input_shape
    body = sum(unit.parameters for unit in experiment.preset.network.units(shape))
    heads = sum(
        (experiment.preset.network.features(shape) + 1) * n for n in experiment.data.num_classes
    )
    return experiment.preset.method.budget * (body + heads)


@pytest.mark.parametrize("engine", ["trie", "loop"])
def test_the_tree_comes_of_the_affinities_within_the_budget(engine):
    experiment = build(f"device.engine={engine}", "method.budget=1.6")
    method = experiment.method
    steps(experiment, 3)
    assert set(method.tensors()) == {"tree"}
    assert method.assignment().tolist() == [[0, 1, 2, 3]] * 2
    everything = experiment.population.bank.num_parameters()
    assert method.scalars() == {"tree_cost": 0, "tree_parameters": everything}
    expected = expected_affinities(experiment)
    steps(experiment, 1)
    found = method.tensors()["affinity"].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.ptp(found) > 0.1
    tree = method.assignment().tolist()
    assert len({*zip(*tree, strict=True)}) == max(tree[1]) + 1  # units refine one another
    cost = 0.0
    for A, row in zip(expected, tree, strict=True):
        clusters = [[t for t, c in enumerate(row) if c == k] for k in range(max(row) + 1)]
        widths = [max((1 - A[i, j] for i in c for j in c if i < j), default=0) for c in clusters]
        cost += sum(widths) / len(widths)
    assert method.scalars()["tree_cost"] == pytest.approx(cost)
    units = experiment.preset.network.units(experiment.data.input_shape)
    used = sum(unit.parameters * (max(row) + 1) for unit, row in zip(units, tree, strict=True))
    heads = sum(p.numel() for p in experiment.population.bank.heads.parameters())
    assert method.scalars()["tree_parameters"] == used + heads <= limit_of(experiment) < everything
    assert torch.equal(method.tensors()["tree"].long(), method.assignment())


def test_the_smallest_budget_is_full_sharing_and_trains_as_full_sharing_does():
    experiment = build("method.budget=1")
    steps(experiment, 4)
    assert experiment.method.assignment().tolist() == [[0] * 4] * 2
    full = sum(
        p.numel() for p in build(preset="digits-full", small=SMALL[:4]).population.bank.parameters()
    )
    assert experiment.method.scalars()["tree_parameters"] == full == limit_of(experiment)


def test_the_first_stage_is_single_task_learning_to_the_bit(tmp_path):
    network = 'name = "convnet"\nconv = [3, 4]\ndense = [5]\n'
    network += 'conv_sharing = ["shared", "routed"]\ndense_sharing = "task"'
    files = [
        preset_file(tmp_path, 'name = "digits"', network, name=n)
        for n in ("branched", "single_task")
    ]
    runs = [build(preset=file, small=("train.steps=2000", "train.batch_size=4")) for file in files]
    assert runs[0].population.bank.marks == ("routed", "routed", "task")
    assert runs[0].method.tensor_axes().keys() == {"tree", "affinity"}
    first, second = (steps(run, 3) for run in runs)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.loss_T, b.loss_T)
    assert runs[0].method.assignment().shape == (2, 4)


def test_the_tree_starts_from_scratch():
    # A step too small to move a weight shows what it started from.
    overrides = ("train.learning_rate=1e-300", "network.conv_dropout=0.2")
    experiment, other = build(*overrides), build(*overrides)
    before = copy.deepcopy(experiment.population.bank.state_dict())
    steps(experiment, 3)
    moments = experiment.step_size.state_dict()["state"]
    assert {float(m["step"]) for m in moments.values()} == {3}
    steps(experiment, 1)
    moments = experiment.step_size.state_dict()["state"]
    assert {float(m["step"]) for m in moments.values()} == {1}
    used = {n for n, p in experiment.population.bank.named_parameters() if p.grad is not None}
    clusters = (experiment.method.assignment().amax(1) + 1).tolist()
    for unit, count in enumerate(clusters):
        modules = {name.split(".")[2] for name in used if name.startswith(f"units.{unit}.")}
        assert modules == {str(k) for k in range(count)}
    other.population.bank.reinitialise(other.generators, "branched/tree")
    fresh = dict(other.population.bank.named_parameters())
    for name, parameter in experiment.population.bank.named_parameters():
        torch.testing.assert_close(parameter, fresh[name], rtol=0, atol=1e-200)
        constant = parameter.dim() == 1  # biases and batch-norm may well start equal
        assert constant or not torch.equal(parameter, before[name])


def test_planted_groups_are_found_and_the_tree_learns(tmp_path):
    data, network = 'name = "planted"\ngroups = 2', 'name = "mlp"'
    path = preset_file(tmp_path, data, network, 'weighting = "tasks"\nbudget = 1.8')
    experiment = build(preset=path, small=PLANTED)
    steps(experiment, 150)
    results = steps(experiment, 60)
    assert experiment.method.assignment().tolist() == [[0, 0, 1, 1]] * 2
    A = experiment.method.tensors()["affinity"]
    same = torch.tensor(experiment.data.groups)[:, None] == torch.tensor(experiment.data.groups)
    assert A[:, same].min() > A[:, ~same].max() + 0.1
    assert results[0].loss_T.mean() > 2
    assert results[-1].loss_T.mean() < 0.5


def test_a_beam_takes_over_where_it_is_asked_for_and_with_many_tasks():
    found = [build("method.search=beam"), build("method.search=exhaustive"), build()]
    for experiment in found:
        steps(experiment, 4)
    costs = [experiment.method.scalars()["tree_cost"] for experiment in found]
    assert costs[0] == costs[1] == costs[2] > 0
    options = load_preset("omniglot-small-branched").preset.method
    assert [options.looks_at_all(tasks) for tasks in (7, 8, 10)] == [True, False, False]
    assert not build("method.search=beam").preset.method.looks_at_all(2)


def test_tasks_that_label_the_same_images(tmp_path):
    path = preset_file(
        tmp_path, 'name = "digits_overlaid"', 'name = "mlp"\nwidths = [4]', "budget = 1.5"
    )
    experiment = build("device.dtype=float64", preset=path, small=SMALL[3:5])
    assert experiment.data.shared_inputs
    steps(experiment, 3)
    expected = expected_affinities(experiment)
    steps(experiment, 2)
    np.testing.assert_allclose(experiment.method.tensors()["affinity"], expected, atol=1e-9)


def test_modules_of_several_kinds_are_whole_in_every_network(tmp_path):
    network = 'name = "diversity_depth"\nlayers = 2\nhalvings = 1\nwidth = 4\n'
    network += 'components = ["conv3x3", "identity"]'
    path = preset_file(tmp_path, 'name = "digits"', network)
    experiment = build(preset=path, small=SMALL[2:6])
    for unit in experiment.population.bank.units:
        assert len({sum(p.numel() for p in module.parameters()) for module in unit}) == 1
    results = steps(experiment, 5)
    assert all(math.isfinite(result.gradient_norm) for result in results)
    assert experiment.method.scalars()["tree_parameters"] <= limit_of(experiment)


def test_networks_that_are_no_numbers_make_no_tree():
    experiment = build("train.on_nan=continue")
    steps(experiment, 3)
    with torch.no_grad():
        experiment.population.bank.units[1][2][1].weight[0] = math.nan
    with pytest.raises(
        RunFailedError, match="network of task 3 of 4: features that are not finite"
    ):
        steps(experiment, 1)


@pytest.mark.parametrize(
    ("overrides", "key", "words"),
    [
        (["method.single_task_steps=2000"], "method.single_task_steps", "leaves no step for tree"),
        (["method.budget=4"], "method.budget", "4 networks that share nothing"),
        (["method.budget=0.9"], "method.budget", "too small"),
        (["method.probe_images=3"], "method.probe_images", "fewer than the tasks"),
        (["method.probe_images=2001"], "method.probe_images", "too large"),
        (["method.search=all"], "method.search", "not known"),
        (["method.beam_width=0"], "method.beam_width", "too small"),
        (["network.conv_sharing=shared", "network.dense_sharing=task"], "method.name", "nowhere"),
    ],
)
def test_what_does_not_fit_is_said(overrides, key, words):
    with pytest.raises(PresetError) as caught:
        load_preset("digits-branched", overrides)
    [problem] = caught.value.problems
    assert problem.key == key
    assert words in problem.problem


def test_all_trees_are_too_many_for_many_tasks(tmp_path):
    data = 'name = "planted"\ngroups = 5\ntasks_per_group = 2\ntrain_per_task = 20'
    path = preset_file(tmp_path, data, 'name = "mlp"', 'search = "exhaustive"')
    with pytest.raises(PresetError, match="too many with 10 tasks"):
        load_preset(path, ["train.steps=2000"])
