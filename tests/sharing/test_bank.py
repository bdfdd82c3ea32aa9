"""Which modules there are, who uses them, and how gradients are normalised."""

from __future__ import annotations

import copy

import pytest
import torch

from shareconsole.networks.convnet import build_convnet
from shareconsole.networks.mlp import build_mlp
from shareconsole.sharing import assignment
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import ConvnetOptions, MlpOptions


def make_bank(marks, seed=0, num_modules=3):
    plan = build_mlp(MlpOptions(name="mlp", widths=(4, 4, 4)), (1, 2, 2))
    return Bank(plan, marks, (3, 5), num_modules, Generators(seed))


def test_units_hold_one_k_or_t_modules_and_heads_fit_the_classes():
    bank = make_bank(("shared", "routed", "task"))
    assert [len(c) for c in bank.units] == [1, 3, 2]
    assert [head.out_features for head in bank.heads] == [3, 5]
    assert bank.routed_names == ("dense2",)
    assert bank.num_parameters() == (1 + 3 + 2) * 20 + 4 * (3 + 5) + 8


def test_path_follows_the_assignment_and_the_task():
    bank = make_bank(("shared", "routed", "task"))
    path = bank.path(1, [2])
    expected = [bank.units[0][0], bank.units[1][2], bank.units[2][1], bank.heads[1]]
    assert all(found is module for found, module in zip(path, expected, strict=True))


def test_module_k_starts_the_same_whatever_its_mark():
    first = make_bank(("shared", "routed", "task"))
    second = make_bank(("task", "task", "routed"))
    for unit in range(3):
        pair = (first.units[unit][0][1].weight, second.units[unit][0][1].weight)
        assert torch.equal(*pair)
    assert not torch.equal(first.units[1][0][1].weight, first.units[1][1][1].weight)
    assert not torch.equal(
        first.units[1][0][1].weight, make_bank(first.marks, 1).units[1][0][1].weight
    )


def test_one_mark_per_unit_is_required():
    with pytest.raises(ValueError, match="2 marks for 3 units"):
        make_bank(("shared", "task"))


def test_gradients_are_divided_by_the_expected_use():
    bank = make_bank(("shared", "routed", "task"))
    for parameter in bank.parameters():
        parameter.grad = torch.ones_like(parameter)
    bank.units[1][2][1].weight.grad = None
    pi = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]], dtype=torch.float64)
    bank.normalise_gradients(4, pi)
    values = [float(module[1].weight.grad[0, 0]) for module in bank.units[1][:2]]
    assert values == pytest.approx([1 / (4 * 0.6), 1 / (4 * 0.4)])
    assert bank.units[1][2][1].weight.grad is None
    assert float(bank.units[0][0][1].bias.grad[0]) == pytest.approx(1 / 8)
    assert float(bank.units[2][1][1].bias.grad[0]) == pytest.approx(1 / 4)
    assert float(bank.heads[1].bias.grad[0]) == pytest.approx(1 / 4)


def test_gradient_norm_is_over_all_gradients_there_are():
    bank = make_bank(("shared", "shared", "shared"))
    bank.heads[0].bias.grad = torch.tensor([3.0, 0.0, 0.0])
    bank.heads[1].bias.grad = torch.tensor([0.0, 4.0, 0.0, 0.0, 0.0])
    assert float(bank.gradient_norm()) == pytest.approx(5)


def test_uniform_pi_divides_every_candidate_alike():
    bank = make_bank(("routed", "routed", "routed"))
    for parameter in bank.parameters():
        parameter.grad = torch.ones_like(parameter)
    bank.normalise_gradients(2, assignment.uniform(3, 2, 3))
    values = {round(float(m[1].bias.grad[0]), 6) for unit in bank.units for m in unit}
    assert values == {round(3 / 4, 6)}


def test_starting_again_gives_every_module_new_weights_of_its_own_stream_and_fresh_statistics():
    plan = build_convnet(ConvnetOptions(name="convnet", conv=(3, 4), dense=(5,)), (1, 8, 8))
    generators = Generators(0)
    bank = Bank(plan, ("shared", "routed", "task"), (3, 5), 3, generators).double()
    begun = copy.deepcopy(bank.state_dict())
    modules = {id(p): p.data_ptr() for p in bank.parameters()}
    for layer in bank.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer(torch.rand(4, layer.num_features, 3, 3, dtype=torch.float64))
    drawn = torch.random.get_rng_state()
    bank.reinitialise(generators, "again")
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert {id(p): p.data_ptr() for p in bank.parameters()} == modules  # in place
    first = copy.deepcopy(bank.state_dict())
    assert first.keys() == begun.keys()
    for name, value in first.items():
        if "running" in name or "num_batches" in name:
            assert torch.equal(value, begun[name])
        elif value.std() > 0:
            assert not torch.equal(value, begun[name])
    firsts = [first[f"units.1.{k}.0.weight"] for k in range(3)]
    assert not torch.equal(firsts[0], firsts[1])
    bank.reinitialise(generators, "other")
    assert not torch.equal(bank.state_dict()["units.1.0.0.weight"], firsts[0])
    bank.reinitialise(generators, "again")
    assert all(torch.equal(value, first[name]) for name, value in bank.state_dict().items())
