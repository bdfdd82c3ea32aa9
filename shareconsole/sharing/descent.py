"""The SGD half of a step: sampled assignments, summed gradients, one normalised update.

Shapes: S assignments, L routed units, T tasks, K candidate modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.method import StepSize
    from shareconsole.sharing.population import Population


def descend(
    population: Population,
    assignments_SLT: Tensor,
    pi_LTK: Tensor,
    batch: Batch,
    step_size: StepSize,
) -> tuple[Tensor, float]:
    """Move the weights once, on the gradients of S assignments.

    Args:
        population: The engine.
        assignments_SLT: [S, L, T] sampled modules.
        pi_LTK: [L, T, K] the distribution they came from; sets the expected use of each module.
        batch: The batch that all assignments see.
        step_size: The rule that moves the weights.

    Returns:
        Losses [S, T] before the update, on the CPU, and the norm of the normalised gradient.
    """
    step_size.zero_gradients()
    losses_ST = population.accumulate(assignments_SLT, batch)
    population.bank.normalise_gradients(len(assignments_SLT), pi_LTK)
    norm = population.bank.gradient_norm()
    step_size.step()
    # One transfer for everything the log needs: the only wait for a GPU in this half.
    packed = torch.cat([losses_ST.reshape(-1), norm.reshape(1)]).cpu()
    return packed[:-1].view(losses_ST.shape), float(packed[-1])
