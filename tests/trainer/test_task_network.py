"""A task's network by itself against the run's own evaluation, over all networks and methods."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shareconsole.errors import ShareconsoleError
from shareconsole.spec.networks import NETWORKS
from shareconsole.trainer.standalone import export
from shareconsole.trainer.standalone.export import task_network
from shareconsole.trainer.standalone.folding import fold_batch_norm
from tests.trainer import exporting


def test_every_network_is_among_those_tested():
    assert set(exporting.NETWORKS) == set(NETWORKS)


@pytest.mark.parametrize("method", ["learned_sharing", "gumbel", "single_task"])
@pytest.mark.parametrize("network", ["mlp", "resnet18", "diversity_depth"])
def test_every_network(tmp_path, network, method):
    steps = 1 if network == "resnet18" else 2
    built = exporting.experiment(tmp_path, network, method, steps=steps)
    exporting.assert_equal_to_evaluation(built, 1e-6)


@pytest.mark.parametrize("network", ["convnet", "diversity_depth"])
def test_double_precision_tells_no_difference(tmp_path, network):
    built = exporting.experiment(tmp_path, network, "gumbel", "device.dtype=float64")
    exporting.assert_equal_to_evaluation(built, 1e-13)


def test_components_are_averaged_and_none_give_zeros(tmp_path):
    built = exporting.experiment(tmp_path, "convnet", "gumbel", steps=0)
    bank = built.population.bank
    logits = torch.full_like(built.method.logits_LTK2.detach(), -1.0)
    logits[0, 1, [0, 2], 0] = 1.0
    logits[:, 1, :, 1] = 0.0  # dense1 has none: -1 against 0
    logits[0, 2, :, 0] = 1.0
    logits[1, 2, 1, 0] = 1.0
    logits[:, 2, :, 1] = 0.0
    built.method.logits_LTK2.data = logits
    made = task_network(exporting.saved(built), 1, fold=True)
    assert made.recipe == ((0, 2), None, ())
    inputs = built.data.test.task_images(1)[:5]
    bank.eval()
    (_, conv1), (_, conv2), _, (_, heads) = bank.modules_by_unit()
    with torch.no_grad():
        found = made.network(inputs)
        zeros = heads[1](torch.zeros(5, 5))
    torch.testing.assert_close(found, zeros)
    exporting.assert_equal_to_evaluation(built, 1e-6)
    size = [sum(p.numel() for p in m.parameters()) for m in (conv1[0], conv2[0], heads[1])]
    # conv1 twice, the shared conv2, no dense1, its head; task 2 has all three of conv1.
    assert made.parameters[1].total == 2 * size[0] + size[1] + size[2]
    assert made.parameters[1].own == size[2]
    assert made.parameters[1].shared[2] == 2 * size[0] + size[1]
    assert made.parameters[1].shared[1] == 0


class Misled:
    """Says of a method's networks what is not so."""

    def __init__(self, learner, modules) -> None:
        self.method = learner.method
        self._modules = modules

    def __getattr__(self, name):
        if name == "modules_of":
            if self._modules is None:
                raise AttributeError(name)
            return lambda task: self._modules
        return getattr(self.method, name)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (((1,), (0, 1)), "is not what the run evaluates with: logits differ by"),
        (None, "learned_sharing does not say what a task's network is made of"),
    ],
)
def test_a_structure_that_is_not_known_is_never_approximated(
    tmp_path, monkeypatch, modules, message
):
    built = exporting.experiment(tmp_path, "convnet", "learned_sharing", steps=0)
    original = export.build_learner

    def mislead(*arguments):
        learner = original(*arguments)
        return learner._replace(method=Misled(learner, modules))

    monkeypatch.setattr(export, "build_learner", mislead)
    with pytest.raises(ShareconsoleError, match=message):
        task_network(exporting.saved(built), 0, fold=False)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    built = exporting.experiment(tmp_path, "convnet", "no_sharing", steps=0)
    run = exporting.saved(built)
    run.state["bank"].popitem()
    with pytest.raises(ShareconsoleError, match="does not fit its preset"):
        task_network(run, 0, fold=False)


def test_only_batch_norm_behind_a_convolution_is_folded():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    norm.running_mean.uniform_()
    norm.running_var.uniform_(0.5, 2)
    alone = nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), norm, nn.ReLU(), nn.BatchNorm2d(3))
    network = nn.Sequential(alone, nn.GroupNorm(1, 3)).double().eval()
    folded = fold_batch_norm(network)
    x = torch.rand(4, 1, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-13, atol=1e-13)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in folded.modules()) == 1
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 2
