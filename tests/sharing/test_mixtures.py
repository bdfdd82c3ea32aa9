"""Networks whose routed units mix their candidates, against plain modules called one by one."""

from __future__ import annotations

import pytest
import torch

from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.mixtures import Mixtures
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import ConvnetOptions

K = 3


@pytest.fixture
def bank() -> Bank:
    """Units: conv shared, conv routed, dense each task's own, dense routed."""
    options = ConvnetOptions(name="convnet", conv=(2, 3), dense=(4, 5))
    plan = build_convnet(options, (1, 8, 8))
    return Bank(plan, ("shared", "routed", "task", "routed"), (3, 2), K, Generators(0)).double()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1)).double()


def expected(bank: Bank, task: int, weights, x: torch.Tensor) -> torch.Tensor:
    units = bank.units
    x = units[0][0](x)
    x = sum(w * m(x) for w, m in zip(weights[0], units[1], strict=True))
    x = units[2][task](x)
    x = sum(w * m(x) for w, m in zip(weights[1], units[3], strict=True))
    return bank.heads[task](x)


def test_routed_units_are_weighted_sums(bank, images):
    weights = torch.tensor([[0.5, 0.5, 0], [0, 1, 0]], dtype=torch.float64)
    bank.train()
    found = Mixtures(bank).train(1, weights, images)
    torch.testing.assert_close(found, expected(bank, 1, weights, images))


def test_candidates_without_weight_give_their_weight_a_gradient(bank, images):
    weights = torch.tensor([[1, 0, 0], [0.5, 0, 0.5]], dtype=torch.float64, requires_grad=True)
    bank.train()
    found = Mixtures(bank).train(0, weights, images)
    upstream = torch.linspace(-1, 1, found.numel(), dtype=torch.float64).view_as(found)
    wanted = torch.autograd.grad(expected(bank, 0, weights, images), weights, upstream)
    found.backward(upstream)
    torch.testing.assert_close(weights.grad, *wanted)
    assert (weights.grad != 0).all()
    unused = next(bank.units[3][1].parameters())
    assert unused.grad is not None  # zero, but there: an optimiser's momentum moves it
    assert not unused.grad.any()


def test_statistics_of_candidates_without_weight_stay(bank, images):
    weights = torch.tensor([[0, 1, 0], [1, 0, 0]], dtype=torch.float64)
    norms = [candidate[1] for candidate in bank.units[1]]
    before = [norm.running_var.clone() for norm in norms]
    bank.train()
    Mixtures(bank).train(0, weights, images)
    moved = [not torch.equal(a, n.running_var) for a, n in zip(before, norms, strict=True)]
    assert moved == [False, True, False]
    assert {norm.momentum for norm in norms} == {0.1}


def test_tested_networks_average_what_they_use(bank, images):
    bank.eval()
    mixtures = Mixtures(bank)
    used = [[True, False, True], [True, True, True]]
    weights = torch.tensor(used).double() / torch.tensor([[2.0], [3.0]])
    found = mixtures.infer(1, used, images)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected(bank, 1, weights, images).detach())


@pytest.mark.parametrize("trains", [True, False])
def test_a_unit_without_connections_gives_zeros(bank, images, trains):
    bank.train(trains)
    mixtures = Mixtures(bank)
    if trains:
        found = mixtures.train(0, torch.zeros(2, K, dtype=torch.float64), images)
    else:
        found = mixtures.infer(0, [[True] * K, [False] * K], images)
    only_the_bias = bank.heads[0][-1].bias.expand(len(images), -1)
    assert torch.equal(found.detach(), only_the_bias.detach())
