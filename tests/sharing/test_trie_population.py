"""The trie engine equals the loop engine: losses, gradients, statistics, and what Adam makes of it.

Everything in float64, where the two differ by the order of summation alone.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from shareconsole.methods.learned_sharing import LearnedSharing
from shareconsole.networks.convnet import build_convnet
from shareconsole.networks.mlp import build_mlp
from shareconsole.networks.resnet18 import build_resnet18
from shareconsole.sharing import column_convolution, conv_unit
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import MISSING, Batch, BatchSampler, Split
from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.lowered_unit import LoweredUnit
from shareconsole.sharing.lowering import UnsupportedModuleError
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.network import NetworkPlan, Unit
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.sharing.trie_population import TriePopulation
from shareconsole.spec.methods import LearnedSharingOptions
from shareconsole.spec.networks import ConvnetOptions, MlpOptions, Resnet18Options
from shareconsole.spec.preset import TrainTable
from shareconsole.stepsize.constant import ConstantStepSize
from shareconsole.trainer.build import make_optimizer, make_population

CLASSES = (3, 5, 2)
TASKS, MODULES = len(CLASSES), 3
SHAPE = (2, 9, 11)  # odd sides: pooling drops a row or a column
TOLERANCE = 1e-10


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut: what a chain of layers cannot express."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width, momentum=0.25)
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x):
        y = torch.relu(self.norm1(self.first(x)))
        return torch.relu(self.norm2(self.second(y)) + self.shortcut(x))


def residual_plan() -> NetworkPlan:
    return NetworkPlan(
        (
            Unit("block1", "routed", lambda: ResidualBlock(2, 3, 1)),
            Unit("block2", "routed", lambda: ResidualBlock(3, 4, 2)),
        ),
        lambda classes: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)),
    )


PLANS = {
    "convnet": lambda: build_convnet(
        ConvnetOptions(
            name="convnet",
            conv=(3, 4),
            dense=(6, 5),
            conv_sharing=("shared", "routed"),
            dense_sharing=("routed", "task"),
        ),
        SHAPE,
    ),
    "convnet-average": lambda: build_convnet(
        ConvnetOptions(name="convnet", conv=(3, 4), dense=(), final_pool="average"), SHAPE
    ),
    # Its first unit has twice as many channels as a patch of the images has entries.
    "convnet-wide": lambda: build_convnet(
        ConvnetOptions(name="convnet", conv=(36, 4), dense=(5,)), SHAPE
    ),
    "mlp": lambda: build_mlp(MlpOptions(name="mlp", widths=(7, 6)), SHAPE),
    "residual": residual_plan,
    "resnet18": lambda: build_resnet18(
        Resnet18Options(name="resnet18", width=2, strides=(1, 1, 2, 2)), SHAPE
    ),
    "group-norm": lambda: build_convnet(
        ConvnetOptions(
            name="convnet",
            conv=(4, 6),
            conv_kernel=(5, 1),
            conv_pool=("average", "none"),
            norm="group",
            groups=2,
            activation="tanh",
            dense=(5,),
        ),
        SHAPE,
    ),
    "no-norm": lambda: build_convnet(
        ConvnetOptions(
            name="convnet",
            conv=(3, 4),
            conv_pool=("max", "none"),
            padding="none",
            norm="none",
            dense=(),
        ),
        SHAPE,
    ),
}


def make_bank(network: str, dtype=torch.float64) -> Bank:
    plan = PLANS[network]()
    marks = tuple(unit.mark for unit in plan.units)
    bank = Bank(plan, marks, CLASSES, MODULES, Generators(3)).to(dtype=dtype)
    for module in bank.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight[::2].neg_()
                module.bias.uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(1))
    return bank


def make_split() -> Split:
    g = torch.Generator().manual_seed(4)
    images = [torch.rand(20, *SHAPE, generator=g, dtype=torch.float64) for _ in CLASSES]
    for x in images:
        x[:, :, :4] = 0  # flat background: windows full of equal values
    labels = [torch.randint(c, (20,), generator=g) for c in CLASSES]
    labels[1][::3] = MISSING
    return Split(tuple(images), tuple(labels))


def make_method(engine, bank: Bank, name: str):
    generators = Generators(5)
    options = LearnedSharingOptions(
        name="learned_sharing", modules=MODULES, nes_samples=4, sgd_samples=5
    )
    method = LearnedSharing(options, engine, generators)
    sampler = BatchSampler(make_split(), 6, torch.float64, generators)
    step_size = ConstantStepSize(None, make_optimizer(TrainTable(), bank.parameters(), name))
    return method, sampler, step_size


def set_pi(method: LearnedSharing, sharpness: float | None) -> None:
    if sharpness is None:
        return
    shape = method.pi_LTK.shape
    pi = torch.full(shape, (1 - sharpness) / (shape[2] - 1), dtype=torch.float64)
    chosen = torch.randint(shape[2], (*shape[:2], 1), generator=torch.Generator().manual_seed(2))
    method.pi_LTK = pi.scatter_(2, chosen, sharpness)


@pytest.mark.parametrize(
    ("network", "sharpness", "tasks_per_chunk"),
    [*itertools.product(PLANS, (None, 0.9, 1.0), (None, 2))],
)
def test_three_steps_equal_those_of_the_loop(network, sharpness, tasks_per_chunk):
    runs = []
    for name in ("loop", "trie"):
        bank = make_bank(network)
        trie = TriePopulation(bank, tasks_per_chunk)
        engine = LoopPopulation(bank) if name == "loop" else trie
        method, sampler, step_size = make_method(engine, bank, name)
        results = []
        for _ in range(3):
            set_pi(method, sharpness)
            results.append(method.step(sampler, step_size, Stopwatch()))
        runs.append((bank, step_size, results))
    (bank, loop, results), (other, trie, found) = runs
    for a, b in zip(results, found, strict=True):
        close(a.loss_T, b.loss_T)
        close(a.fitness_S, b.fitness_S)
        assert a.gradient_norm == pytest.approx(b.gradient_norm, abs=TOLERANCE)
    assert bank.state_dict().keys() == other.state_dict().keys()
    state = other.state_dict()
    for name, value in bank.state_dict().items():
        close(value, state[name], name)
    for (name, p), q in zip(bank.named_parameters(), other.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            close(p.grad, q.grad, name)
    states, others = loop.optimizer.state_dict()["state"], trie.optimizer.state_dict()["state"]
    assert states.keys() == others.keys()
    for key, state in states.items():
        for part in ("step", "exp_avg", "exp_avg_sq"):
            close(state[part], others[key][part], f"{part} of parameter {key}")


@pytest.fixture
def large(monkeypatch):
    """As if all convolutions were large, so that none is a product with columns of patches."""
    monkeypatch.setattr(column_convolution, "MOST_MULTIPLY_ADDS", 0)


CONVOLVING = ("convnet", "convnet-average", "convnet-wide", "residual")


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("network", "sharpness", "tasks_per_chunk"),
    [*itertools.product(CONVOLVING, (None, 0.9, 1.0), (None, 2))],
)
def test_large_convolutions_equal_those_of_the_loop(network, sharpness, tasks_per_chunk):
    test_three_steps_equal_those_of_the_loop(network, sharpness, tasks_per_chunk)


def close(a, b, name: str = "") -> None:
    torch.testing.assert_close(
        b,
        a,
        rtol=0,
        atol=TOLERANCE,
        equal_nan=True,
        check_dtype=False,
        msg=lambda m: f"{name}: {m}",
    )


@pytest.mark.parametrize("network", PLANS)
def test_logits_equal_those_of_the_loop(network):
    bank = make_bank(network)
    x = make_split().images[0]
    choice = [1] * bank.num_routed
    close(LoopPopulation(bank).logits(1, choice, x), TriePopulation(bank).logits(1, choice, x))


@pytest.mark.parametrize("network", ["convnet-average", "residual"])
def test_convolutions_in_bfloat16_are_near_and_only_on_request(network):
    images = torch.stack([x[:6] for x in make_split().images])
    labels = torch.stack([y[:6] for y in make_split().labels])
    batch = Batch(images, labels, tuple((labels != MISSING).sum(1).tolist()))
    drawn = torch.zeros((2, make_bank(network).num_routed, TASKS), dtype=torch.int64)
    exact = TriePopulation(make_bank(network)).accumulate(drawn, batch)
    bank = make_bank(network)
    population, _, notices = make_population("trie", bank, "bf16")
    near = population.accumulate(drawn, batch)
    assert 1e-6 < float((near - exact).abs().max()) < 0.1
    assert all(p.grad.dtype == torch.float64 for p in bank.parameters() if p.grad is not None)
    assert "deviation" in notices[0]


def test_fewer_nodes_than_passes_once_assignments_agree():
    bank = make_bank("convnet-average")
    engine = TriePopulation(bank)
    images = torch.stack([x[:6] for x in make_split().images])
    labels = torch.stack([y[:6] for y in make_split().labels])
    batch = Batch(images, labels, (6, 4, 6))
    engine.evaluate(torch.zeros((8, 2, TASKS), dtype=torch.int64), batch)
    assert engine.nodes_evaluated == 3 * TASKS  # two units and the heads, once per task


def off_by_a_millionth(monkeypatch, name):
    right = getattr(conv_unit, name)

    def wrong(*arguments):
        dx, dkernels = right(*arguments)
        return dx, dkernels * (1 + 1e-6)

    monkeypatch.setattr(conv_unit, name, wrong)
    with pytest.raises(AssertionError, match=r"± 1\.0e-10"):
        test_three_steps_equal_those_of_the_loop("convnet", None, None)


def test_a_product_that_is_off_by_a_millionth_is_seen(monkeypatch):
    """The comparison is not blind."""
    off_by_a_millionth(monkeypatch, "_backward_by_patches")


@pytest.mark.usefixtures("large")
def test_a_kernel_that_is_off_by_a_millionth_is_seen(monkeypatch):
    """The comparison is not blind."""
    off_by_a_millionth(monkeypatch, "_backward_by_module")


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        return self.linear(x) if x.sum() > 0 else x


class ByMode(nn.Linear):
    def __init__(self) -> None:
        super().__init__(2, 2)

    def forward(self, x):
        return torch.relu(x) if self.training else x


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)


class Skipping(Plain):
    def forward(self, x):
        return self.layer(x) + x


@pytest.mark.parametrize(
    ("modules", "why"),
    [
        ([nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))], "draws random numbers"),
        ([nn.Sequential(nn.Linear(2, 2), Dropout(0.5))], "p=0.5.* draws random numbers"),
        ([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Tanh())], "not all built alike"),
        ([nn.Sequential(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1, momentum=None))], "plain batch-norm"),
        ([nn.Sequential(nn.Linear(2, 2), nn.Softmax(0))], "Softmax is not known"),
        ([Gated()], "depends on the data"),
        ([ByMode()], "not the same in train and in eval mode"),
        ([Pair()], "something other than one tensor"),
        ([Skipping(), Plain()], "not all built alike"),
        ([nn.Sequential(nn.Flatten(0), nn.Linear(2, 2))], "other than image by image"),
        ([nn.Linear(2, 2), nn.Linear(2, 3)], "not all built alike"),
    ],
)
def test_what_cannot_run_on_several_nodes_is_refused(modules, why):
    with pytest.raises(UnsupportedModuleError, match=why):
        LoweredUnit(modules)


def test_a_network_the_trie_cannot_run_is_run_by_the_loop_and_says_so():
    plan = NetworkPlan(
        (Unit("dense1", "routed", lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))),),
        lambda classes: nn.Linear(2, classes),
    )
    bank = Bank(plan, ("routed",), CLASSES, MODULES, Generators(0))
    population, engine, notices = make_population("trie", bank)
    assert isinstance(population, LoopPopulation)
    assert engine == "loop"
    assert notices == (
        "the trie engine cannot run this network, the loop engine does: "
        "unit dense1: Dropout(p=0.5, inplace=False) draws random numbers in every pass",
    )
