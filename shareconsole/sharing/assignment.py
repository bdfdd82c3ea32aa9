"""The distribution over assignments: independent categorical rows pi[l, t, :].

Shapes: S sampled assignments, L routed units, T tasks, K candidate modules. An assignment is an
int64 tensor [L, T] on the CPU; entry (l, t) is the module that task t uses in routed unit l.
Everything here is a few hundred numbers and stays in float64 on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def uniform(num_routed: int, num_tasks: int, num_modules: int) -> Tensor:
    """Pi [L, T, K] with every entry 1 / K, float64."""
    shape = (num_routed, num_tasks, num_modules)
    return torch.full(shape, 1 / num_modules, dtype=torch.float64)


def sample(pi_LTK: Tensor, num_samples: int, generator: torch.Generator) -> Tensor:
    """Draw S assignments, all rows independent.

    Returns:
        [S, L, T] int64.
    """
    num_routed, num_tasks, num_modules = pi_LTK.shape
    if num_routed == 0:
        return torch.zeros((num_samples, 0, num_tasks), dtype=torch.int64)
    rows = pi_LTK.reshape(-1, num_modules)
    drawn = torch.multinomial(rows, num_samples, replacement=True, generator=generator)
    return drawn.T.reshape(num_samples, num_routed, num_tasks).contiguous()


def certain(assignment_LT: Tensor, num_modules: int) -> Tensor:
    """Pi [L, T, K] that only draws this assignment [L, T]: ones and zeros, float64."""
    return torch.nn.functional.one_hot(assignment_LT, num_modules).to(torch.float64)


def mode(pi_LTK: Tensor) -> Tensor:
    """The most likely assignment [L, T]; the lowest module index among equals."""
    # numpy promises the first maximum, torch.argmax does not.
    return torch.from_numpy(pi_LTK.numpy().argmax(axis=2))


def mean_entropy(pi_LTK: Tensor) -> float:
    """Entropy of a row in nats, averaged over routed units and tasks; 0 when converged."""
    return float(torch.special.entr(pi_LTK).sum(2).mean())


def floor_and_renormalise(pi_LTK: Tensor, floor: float) -> Tensor:
    """Raise every entry to at least `floor`, then scale each row to sum 1.

    After scaling, an entry can lie a hair under the floor, as in the released code.
    """
    floored = pi_LTK.clamp(min=floor)
    return floored / floored.sum(2, keepdim=True)
