"""Both engines keep the contract that any engine owes its callers."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing import assignment
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import MISSING, Batch
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import ConvnetOptions
from shareconsole.trainer.build import ENGINES

CLASSES = (3, 4)


@pytest.fixture(params=["loop", "trie"], autouse=True)
def engine(request, monkeypatch):
    monkeypatch.setitem(globals(), "Engine", ENGINES[request.param])


Engine = LoopPopulation


def make_population():
    options = ConvnetOptions(name="convnet", conv=(3, 4), dense=(5,))
    plan = build_convnet(options, (1, 8, 8))
    bank = Bank(plan, ("shared", "routed", "routed"), CLASSES, 3, Generators(0)).double()
    return Engine(bank)


def make_batch(missing: bool = False) -> Batch:
    g = torch.Generator().manual_seed(0)
    inputs = torch.rand(2, 6, 1, 8, 8, generator=g, dtype=torch.float64)
    labels = torch.stack([torch.randint(c, (6,), generator=g) for c in CLASSES])
    if missing:
        labels[1] = MISSING
        labels[0, :2] = MISSING
    return Batch(inputs, labels, tuple((labels != MISSING).sum(1).tolist()))


def members(num: int = 4) -> torch.Tensor:
    pi = assignment.uniform(2, 2, 3)
    return assignment.sample(pi, num, torch.Generator().manual_seed(1))


def statistics(bank) -> list[torch.Tensor]:
    return [b.clone() for name, b in bank.named_buffers() if "running" in name]


def test_evaluate_leaves_no_trace():
    population = make_population()
    before = {k: v.clone() for k, v in population.bank.state_dict().items()}
    losses = population.evaluate(members(), make_batch())
    assert losses.shape == (4, 2)
    assert not losses.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in population.bank.state_dict().items())
    assert all(p.grad is None for p in population.bank.parameters())


def test_equal_assignments_tie_bit_for_bit():
    population = make_population()
    drawn = members()
    drawn[3] = drawn[1]
    losses = population.evaluate(drawn, make_batch())
    assert torch.equal(losses[3], losses[1])


def test_accumulate_adds_the_gradient_of_the_sum_of_losses():
    population, batch, drawn = make_population(), make_batch(), members()
    population.accumulate(drawn, batch)
    found = {n: p.grad for n, p in population.bank.named_parameters() if p.grad is not None}
    other = make_population()
    other.bank.train()
    total = torch.zeros((), dtype=torch.float64)
    for s in range(4):
        for task in range(2):
            x = batch.inputs[task]
            for module in other.bank.path(task, drawn[s, :, task].tolist()):
                x = module(x)
            total = total + cross_entropy(x, batch.labels[task])
    total.backward()
    expected = {n: p.grad for n, p in other.bank.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-12)


def test_modules_nobody_uses_have_no_gradient_and_keep_their_statistics():
    population = make_population()
    drawn = torch.zeros((3, 2, 2), dtype=torch.int64)
    before = statistics(population.bank.units[1][2])
    population.accumulate(drawn, make_batch())
    assert all(p.grad is None for k in (1, 2) for p in population.bank.units[1][k].parameters())
    assert all(p.grad is not None for p in population.bank.units[1][0].parameters())
    after = statistics(population.bank.units[1][2])
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_running_statistics_follow_the_calls_in_sample_then_task_order():
    population, batch = make_population(), make_batch()
    drawn = members(3)
    population.accumulate(drawn, batch)
    conv, norm = population.bank.units[0][0][:2]
    mean = torch.zeros(3, dtype=torch.float64)
    var = torch.ones(3, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(3):
            for task in range(2):
                y = conv(batch.inputs[task])
                mean = 0.9 * mean + 0.1 * y.mean((0, 2, 3))
                var = 0.9 * var + 0.1 * y.var((0, 2, 3), unbiased=True)
    torch.testing.assert_close(norm.running_mean, mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.running_var, var, rtol=0, atol=1e-12)


def test_missing_labels_are_masked_and_an_unlabelled_task_is_skipped():
    population, batch, drawn = make_population(), make_batch(missing=True), members()
    losses = population.accumulate(drawn, batch)
    assert losses[:, 1].tolist() == [0] * 4
    assert all(p.grad is None for p in population.bank.heads[1].parameters())
    other = make_population()
    other.bank.train()
    x = batch.inputs[0]
    for module in other.bank.path(0, drawn[0, :, 0].tolist()):
        x = module(x)
    expected = cross_entropy(x[2:], batch.labels[0, 2:])
    assert float(losses[0, 0]) == pytest.approx(expected.item(), abs=1e-12)


def test_one_input_for_all_tasks_equals_the_same_input_given_to_each():
    population, batch, drawn = make_population(), make_batch(), members()
    repeated = Batch(batch.inputs[:1].expand(2, -1, -1, -1, -1), batch.labels, batch.num_labelled)
    one = Batch(batch.inputs[0], batch.labels, batch.num_labelled)
    a, b = (population.evaluate(drawn, x) for x in (repeated, one))
    assert torch.equal(a, b)
