"""The optimiser alone: what has no gradient stands still, momentum or not."""

from __future__ import annotations

import copy

import pytest
import torch

from shareconsole.spec.preset import TrainTable
from shareconsole.spec.stepsizes import ConstantStepSizeOptions
from shareconsole.stepsize.constant import ConstantStepSize
from shareconsole.trainer.build import make_optimizer


def make(
    optimizer: str, *parameters: torch.nn.Parameter, decay: float = 0.0, engine: str = "trie"
) -> ConstantStepSize:
    train = TrainTable(optimizer=optimizer, learning_rate=0.1, weight_decay=decay)
    options = ConstantStepSizeOptions(name="constant")
    return ConstantStepSize(options, make_optimizer(train, iter(parameters), engine))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_parameter_without_gradient_is_left_alone_by_momentum_and_decay(optimizer):
    used, idle = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    rule = make(optimizer, used, idle, decay=0.5)
    for parameter in (used, idle):
        parameter.grad = torch.ones(2)
    rule.step()
    rule.zero_gradients()
    assert idle.grad is None
    before = idle.detach().clone(), used.detach().clone()
    used.grad = torch.ones(2)
    rule.step()
    assert torch.equal(idle, before[0])
    assert not torch.equal(used, before[1])


def test_sgd_moves_by_the_learning_rate_times_the_gradient():
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    rule = make("sgd", parameter)
    parameter.grad = torch.tensor([1.0, -3.0])
    rule.step()
    torch.testing.assert_close(parameter.detach(), torch.tensor([0.9, 2.3]))


def test_state_round_trip_continues_exactly():
    first, second = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    a, b = make("adam", first), make("adam", second)
    for k in range(3):
        first.grad = torch.full((3,), float(k + 1))
        a.step()
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    with torch.no_grad():
        second.copy_(first)
    for parameter, rule in ((first, a), (second, b)):
        parameter.grad = torch.tensor([0.5, -1.0, 2.0])
        rule.step()
    assert torch.equal(first, second)


@pytest.mark.parametrize("engine", ["loop", "trie"])
def test_the_engine_decides_the_kernel_also_after_loading(engine):
    other = {"loop": "trie", "trie": "loop"}[engine]
    first, second = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    a, b = make("adam", first, engine=other), make("adam", second, engine=engine)
    first.grad = torch.ones(3)
    a.step()
    b.load_state_dict(a.state_dict())
    assert b.optimizer.param_groups[0]["fused"] is (True if engine == "trie" else None)
    second.grad = torch.ones(3)
    b.step()


@pytest.mark.parametrize("engine", ["loop", "trie"])
def test_after_a_reset_it_moves_as_from_nothing(engine):
    used, fresh = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    rule, other = make("adam", used, engine=engine), make("adam", fresh, engine=engine)
    for size in (1.0, -5.0):
        used.grad = torch.full((3,), size)
        rule.step()
    rule.reset()
    assert rule.state_dict()["state"] == {}
    with torch.no_grad():
        used.fill_(1.0)
    for parameter, each in ((used, rule), (fresh, other)):
        parameter.grad = torch.tensor([0.5, -1.0, 2.0])
        each.step()
    assert torch.equal(used, fresh)
