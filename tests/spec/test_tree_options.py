"""How often units are drawn: the options of tree sampling, the automatic choice, units' work."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from shareconsole.errors import PresetError
from shareconsole.networks.convnet import build_convnet
from shareconsole.networks.mlp import build_mlp
from shareconsole.spec.branching import auto_branching
from shareconsole.spec.methods import METHODS, LearnedSharingOptions
from shareconsole.spec.networks import ConvnetOptions, MlpOptions
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml

OMNIGLOT = ConvnetOptions(name="convnet", conv=(53,) * 4, dense=(), final_pool="average")
TREE = "method.sampling=tree"


def test_the_paper_is_the_default():
    options = LearnedSharingOptions(name="learned_sharing")
    assert (options.sampling, options.branching) == ("independent", "auto")
    assert options.fitted([5, 5]) is options


@pytest.mark.parametrize(
    ("overrides", "key", "words"),
    [
        (["method.branching=[2, 4, 8]"], "method.branching", 'sampling = "independent"'),
        ([TREE, "method.branching=[2, 4]"], "method.branching", "2 numbers for 3 routed units"),
        ([TREE, "method.branching=[]"], "method.branching", "0 numbers for 3 routed units"),
        ([TREE, "method.branching=[2, 4, 9]"], "method.branching[2]", "there are 8"),
        ([TREE, "method.branching=[4, 2, 2]"], "method.branching[1]", "less than the 4"),
        ([TREE, "method.branching=[1, 2, 2]"], "method.branching[0]", "too small"),
        ([TREE, "method.branching=[2.0, 2, 2]"], "method.branching[0]", "decimal number"),
        ([TREE, "method.branching=automatic"], "method.branching", "automatic"),
        (["method.sampling=trie"], "method.sampling", '"trie" is not known'),
    ],
)
def test_what_does_not_fit_is_said(overrides, key, words):
    with pytest.raises(PresetError) as caught:
        load_preset("digits", overrides)
    [problem] = caught.value.problems
    assert problem.key == key
    assert words in problem.problem
    assert problem.allowed


@pytest.mark.parametrize("branching", ["[2, 2, 2]", "[2, 4, 8]", "[8, 8, 8]", "auto"])
def test_what_fits_reads_back(branching):
    preset = load_preset("digits", [TREE, f"method.branching={branching}"]).preset
    assert parse_resolved(resolved_toml(preset)) == preset


def test_the_limit_is_the_larger_half():
    overrides = [TREE, "method.nes_samples=64", "method.branching=[2, 4, 64]"]
    assert load_preset("digits", overrides).preset.method.branching == (2, 4, 64)


@pytest.mark.parametrize(("nes", "sgd", "samples"), [(8, 8, 8), (64, 8, 8), (8, 16, 8), (8, 1, 8)])
def test_auto_is_for_the_smaller_number_of_samples(nes, sgd, samples):
    options = LearnedSharingOptions(
        name="learned_sharing", sampling="tree", nes_samples=nes, sgd_samples=sgd
    )
    costs = OMNIGLOT.routed_work((1, 28, 28))
    fitted = options.fitted(costs)
    assert fitted.branching == auto_branching(costs, samples)
    assert fitted == options.model_copy(update={"branching": fitted.branching})
    assert fitted.fitted(costs) is fitted


def test_other_methods_have_nothing_to_fit():
    for name, entry in METHODS.items():
        if name != "learned_sharing":
            options = entry.options.model_validate({"name": name})
            assert options.fitted([1, 2]) is options


def cost(branching, costs):
    return sum(n * c for n, c in zip(branching, costs, strict=True))


CASES = [
    ((374, 4950, 1240, 227), 8),
    ((374, 4950, 1240, 227), 16),
    ((9216, 73728, 4096), 8),
    ((1, 1, 1), 8),
    ((1, 10, 100), 8),
    ((100, 10, 1), 8),
    ((7.5,), 6),
    ((3, 2, 2, 5, 1, 1), 32),
]


@pytest.mark.parametrize(("costs", "samples"), CASES)
def test_auto_rises_within_the_budget_and_uses_it(costs, samples):
    found = auto_branching(costs, samples)
    assert list(found) == sorted(found)
    assert min(found) >= 2
    assert max(found) <= samples
    budget = samples * sum(costs) / 2
    assert cost(found, costs) <= budget
    # The further draws that the budget does not allow are of one unit or of several joined ones.
    assert max(found) == samples or budget - cost(found, costs) < sum(costs)


@pytest.mark.parametrize(("costs", "samples"), [case for case in CASES if case[1] <= 8])
def test_auto_is_nearly_the_best_of_all_choices(costs, samples):
    """Sum of 1 / n_l of every choice in the same budget, counted out."""
    rising = itertools.combinations_with_replacement(range(2, samples + 1), len(costs))
    best = min(
        sum(1 / n for n in choice)
        for choice in rising
        if cost(choice, costs) <= samples * sum(costs) / 2
    )
    found = sum(1 / n for n in auto_branching(costs, samples))
    assert best - 1e-12 <= found <= 1.15 * best


def test_auto_in_the_corners():
    assert auto_branching([], 8) == ()
    assert auto_branching([5, 1], 1) == (1, 1)
    assert auto_branching([5, 1], 2) == (2, 2)
    assert auto_branching([5, 1], 3) == (2, 2)
    assert auto_branching([5, 1], 8, share=1) == (8, 8)
    assert auto_branching([5, 1], 8, share=0.01) == (2, 2)


def test_expensive_early_units_are_drawn_seldom():
    assert auto_branching(OMNIGLOT.routed_work((1, 28, 28)), 8) == (3, 3, 5, 8)
    assert load_preset("digits").preset.network.routed_work((1, 8, 8)) == (9216, 73728, 4096)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (OMNIGLOT, (1, 28, 28)),
        (ConvnetOptions(name="convnet", conv=(5, 6), dense=(7, 8)), (3, 9, 13)),
        (ConvnetOptions(name="convnet", conv=(), dense=(7,)), (2, 4, 5)),
        (MlpOptions(name="mlp", widths=(6, 5)), (2, 4, 4)),
    ],
)
def test_work_is_what_torch_counts(options, shape):
    plan = (build_mlp if options.name == "mlp" else build_convnet)(options, shape)
    x = torch.rand(2, *shape)
    counted = []
    for unit in plan.units:
        with FlopCounterMode(display=False) as counter:
            x = unit.build()(x)
        counted.append(counter.get_total_flops() / 2 / len(x))
    assert list(options.work(shape)) == counted
    assert [size.name for size in options.units(shape)] == [unit.name for unit in plan.units]


def test_routed_work_leaves_the_others_out():
    options = ConvnetOptions(
        name="convnet", conv=(2, 3), conv_sharing=("shared", "routed"), dense=(5,)
    )
    first, second, third = options.work((1, 8, 8))
    assert options.routed_work((1, 8, 8)) == (second, third)
    assert first == 9 * 2 * 64
