"""What a step size rule may ask of the batch that a step is made on.

Shapes: S assignments, L routed units, T tasks.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.halves import Halves
    from shareconsole.sharing.population import Population


class Objective:
    """The losses of some assignments on one batch, at whatever weights there are."""

    def __init__(
        self,
        population: Population,
        assignments_SLT: Tensor,
        pi_LTK: Tensor,
        batch: Batch,
        add_gradients: Callable[[], None] | None = None,
    ) -> None:
        """Look at nothing yet.

        Args:
            population: The engine.
            assignments_SLT: [S, L, T] sampled modules.
            pi_LTK: [L, T, K] the distribution they came from.
            batch: The batch that all assignments see.
            add_gradients: Adds to the normalised gradients what depends on the weights alone.
        """
        self.population = population
        self.batch = batch
        self._assignments_SLT = assignments_SLT
        self._pi_LTK = pi_LTK
        self._add_gradients = add_gradients

    def accumulate(self) -> Tensor:
        """Losses [S, T] and, in the bank, normalised gradients, which must be cleared before."""
        losses_ST = self.population.accumulate(self._assignments_SLT, self.batch)
        self._normalise()
        return losses_ST

    def accumulate_by_task(self, shared: Sequence[Tensor]) -> tuple[Tensor, list[list[Tensor]]]:
        """The same task by task, so that the first units run as often as there are tasks.

        Args:
            shared: The parameters that all tasks use.

        Returns:
            Losses [S, T], and for each task with a labelled image the gradients of its loss by
            `shared`, as they are before they are normalised.
        """
        counts = self.batch.num_labelled
        tasks = [task for task, count in enumerate(counts) if count]
        losses, gradients = [], []
        for task in tasks:
            only = tuple(count if t == task else 0 for t, count in enumerate(counts))
            alone = dataclasses.replace(self.batch, num_labelled=only)
            losses.append(self.population.accumulate(self._assignments_SLT, alone))
            found = [parameter.grad for parameter in shared]
            assert all(gradient is not None for gradient in found)
            gradients.append([gradient for gradient in found if gradient is not None])
            for parameter in shared:
                parameter.grad = None
        for i, parameter in enumerate(shared):
            parameter.grad = sum((rows[i] for rows in gradients[1:]), gradients[0][i].clone())
        self._normalise()
        return sum(losses[1:], losses[0]), gradients

    def random_state(self) -> list[Tensor]:
        """What the masks of the next `accumulate` are drawn from."""
        return self.population.random_state()

    def losses(self, random_state: Sequence[Tensor]) -> Tensor:
        """Losses [S, T] at the weights there are now; leaves no trace.

        Batch-norm normalises by the batch and its running statistics stay, dropout drops what it
        dropped in the `accumulate` that came after `random_state`.
        """
        return self.population.losses(self._assignments_SLT, self.batch, random_state)

    def halves(self) -> Halves:
        """The networks in two halves.

        Raises:
            ValueError: There is not one assignment, or no encoder that all tasks share.
        """
        if len(self._assignments_SLT) != 1:
            raise ValueError(f"{len(self._assignments_SLT)} assignments have no common latents")
        return self.population.halves(self._assignments_SLT[0], self.batch)

    def _normalise(self) -> None:
        self.population.bank.normalise_gradients(len(self._assignments_SLT), self._pi_LTK)
        if self._add_gradients is not None:
            self._add_gradients()
