"""The networks of the papers, written as a preset writes them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from shareconsole.errors import PresetError
from shareconsole.networks.convnet import build_convnet
from shareconsole.networks.diversity_depth import build_diversity_depth
from shareconsole.networks.mlp import build_mlp
from shareconsole.networks.resnet18 import build_resnet18
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import (
    ConvnetOptions,
    DiversityDepthOptions,
    MlpOptions,
    Resnet18Options,
)
from shareconsole.spec.toml import load_preset

OMNIGLOT_CLASSES = (*[32] * 27, *[33] * 23)
ROTATIONS = ConvnetOptions(
    name="convnet",
    conv=(4, 4, 4),
    conv_kernel=(5, 3, 3),
    conv_pool=("average", "average", "none"),
    padding="none",
    norm="none",
    dense=(),
    dropout=0.5,
)
YANG = ConvnetOptions(
    name="convnet",
    conv=(8, 12, 16),
    conv_kernel=(5, 3, 3),
    norm="none",
    activation="tanh",
    dense=(64,),
)
MULTIMNIST = ConvnetOptions(
    name="convnet",
    conv=(10, 20),
    conv_kernel=5,
    conv_dropout=(0.0, 0.5),
    conv_sharing="shared",
    padding="none",
    norm="none",
    dense=(50, 50),
    dense_sharing=("shared", "task"),
    dropout=0.5,
)
GROUPED = ConvnetOptions(
    name="convnet",
    conv=(4, 6),
    conv_kernel=(1, 5),
    conv_pool=("none", "max"),
    conv_dropout=0.25,
    norm="group",
    groups=2,
    activation="tanh",
    dense=(7,),
    final_pool="average",
)
EIGHT_LAYERS = DiversityDepthOptions(name="diversity_depth")
CLUSTERS = DiversityDepthOptions(
    name="diversity_depth",
    components=("conv3x3",) * 8 + ("conv5x5",) * 8,
    width=8,
    layers=3,
    halvings=3,
)
SMALL_MIX = DiversityDepthOptions(
    name="diversity_depth",
    components=("conv1x3 conv3x1", "maxpool3x3", "avgpool5x5", "identity"),
    width=4,
    layers=3,
    halvings=2,
    groups=2,
)
RESNET = Resnet18Options(name="resnet18")
RESNET_OMNIGLOT = Resnet18Options(name="resnet18", stem_stride=2, strides=(2, 2, 2, 2))
BUILDERS = {
    "convnet": build_convnet,
    "mlp": build_mlp,
    "resnet18": build_resnet18,
    "diversity_depth": build_diversity_depth,
}
NETWORKS = [
    pytest.param(ROTATIONS, (1, 28, 28), id="rotations"),
    pytest.param(YANG, (1, 105, 105), id="yang"),
    pytest.param(MULTIMNIST, (1, 28, 28), id="multimnist"),
    pytest.param(GROUPED, (3, 9, 12), id="grouped"),
    pytest.param(MlpOptions(name="mlp", widths=(3,)), (2, 4, 4), id="mlp"),
    pytest.param(RESNET.model_copy(update={"width": 2}), (3, 32, 32), id="resnet18"),
    pytest.param(
        RESNET_OMNIGLOT.model_copy(update={"width": 2}), (1, 105, 105), id="resnet18-omniglot"
    ),
    pytest.param(SMALL_MIX, (2, 9, 12), id="diversity_depth"),
]


def plan_of(options, shape):
    return BUILDERS[options.name](options, shape)


@pytest.mark.parametrize(("options", "shape"), NETWORKS)
def test_sizes_and_work_are_what_torch_counts(options, shape):
    """Units, parameters of one copy and of each kind, work, features and what is handed on."""
    assert options.issues(shape) == []
    plan, images = plan_of(options, shape), 2
    x = torch.rand(images, *shape)
    activations = options.activations(shape, 7)
    for unit, size, work, numbers in zip(
        plan.units, options.units(shape), options.work(shape), activations[:-1], strict=True
    ):
        module = unit.build().eval()
        assert (unit.name, unit.mark) == (size.name, size.sharing)
        assert count(module) == size.parameters
        assert tuple(count(kind()) for kind in unit.kinds) == size.kinds
        assert x.numel() == images * numbers.inputs
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            y = module(x)
        assert counter.get_total_flops() == 2 * images * work
        for kind in unit.kinds:
            assert kind()(x).shape == y.shape
        x = y
        assert x.numel() == images * numbers.outputs
        assert numbers.outputs <= numbers.values
        assert numbers.kept == 0 or numbers.kept >= numbers.outputs
    head = nn.Sequential(plan.build_head(7)).eval()
    (linear,) = [m for m in head.modules() if isinstance(m, nn.Linear)]
    assert linear.in_features == options.features(shape)
    assert head(x).shape == (images, 7)
    last = activations[-1]
    assert (last.inputs, last.features) == (x.numel() // images, options.features(shape))
    assert (last.values, last.outputs) == (7, 7)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("options", "shape"), NETWORKS)
def test_what_is_kept_for_the_backward_pass_is_what_autograd_keeps(options, shape):
    """Beside the input, with the output; statistics of the normalisations are left out of it."""
    plan, images = plan_of(options, shape), 8
    x = torch.rand(images, *shape).requires_grad_()
    for unit, numbers in zip(plan.units, options.activations(shape, 7), strict=False):
        modules = [kind() for kind in unit.kinds] or [unit.build()]
        outputs, found = [], 0
        for module in modules:
            for dropout in (m for m in module.modules() if isinstance(m, Dropout)):
                dropout.generator = torch.Generator().manual_seed(0)
            saved: dict[int, int] = {}

            def pack(tensor, saved=saved):
                saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                y = module(x)
            pack(y)
            for own in (x, *module.parameters(), *module.buffers()):
                saved.pop(own.untyped_storage().data_ptr(), None)
            outputs.append(y)
            found += sum(saved.values())
        if numbers.kept:
            expected = images * len(modules) * (4 * numbers.kept + 8 * numbers.indices)
            assert expected * 0.9 <= found <= expected * 1.1 + 200
        x = outputs[0].detach().requires_grad_()


def test_the_rotations_network_has_the_paper_s_layers():
    units = plan_of(ROTATIONS, (1, 28, 28)).units
    assert [type(layer) for layer in units[0].build()] == [nn.Conv2d, nn.ReLU, nn.AvgPool2d]
    assert [type(layer) for layer in units[2].build()] == [nn.Conv2d, nn.ReLU]
    assert units[0].build()[0].bias is not None
    assert [(s.rows, s.rows_out) for s in ROTATIONS.conv_sizes((1, 28, 28))] == [
        (24, 12), (10, 5), (3, 3),
    ]  # fmt: skip
    flatten, dropout, linear = plan_of(ROTATIONS, (1, 28, 28)).build_head(10)
    assert isinstance(flatten, nn.Flatten)
    assert isinstance(dropout, Dropout)
    assert (dropout.p, dropout.channels) == (0.5, False)
    assert linear.in_features == 36


def test_the_omniglot_network_of_yang_and_hospedales():
    assert YANG.units((1, 105, 105))[3].parameters == 2704 * 64 + 64
    first, tanh, pool = plan_of(YANG, (1, 105, 105)).units[0].build()
    assert (first.kernel_size, first.padding, first.bias is None) == ((5, 5), (2, 2), False)
    assert isinstance(tanh, nn.Tanh)
    assert isinstance(pool, nn.MaxPool2d)


def test_the_multimnist_network_has_320_features_and_heads_of_two_layers():
    sizes = MULTIMNIST.conv_sizes((1, 28, 28))
    assert [(s.rows, s.rows_out) for s in sizes] == [(24, 12), (8, 4)]
    units = plan_of(MULTIMNIST, (1, 28, 28)).units
    assert [u.mark for u in units] == ["shared", "shared", "shared", "task"]
    assert units[2].build()[1].in_features == 320
    (dropout,) = [m for m in units[1].build() if isinstance(m, Dropout)]
    assert dropout.channels
    assert not any(isinstance(m, Dropout) for m in units[0].build())
    assert plan_of(MULTIMNIST, (1, 28, 28)).build_head(10)[-1].in_features == 50


# Total with heads of K candidates, of one copy each, of half of the blocks shared, of T copies.
RESNET_COUNTS = [
    (RESNET, (3, 32, 32), (5,) * 20, 20, 223.4, 11.22, 210.6, 223.4),
    (RESNET_OMNIGLOT, (1, 105, 105), OMNIGLOT_CLASSES, 20, 224.3, 12.00, 526.2, 559.4),
]


@pytest.mark.parametrize(
    ("options", "shape", "classes", "modules", "learned", "full", "prior", "none"), RESNET_COUNTS
)
def test_resnet18_has_the_paper_s_number_of_parameters(
    options, shape, classes, modules, learned, full, prior, none
):
    """Millions, from the shapes in Prellberg & Kramer 2020, released code."""
    tasks, units = len(classes), options.units(shape)
    heads = sum((options.features(shape) + 1) * number for number in classes)

    def millions(copies):
        pairs = zip(units, copies, strict=True)
        return (heads + sum(unit.stored(n, candidates=True) for unit, n in pairs)) / 1e6

    assert round(millions([1, *[modules] * 8]), 1) == learned
    assert round(millions([1] * 9), 2) == full
    assert round(millions([1] * 5 + [tasks] * 4), 1) == prior
    assert round(millions([1, *[tasks] * 8]), 1) == none
    with torch.device("meta"):
        bank = Bank(plan_of(options, shape), ("shared",) * 9, classes, 1, Generators(0))
    assert bank.num_parameters() == round(1e6 * millions([1] * 9))


def test_resnet18_s_shapes_are_the_paper_s():
    def sides(options, shape):
        return [round(block.pixels_out**0.5) for block in options.blocks(shape)]

    assert sides(RESNET, (3, 32, 32)) == [32, 32, 16, 16, 8, 8, 4, 4]
    assert sides(RESNET_OMNIGLOT, (1, 105, 105)) == [27, 27, 14, 14, 7, 7, 4, 4]
    blocks = RESNET.blocks((3, 32, 32))
    assert [block.width for block in blocks] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [block.projects for block in blocks] == [False, False, *[True, False] * 3]
    assert RESNET_OMNIGLOT.blocks((1, 105, 105))[0].projects


def test_eight_layers_of_seven_components():
    """105 to 4 pixels a side in layers 0, 1, 3, 4 and 6; 56 components, 8 of them candidates."""
    shape = (1, 105, 105)
    assert EIGHT_LAYERS.strides == (2, 2, 1, 2, 2, 1, 2, 1)
    assert [round(pixels**0.5) for pixels in EIGHT_LAYERS.pixels(shape)] == [
        53, 27, 27, 14, 7, 7, 4, 4,
    ]  # fmt: skip
    assert EIGHT_LAYERS.features(shape) == 768
    units = EIGHT_LAYERS.units(shape)
    layers = [unit for unit in units if unit.sharing == "routed"]
    assert sum(len(unit.kinds) for unit in layers) == 56
    square = 48 * 48
    convs = [2 * (k * square + 3 * 48) for k in (9, 25, 49, 7)]
    assert layers[0].kinds == (*convs, 0, 0, square + 48)
    assert layers[2].kinds == (*convs, 0, 0, 0)
    assert [u.name for u in units[:4]] == ["stem", "layer1", "norm1", "layer2"]
    assert units[0].parameters == 4 * 48


def test_three_clusters():
    assert CLUSTERS.strides == (2, 2, 2)
    assert CLUSTERS.features((3, 32, 32)) == 8 * 16
    layer = CLUSTERS.units((3, 32, 32))[1]
    assert layer.kinds == (9 * 64 + 24,) * 8 + (25 * 64 + 24,) * 8


def test_a_bank_of_several_kinds_cycles_through_them():
    plan = plan_of(SMALL_MIX, (2, 9, 12))
    marks = [unit.mark for unit in plan.units]
    bank = Bank(plan, marks, (3, 5), 6, Generators(0))
    sizes = SMALL_MIX.units((2, 9, 12))
    assert [count(module) for module in bank.units[1]] == [*sizes[1].kinds, *sizes[1].kinds[:2]]
    heads = sum((SMALL_MIX.features((2, 9, 12)) + 1) * classes for classes in (3, 5))
    stored = [u.stored(6 if u.sharing == "routed" else 1, candidates=True) for u in sizes]
    assert bank.num_parameters() == heads + sum(stored)
    x = torch.rand(2, 2, 9, 12)
    for module in bank.path(1, [0, 5, 3]):
        x = module(x)
    assert x.shape == (2, 5)


def test_a_layer_nobody_routes_is_the_mean_of_its_kinds():
    plan = plan_of(SMALL_MIX, (2, 9, 12))
    (layer,) = Bank(plan, ("shared",) * 7, (3,), 1, Generators(0)).units[1]
    x = torch.rand(2, 4, 9, 12)
    expected = sum(component(x) for component in layer.components) / 4
    torch.testing.assert_close(layer(x), expected)


def test_an_average_leaves_the_padding_out():
    """So do the release's average pools: the corner of a constant image stays what it is."""
    component = plan_of(SMALL_MIX, (2, 9, 12)).units[1].kinds[2]()
    torch.testing.assert_close(component(torch.ones(1, 4, 9, 12)), torch.ones(1, 4, 5, 6))


@pytest.mark.parametrize(
    ("options", "shape", "path", "words"),
    [
        (YANG, (1, 7, 105), ("conv",), "at most 2 units"),
        (ROTATIONS, (1, 17, 28), ("conv",), "at most 2 units"),
        (YANG.model_copy(update={"conv_kernel": (5, 4, 3)}), (1, 105, 105), ("conv_kernel",),
         "odd numbers"),
        (YANG.model_copy(update={"conv_kernel": (5, 3)}), (1, 105, 105), ("conv_kernel",),
         "a list of 3"),
        (YANG.model_copy(update={"conv_pool": ("max",)}), (1, 105, 105), ("conv_pool",),
         "a list of 3"),
        (YANG.model_copy(update={"conv_dropout": (0.5,)}), (1, 105, 105), ("conv_dropout",),
         "a list of 3"),
        (YANG.model_copy(update={"norm": "group", "groups": 8}), (1, 105, 105), ("conv", 1),
         "a multiple of 8"),
        (RESNET.model_copy(update={"block_sharing": ("task",)}), (3, 32, 32), ("block_sharing",),
         "a list of 8"),
        (SMALL_MIX.model_copy(update={"sharing": ("task",)}), (2, 9, 12), ("sharing",),
         "a list of 3"),
        (SMALL_MIX.model_copy(update={"halvings": 4}), (2, 9, 12), ("halvings",), "at most 3"),
        (SMALL_MIX.model_copy(update={"groups": 3}), (2, 9, 12), ("width",), "a multiple of 3"),
        (SMALL_MIX.model_copy(update={"components": ("identity", "conv3x2")}), (2, 9, 12),
         ("components", 1), "odd sizes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(options, shape, path, words):
    [issue] = options.issues(shape)
    assert issue.path == path
    assert words in issue.allowed


def test_a_component_that_is_no_component_is_explained():
    override = 'network.components=["conv3x3", "conv3", "identity"]'
    with pytest.raises(PresetError) as caught:
        load_preset("gumbel-omniglot20", [override])
    [problem] = caught.value.problems
    assert (problem.key, problem.problem) == ("network.components[1]", '"conv3" is not known')
    assert '"maxpool3x3"' in problem.allowed
