"""Natural evolution strategy over assignments, as pure functions.

Source: Prellberg & Kramer, "Learned Weight Sharing for Deep Multi-Task Learning by Natural
Evolution Strategy and Stochastic Gradient Descent", IJCNN 2020, and its released code.

Shapes: S sampled assignments, L routed units, T tasks, K candidate modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.assignment import floor_and_renormalise

if TYPE_CHECKING:
    from torch import Tensor


def rank_utilities(loss: Tensor) -> Tensor:
    """Utilities in [-1, 1] from losses: the largest loss gets -1, the smallest +1.

    u = 2 r / (S - 1) - 1 with rank r = 0 for the largest loss. Equal losses share the mean of
    their ranks, so identical assignments get identical utilities and a population of identical
    assignments moves nothing (the released code breaks ties arbitrarily). NaN counts as the
    largest loss. Utilities sum to zero.

    Args:
        loss: [S], or [S, T] to rank each column on its own; S >= 2.

    Returns:
        Utilities of the same shape, float64.
    """
    columns = loss.to(torch.float64).nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    # rank r = members that are worse + half of the other members that are equal
    worse = (columns.unsqueeze(0) > columns.unsqueeze(1)).sum(1)
    equal = (columns.unsqueeze(0) == columns.unsqueeze(1)).sum(1) - 1
    rank = worse + equal / 2
    return 2 * rank / (len(loss) - 1) - 1


def natural_gradient(pi_LTK: Tensor, assignments_SLT: Tensor, utilities: Tensor) -> Tensor:
    """Natural gradient of the expected utility with respect to pi.

    In probability coordinates the natural gradient of a categorical's log-probability is
    onehot(a) - pi, so this is 1/S sum_s u_s (onehot(a_s) - pi).

    Args:
        pi_LTK: [L, T, K] probabilities.
        assignments_SLT: [S, L, T] sampled modules.
        utilities: [S], one for the whole assignment, or [S, T], one per task.

    Returns:
        [L, T, K], rows summing to zero.
    """
    num_samples = len(assignments_SLT)
    onehot = torch.nn.functional.one_hot(assignments_SLT, pi_LTK.shape[2]).to(pi_LTK.dtype)
    weights = utilities.reshape(num_samples, 1, -1, 1)
    return (weights * (onehot - pi_LTK)).mean(0)


def update(pi_LTK: Tensor, gradient_LTK: Tensor, learning_rate: float, floor: float) -> Tensor:
    """Pi after one ascent step, floored and renormalised."""
    return floor_and_renormalise(pi_LTK + learning_rate * gradient_LTK, floor)
