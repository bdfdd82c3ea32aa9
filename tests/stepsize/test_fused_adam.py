"""The lean step of Adam is torch's own, to the last bit."""

from __future__ import annotations

import copy

import pytest
import torch

from shareconsole.stepsize.fused_adam import FusedAdam

SHAPES = ((3, 4), (5,), (2, 3, 2))
STEPS = 6


def made(decoupled, weight_decay, dtype):
    draw = torch.Generator().manual_seed(0)
    parameters = [
        torch.nn.Parameter(torch.randn(shape, generator=draw, dtype=dtype)) for shape in SHAPES
    ]
    options = {
        "lr": 0.01,
        "weight_decay": weight_decay,
        "fused": True,
        "decoupled_weight_decay": decoupled,
    }
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    return FusedAdam(parameters, **options), torch.optim.Adam(theirs, **options)


def give_gradients(optimizers, step):
    """Each parameter is left out in one step, and the last has none in the first two."""
    draw = torch.Generator().manual_seed(step)
    for i, shape in enumerate(SHAPES):
        gradient = torch.randn(shape, generator=draw, dtype=torch.float64)
        for optimizer in optimizers:
            p = optimizer.param_groups[0]["params"][i]
            absent = step == i + 2 or (i == 2 and step < 2)
            p.grad = None if absent else gradient.to(p.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_is_torchs_adam(decoupled, weight_decay, dtype):
    ours, theirs = made(decoupled, weight_decay, dtype)
    for step in range(STEPS):
        give_gradients((ours, theirs), step)
        ours.step()
        theirs.step()
        if step == 3:
            saved = copy.deepcopy(ours.state_dict())
            ours.load_state_dict(saved)
    for mine, other in zip(
        ours.param_groups[0]["params"], theirs.param_groups[0]["params"], strict=True
    ):
        assert torch.equal(mine, other)
        for name, value in theirs.state[other].items():
            assert torch.equal(ours.state[mine][name], value)
    steps = [int(ours.state[p]["step"]) for p in ours.param_groups[0]["params"]]
    assert steps == [STEPS - 1, STEPS - 1, STEPS - 3]


def test_gradients_are_removed_or_set_to_zero():
    ours, _ = made(False, 0.0, torch.float64)
    give_gradients((ours,), 5)
    ours.zero_grad(set_to_none=False)
    assert all(not p.grad.any() for p in ours.param_groups[0]["params"])
    ours.zero_grad()
    assert all(p.grad is None for p in ours.param_groups[0]["params"])
    ours.step()  # nothing to do is no error


def test_without_gradients_nothing_moves():
    ours, _ = made(False, 0.1, torch.float64)
    before = [p.detach().clone() for p in ours.param_groups[0]["params"]]
    ours.step()
    for p, old in zip(ours.param_groups[0]["params"], before, strict=True):
        assert torch.equal(p, old)
