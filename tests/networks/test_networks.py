"""Networks have the shapes and the parameter counts of the paper and of the prediction."""

from __future__ import annotations

import pytest
import torch

from shareconsole.networks.convnet import build_convnet
from shareconsole.networks.mlp import build_mlp
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import ConvnetOptions, MlpOptions

DKL = ConvnetOptions(name="convnet", conv=(32, 32, 32), dense=(128,))
CIFAR = ConvnetOptions(
    name="convnet", conv=(32, 32, 32, 32), conv_sharing="shared", dense=(128, 128, 128)
)
OMNIGLOT = ConvnetOptions(name="convnet", conv=(53, 53, 53, 53), dense=(), final_pool="average")
OMNIGLOT_CLASSES = (*[32] * 27, *[33] * 23)
assert sum(OMNIGLOT_CLASSES) == 1623


@pytest.mark.parametrize(
    ("options", "shape", "classes", "num_modules", "full", "learned"),
    [
        (DKL, (1, 28, 28), (10, 26, 10), 3, 61_838, 173_646),
        (CIFAR, (3, 32, 32), (5,) * 20, 20, 91_204, 1_032_388),
        (OMNIGLOT, (1, 105, 105), OMNIGLOT_CLASSES, 20, 164_386, 1_622_522),
    ],
)
def test_small_networks_of_the_paper(options, shape, classes, num_modules, full, learned):
    """Counts from the shapes in Prellberg & Kramer 2020, released code."""
    plan = build_convnet(options, shape)
    routed = [unit.mark for unit in plan.units]
    shared = ["shared"] * len(routed)
    assert Bank(plan, shared, classes, 1, Generators(0)).num_parameters() == full
    bank = Bank(plan, routed, classes, num_modules, Generators(0))
    assert bank.num_parameters() == learned
    x = torch.rand(2, *shape)
    for module in bank.path(0, [0] * bank.num_routed):
        x = module(x)
    assert x.shape == (2, classes[0])


def test_conv_unit_is_conv_norm_relu_pool():
    plan = build_convnet(ConvnetOptions(name="convnet", conv=(4,), dense=()), (1, 8, 8))
    conv, norm, relu, pool = plan.units[0].build()
    assert (conv.kernel_size, conv.padding, conv.bias) == ((3, 3), (1, 1), None)
    assert norm.momentum == 0.1
    assert isinstance(relu, torch.nn.ReLU)
    assert (pool.kernel_size, pool.stride) == (2, 2)


def test_marks_and_names_come_from_the_options():
    options = ConvnetOptions(
        name="convnet",
        conv=(4, 4),
        conv_sharing=("shared", "routed"),
        dense=(5,),
        dense_sharing="task",
    )
    units = build_convnet(options, (1, 8, 8)).units
    assert [(u.name, u.mark) for u in units] == [
        ("conv1", "shared"), ("conv2", "routed"), ("dense1", "task"),
    ]  # fmt: skip


def test_too_many_poolings_are_an_error():
    with pytest.raises(ValueError, match="4 poolings"):
        build_convnet(ConvnetOptions(name="convnet", conv=(2,) * 4, dense=()), (1, 8, 8))


def test_dense_only_convnet_and_mlp_take_images():
    for plan in (
        build_convnet(ConvnetOptions(name="convnet", conv=(), dense=(6,)), (2, 4, 4)),
        build_mlp(MlpOptions(name="mlp", widths=(6, 7)), (2, 4, 4)),
    ):
        x = torch.rand(3, 2, 4, 4)
        for unit in plan.units:
            x = unit.build()(x)
        assert plan.build_head(9)(x).shape == (3, 9)
