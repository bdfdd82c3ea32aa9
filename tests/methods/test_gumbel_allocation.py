"""What the Gumbel method does around its formulas: rounds, other tasks' rows, testing, options."""

from __future__ import annotations

import pytest
import torch

from shareconsole.methods.gumbel_allocation import GumbelAllocation
from shareconsole.networks.convnet import build_convnet
from shareconsole.networks.mlp import build_mlp
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import MISSING, Batch
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.method.gumbel import GumbelOptions
from shareconsole.spec.networks import ConvnetOptions, MlpOptions
from shareconsole.spec.stepsizes import ConstantStepSizeOptions
from shareconsole.stepsize.constant import ConstantStepSize

CLASSES = (3, 2, 4)
T, K, B = 3, 3, 4


class Made:
    """A method over a small network, and batches in which only some tasks have labels."""

    def __init__(self, network="mlp", **options) -> None:
        generators = Generators(1)
        if network == "mlp":
            plan = build_mlp(MlpOptions(name="mlp", widths=(5, 4)), (1, 2, 2))
        else:
            plan = build_convnet(ConvnetOptions(name="convnet", conv=(3,), dense=(4,)), (1, 4, 4))
        self.shape = (1, 2, 2) if network == "mlp" else (1, 4, 4)
        self.bank = Bank(plan, ("routed", "routed"), CLASSES, K, generators).double()
        self.method = GumbelAllocation(
            GumbelOptions(name="gumbel", components=K, **options),
            LoopPopulation(self.bank),
            generators,
        )
        self.labelled = tuple(range(T))
        self.generator = torch.Generator().manual_seed(3)
        optimizer = torch.optim.Adam(self.bank.parameters(), lr=0.01)
        self.step_size = ConstantStepSize(ConstantStepSizeOptions(name="constant"), optimizer)

    def next(self) -> Batch:
        inputs = torch.rand(T, B, *self.shape, dtype=torch.float64, generator=self.generator)
        labels = torch.full((T, B), MISSING)
        for task in self.labelled:
            labels[task] = torch.arange(B) % CLASSES[task]
        counts = tuple(B if task in self.labelled else 0 for task in range(T))
        return Batch(inputs, labels, counts)

    def step(self, *labelled: int):
        self.labelled = labelled
        return self.method.step(self, self.step_size, Stopwatch())

    @property
    def logits_LTK2(self) -> torch.Tensor:
        return self.method.logits_LTK2.detach().clone()


def test_a_round_updates_every_task_once_and_the_temperature_with_each():
    made = Made(temperature=8.0)
    assert made.method.temperature == 8.0
    before = made.logits_LTK2
    result = made.step(0, 1, 2)
    assert (made.logits_LTK2 != before)[1].any((1, 2)).all()
    assert made.method.temperature == 4.0
    assert not result.diverged
    assert result.loss_T.isfinite().all()
    assert result.gradient_norm > 0


def test_the_logits_of_other_tasks_move_on_momentum_alone():
    made = Made()
    before = made.logits_LTK2
    made.step(0)
    first = made.logits_LTK2
    assert torch.equal(first[:, 1:], before[:, 1:])  # no momentum yet
    made.step(1)
    second = made.logits_LTK2
    moments = made.method.router.state_dict()["state"][0]
    assert torch.equal(second[:, 2], before[:, 2])
    moved = second[:, 0] - first[:, 0]
    assert (moved[1] != 0).all()
    # By Adam's rule for a gradient of zero.
    mean = moments["exp_avg"][:, 0] / (1 - 0.9**2)
    square = moments["exp_avg_sq"][:, 0] / (1 - 0.999**2)
    torch.testing.assert_close(moved, -0.005 * mean / (square.sqrt() + 1e-8))


def test_heads_of_other_tasks_stay_unless_l2_pulls_them():
    for weight, moves in ((0.0, False), (0.01, True)):
        made = Made(l2_weight=weight)
        head = made.bank.heads[1]
        before = [head.weight.clone(), head.bias.clone()]
        made.step(0)
        found = [
            not torch.equal(a, b) for a, b in zip(before, (head.weight, head.bias), strict=True)
        ]
        assert found == [moves, False]


def test_l2_spares_biases_but_not_the_shift_of_a_normalisation():
    made = Made("convnet", l2_weight=0.5)
    with torch.no_grad():
        for parameter in made.bank.parameters():
            parameter.fill_(2.0)
    made.method._add_l2_gradient()
    pulled = {n for n, p in made.bank.named_parameters() if p.grad is not None}
    assert all(p.grad.eq(1).all() for p in made.bank.parameters() if p.grad is not None)
    assert {"units.0.1.0.weight", "units.0.1.1.weight", "units.0.1.1.bias"} <= pulled
    biases = {n for n, _ in made.bank.named_parameters() if n.endswith("bias")}
    assert biases & pulled == {f"units.0.{k}.1.bias" for k in range(K)}


def test_a_batch_without_labels_changes_nothing():
    made = Made()
    before = made.logits_LTK2
    result = made.step()
    assert torch.equal(made.logits_LTK2, before)
    assert made.method.num_updates == 0
    assert result.loss_T.isnan().all()
    assert not result.diverged
    assert result.gradient_norm == 0


def test_a_task_is_tested_with_the_mean_of_the_likely_components():
    made = Made()
    logits = torch.tensor([[[1.0, 0], [0, 1], [0.5, 0.5]], [[0, 1], [0, 1], [0, 1]]]).double()
    with torch.no_grad():
        made.method.logits_LTK2[:, 2] = logits  # unit 1 is connected to nothing
        made.method.logits_LTK2[:, 1] = logits[[0, 0]]
    x = torch.rand(6, 1, 2, 2, dtype=torch.float64)
    first, second = made.bank.units
    hidden = (first[0](x) + first[2](x)) / 2
    hidden = (second[0](hidden) + second[2](hidden)) / 2
    torch.testing.assert_close(made.method.logits(1, x), made.bank.heads[1](hidden).detach())
    zeros = torch.zeros(6, 4, dtype=torch.float64)
    torch.testing.assert_close(made.method.logits(2, x), made.bank.heads[2](zeros).detach())
    tensors = made.method.tensors()
    assert tensors["allocation"][:, 2].tolist() == [[1, 0, 1], [0, 0, 0]]
    assert tensors["connection"][0, 2].tolist() == pytest.approx(
        [0.731059, 0.268941, 0.5], abs=1e-6
    )
    # Task 0 uses all three components everywhere, since a tie counts as connected.
    assert made.method.scalars()["active_components"] == pytest.approx((6 + 4 + 2) / 6)
    assert made.method.assignment().tolist() == [[0, 1, 1], [0, 1, 2]]


@pytest.mark.parametrize(
    ("weights", "moves"),
    [
        ({"budget": 0.2, "budget_weight": 5.0}, "down"),
        ({"connection_weight": 1.0}, "down"),
        ({"disconnection_weight": 5.0}, "up"),
        ({"entropy_weight": 1.0, "entropy_rounds": 1}, "apart"),
    ],
)
def test_each_penalty_pulls_the_probabilities_its_way(weights, moves):
    made = Made(**weights)
    made.method.num_updates = 100
    logits = torch.tensor([0.7, 0.4, 0.3]).double()
    pair = torch.stack([logits.log(), (1 - logits).log()], -1).expand(2, -1, -1)
    leaf = pair.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(made.method.penalty(leaf), leaf)
    rises = (-gradient[..., 0] > 0).tolist()[0]
    expected = {"down": [False] * 3, "up": [True] * 3, "apart": [True, False, False]}
    assert rises == expected[moves]


def test_the_entropy_ramp_ends_at_its_full_weight():
    made = Made(entropy_weight=2.0, entropy_rounds=10, entropy_power=2.0)
    pair = torch.zeros(2, K, 2, dtype=torch.float64)
    full = 2.0 * 2 * K * 0.6931471805599453
    for updates, part in ((0, 0.0), (15, 0.25), (30, 1.0), (300, 1.0)):
        made.method.num_updates = updates
        assert float(made.method.penalty(pair)) == pytest.approx(part * full)
    assert Made().method.penalty(pair) is None


@pytest.mark.parametrize(
    ("options", "routed", "tasks", "key"),
    [
        ({}, 0, 3, "name"),
        ({"budget": 0.5}, 2, 3, "budget"),
        ({}, 2, 1, "components"),
        ({"components": 2}, 2, 1, None),
        ({"budget": 0.5, "budget_weight": 1.0}, 2, 3, None),
    ],
)
def test_options_that_make_no_sense_are_told(options, routed, tasks, key):
    issues = GumbelOptions(name="gumbel", **options).issues(routed, tasks)
    assert [issue.path for issue in issues] == ([(key,)] if key else [])
