"""The SGD half of a step: sampled assignments, summed gradients, one normalised update.

Shapes: S assignments, L routed units, T tasks, K candidate modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.objective import Objective
from shareconsole.sharing.readback import Readback

if TYPE_CHECKING:
    from collections.abc import Callable

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
    add_gradients: Callable[[], None] | None = None,
) -> Readback:
    """Move the weights once, on the gradients of S assignments.

    Args:
        population: The engine.
        assignments_SLT: [S, L, T] sampled modules.
        pi_LTK: [L, T, K] the distribution they came from; sets the expected use of each module.
        batch: The batch that all assignments see.
        step_size: The rule that moves the weights.
        add_gradients: Adds to the normalised gradients what depends on the weights alone.

    Returns:
        Losses [S, T] before the update in a row, then the norm of the gradient that was taken,
        [S * T + 1]; nothing here waits for a GPU but a rule that searches, once per trial.
    """
    step_size.zero_gradients()
    losses_ST = step_size.gradients(
        Objective(population, assignments_SLT, pi_LTK, batch, add_gradients)
    )
    norm = population.bank.gradient_norm()
    step_size.step()
    return Readback(torch.cat([losses_ST.reshape(-1), norm.reshape(1)]))
