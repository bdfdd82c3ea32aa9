"""Binary Gumbel allocation: the formulas, as pure functions.

Maziarz et al. 2019/20 (arXiv 1910.04915; released code): whether a task uses a component is a
binary variable with two logits, the first for "connected". While training it is sampled with
Gumbel noise; forwards the sample is hard, backwards it is a softmax at a temperature. Notation: U
uniform, tau the temperature, p the probability of "connected", s the sample.

Shapes: ... any number of axes, K components of a routed unit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

EPSILON = 1e-20
"""Keeps the noise finite where U is 0."""


def initial_logits(shape: Sequence[int], probability: float) -> Tensor:
    """Logits [*shape, 2], float64 on the CPU: log p and log(1 - p).

    Args:
        shape: Axes before the last.
        probability: p of every connection, between 0 and 1, both excluded.
    """
    pair = torch.tensor([math.log(probability), math.log1p(-probability)], dtype=torch.float64)
    return pair.repeat(*shape, 1)


def noise(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Gumbel noise -log(-log(U + 1e-20) + 1e-20), float64 on the CPU."""
    uniform = torch.rand(tuple(shape), generator=generator, dtype=torch.float64)
    return -torch.log(-torch.log(uniform + EPSILON) + EPSILON)


def temperature(num_updates: int, start: float, lowest: float) -> float:
    """Tau after so many task updates: max(lowest, start / sqrt(num_updates + 1))."""
    return max(lowest, start / math.sqrt(num_updates + 1))


def sample(logits: Tensor, gumbel_noise: Tensor, tau: float) -> Tensor:
    """Sampled connections [...], 0 or 1, with the gradient of the softmax they were rounded from.

    Args:
        logits: [..., 2].
        gumbel_noise: [..., 2].
        tau: Temperature of the softmax; the sample itself does not depend on it.
    """
    noisy = logits + gumbel_noise
    soft = torch.softmax(noisy / tau, dim=-1)[..., 0]
    # The difference is exactly zero, so that the sample is exactly 0 or 1; subtracting the soft
    # value from the hard one first, as the release does, leaves rounding errors in it.
    return allocation(noisy).to(soft.dtype) + (soft - soft.detach())


def mixing_weights(connected: Tensor) -> Tensor:
    """Weights [..., K] of the components: s / max(sum s, 1), a mean over the connected ones.

    All zero where none is connected. Where exactly one is, the gradient passes the maximum, as in
    the release (TensorFlow); `torch.maximum` would halve it.

    Args:
        connected: s, [..., K].
    """
    return connected / connected.sum(-1, keepdim=True).clamp(min=1)


def allocation(logits: Tensor) -> Tensor:
    """Which components are used without noise, [...] bool: those with p >= 1/2."""
    return logits[..., 0] >= logits[..., 1]


def connection_probability(logits: Tensor) -> Tensor:
    """Probability p of each connection, [...]."""
    return torch.softmax(logits, dim=-1)[..., 0]


def entropy(logits: Tensor) -> Tensor:
    """Entropy of each connection in nats, [...]."""
    log_p = torch.log_softmax(logits, dim=-1)
    return -(log_p.exp() * log_p).sum(-1)


def over_budget(logits: Tensor, budget: float) -> Tensor:
    """By how much the mean of p exceeds `budget`, a scalar; 0 if it does not.

    Args:
        logits: [..., 2] of one task, all its routed units.
        budget: Fraction of the components a task may use.
    """
    return (connection_probability(logits).mean() - budget).clamp(min=0)


def disconnection(logits: Tensor) -> Tensor:
    """Probability that a unit has no connection at all, [...] from logits [..., K, 2]."""
    return (1 - connection_probability(logits)).prod(-1)
