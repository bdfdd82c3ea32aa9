"""Trace norm regularisation against the paper's loss, written once more and left to autograd."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from shareconsole.errors import PresetError
from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment

SMALL = (
    "network.conv=[3]",
    "network.dense=[6]",
    "train.batch_size=4",
    "device.dtype=float64",
)
PLANTED = (
    "data.groups=2",
    "data.tasks_per_group=2",
    "data.train_per_task=40",
    "network.widths=[12]",
    "train.learning_rate=0.01",
)


def build(*overrides: str, preset: str = "digits-tracenorm", small=SMALL):
    loaded = load_preset(preset, [*small, *overrides]).preset
    return build_experiment(loaded, torch.device("cpu"))


def steps(experiment, count: int):
    return [
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        for _ in range(count)
    ]


def penalty(weights: list[torch.Tensor], kind: str) -> list[torch.Tensor]:
    """The trace norms of one layer's weights, stacked as in section 2 of the paper."""
    order = {4: (2, 3, 1, 0), 2: (1, 0)}[weights[0].dim()]
    W = torch.stack([weight.permute(order) for weight in weights], -1)
    sizes, axes = W.shape, range(W.dim())
    if kind == "tt":
        matrices = [W.reshape(int(np.prod(sizes[: i + 1])), -1) for i in axes[:-1]]
    else:
        modes = axes if kind == "tucker" else axes[-1:]
        matrices = [W.permute(i, *(a for a in axes if a != i)).reshape(sizes[i], -1) for i in modes]
    return [torch.linalg.matrix_norm(X, "nuc") for X in matrices]


@pytest.mark.parametrize("strength", ["0.3", "[0.2, 0.5]"])
@pytest.mark.parametrize(
    ("kind", "reduction"), [("laf", "sum"), ("tucker", "sum"), ("tt", "sum"), ("tucker", "mean")]
)
def test_a_step_follows_the_gradient_of_the_paper_s_loss(kind, reduction, strength):
    rate = 0.5
    overrides = (f"method.unfolding={kind}", f"method.reduction={reduction}")
    experiment = build(
        *overrides,
        f"method.strength={strength}",
        "train.optimizer=sgd",
        f"train.learning_rate={rate}",
    )
    gammas = eval(strength) if "[" in strength else [float(strength)] * 2
    bank = experiment.population.bank
    reference = copy.deepcopy(bank).train()
    batch = copy.deepcopy(experiment).sampler.next()
    loss, by_task = 0.0, []
    for task in range(4):
        y = batch.task_inputs(task)
        for module in reference.path(task, []):
            y = module(y)
        by_task.append(cross_entropy(y, batch.labels[task]))
        loss = loss + by_task[-1]
    norms = [
        penalty([task[0].weight for task in reference.units[0]], kind),
        penalty([task[1].weight for task in reference.units[1]], kind),
    ]
    for gamma, layer in zip(gammas, norms, strict=True):
        for norm in layer:
            loss = loss + gamma * norm / (len(layer) * 2 if reduction == "mean" else 1)
    loss.backward()
    before = [p.detach().clone() for p in bank.parameters()]
    [result] = steps(experiment, 1)
    torch.testing.assert_close(result.loss_T, torch.stack(by_task).detach())
    expected = [p.grad for p in reference.parameters()]
    for old, new, gradient in zip(before, bank.parameters(), expected, strict=True):
        torch.testing.assert_close((old - new.detach()) / rate, gradient, rtol=0, atol=1e-9)
    total = torch.nn.utils.get_total_norm(expected)
    assert result.gradient_norm == pytest.approx(float(total))
    scalars = experiment.method.scalars()
    assert scalars["trace_norm"] == pytest.approx(sum(map(sum, norms)).item())
    assert scalars["penalty"] == pytest.approx((loss - sum(by_task)).item())


# Losses of the fifth step and sum of the trace norms before its update, made with this code.
GOLDEN = {
    "laf": ((2.238857065, 2.372370286, 2.474632369, 2.147924239), 9.351683163),
    "tucker": ((2.239080250, 2.377570625, 2.472346738, 2.147881536), 40.343418868),
    "tt": ((2.239214325, 2.377212640, 2.473147568, 2.147724879), 35.280840020),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_golden_values(kind):
    experiment = build(f"method.unfolding={kind}", "method.strength=0.1")
    losses, norm = GOLDEN[kind]
    assert steps(experiment, 5)[-1].loss_T.tolist() == pytest.approx(losses, abs=1e-7)
    assert experiment.method.scalars()["trace_norm"] == pytest.approx(norm, abs=1e-7)


def test_a_penalty_of_nothing_is_no_sharing_to_the_bit():
    runs = [build("method.strength=0"), build(preset="digits-none")]
    first, second = (steps(run, 3) for run in runs)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.loss_T, b.loss_T)


def test_a_task_that_labels_nothing_is_pulled_all_the_same():
    experiment = build("train.optimizer=sgd")
    method = experiment.method
    for parameter in experiment.population.bank.parameters():
        parameter.grad = None
    method.add_gradients()
    for layer in method.layers:
        assert all(weight.grad.abs().sum() > 0 for weight in layer.weights)
    assert experiment.population.bank.heads[0][-1].weight.grad is None
    assert experiment.population.bank.units[1][0][1].bias.grad is None


def test_weights_come_nearer_to_low_rank_and_to_each_other(tmp_path):
    preset = tmp_path / "planted.toml"
    preset.write_text(
        '[data]\nname = "planted"\n[network]\nname = "mlp"\n[method]\nname = "trace_norm"\n'
    )
    found = {}
    for strength in ("0", "0.2"):
        experiment = build(f"method.strength={strength}", preset=str(preset), small=PLANTED)
        assert experiment.method.scalars().keys() == {"trace_norm", "penalty"}
        results = steps(experiment, 40)
        assert results[-1].loss_T.mean() < 0.7 * results[0].loss_T.mean()
        found[strength] = experiment.method
    free, pulled = found["0"], found["0.2"]
    assert pulled.scalars()["trace_norm"] < 0.7 * free.scalars()["trace_norm"]
    assert free.scalars()["penalty"] == 0
    off = ~torch.eye(4, dtype=torch.bool)
    similarity = [method.tensors()["similarity"][:, off].mean() for method in (free, pulled)]
    assert similarity[0] < similarity[1]


def test_tensors_fit_their_axes():
    experiment = build()
    method = experiment.method
    axes, tensors = method.tensor_axes(), method.tensors()
    names = ("conv1", "dense1")
    assert axes == {
        "similarity": (names, "task", "task"),
        "spectrum": (names, ("1", "2", "3", "4")),
    }
    assert tensors["similarity"].shape == (2, 4, 4)
    assert tensors["spectrum"].shape == (2, 4)
    np.testing.assert_allclose(tensors["similarity"].diagonal(dim1=1, dim2=2), 1)
    assert (tensors["spectrum"].diff() <= 0).all()


def test_a_unit_of_several_layers_and_units_the_method_leaves_alone(tmp_path):
    preset = tmp_path / "residual.toml"
    preset.write_text(
        '[data]\nname = "digits"\n[network]\nname = "resnet18"\nwidth = 1\nstem_sharing = "task"\n'
        'block_sharing = ["routed", "routed", "task", "task", "shared", "shared", "routed", "task"]'
        '\n[method]\nname = "trace_norm"\nstrength = [0.1, 0.2, 0.3]\n'
    )
    experiment = build(preset=str(preset), small=())
    found = [(layer.name, layer.strength) for layer in experiment.method.layers]
    assert found == [
        ("block1.conv1", 0.1), ("block1.conv2", 0.1),
        ("block2.conv1", 0.2), ("block2.conv2", 0.2),
        ("block7.conv1", 0.3), ("block7.conv2", 0.3), ("block7.shortcut.0", 0.3),
    ]  # fmt: skip
    assert experiment.population.bank.marks[5] == "shared"


@pytest.mark.parametrize(
    ("overrides", "key", "words"),
    [
        (["method.strength=[0.1]"], "method.strength", "1 numbers for 3 routed units"),
        (["network.conv_sharing=task", "network.dense_sharing=shared"], "method.name", "nothing"),
    ],
)
def test_what_does_not_fit_is_said(overrides, key, words):
    with pytest.raises(PresetError) as caught:
        load_preset("digits-tracenorm", overrides)
    [problem] = caught.value.problems
    assert problem.key == key
    assert words in problem.problem
