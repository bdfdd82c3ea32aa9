"""Classical backtracking: each trial runs the whole network.

It is what Filatov & Merkulov 2021, "Fast Line Search for Multi-Task Learning", arXiv 2110.00874,
measure their search against. The direction is minus the gradient that the constant rule takes: that
of the mean of the tasks' losses by the weights that all tasks share, and of a task's own loss by
its own weights, which is T times as long as that of the mean. For the mean of the losses the slope
along it is |gradient by shared|^2 + 1/T |gradient by own|^2.

Trials see the step's batch, batch-norm normalises by it and keeps its running statistics, and
dropout drops what it dropped for the gradient. If every trial is refused, the weights stay.

`condition = "every_task"` needs the gradient of each task by the shared weights, so the passes that
make the gradient run task by task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.backtracking import LineSearch, falls_enough
from shareconsole.sharing.owned_weights import Move, OwnedWeights, gradients_of, squared_norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.objective import Objective
    from shareconsole.spec.stepsize.backtracking import BacktrackingOptions


class Backtracking(LineSearch):
    """Armijo's condition on the losses of the batch."""

    def __init__(self, options: BacktrackingOptions, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights of `optimizer`, plain SGD."""
        super().__init__(options, optimizer)
        self._owned: OwnedWeights | None = None
        self._at: tuple[Objective, Sequence[Tensor], Tensor, Tensor] | None = None

    def gradients(self, objective: Objective) -> Tensor:
        """The gradients of the constant rule, and how fast they say the losses fall."""
        self.begin()
        random_state = objective.random_state()
        if self._owned is None:
            self._owned = OwnedWeights(objective.population.bank)
        owned = self._owned
        by_task: list[list[Tensor]] = []
        if self._options.condition == "every_task" and any(objective.batch.num_labelled):
            losses_ST, by_task = objective.accumulate_by_task(owned.shared)
        else:
            losses_ST = objective.accumulate()
        (losses_T,) = losses_ST
        along = gradients_of(owned.shared)
        slopes = [squared_norm(gradients_of(own), losses_T) for own in owned.own]
        if by_task:
            labelled = [t for t, count in enumerate(objective.batch.num_labelled) if count]
            for task, gradients in zip(labelled, by_task, strict=True):
                slopes[task] = slopes[task] + _inner(gradients, along, losses_T)
        else:
            common = squared_norm(along, losses_T)
            slopes = [own + common for own in slopes]
        self._at = (objective, random_state, losses_T, torch.stack(slopes))
        return losses_ST

    def step(self) -> None:
        """Search along minus the gradients in the bank, and stay where the search ended.

        Raises:
            RuntimeError: The gradients are not those that `gradients` made.
        """
        if self._at is None or self._owned is None:
            raise RuntimeError("a line search needs gradients of losses that it can ask for again")
        objective, random_state, before_T, slopes_T = self._at
        self._at = None
        tasks = range(len(before_T))
        move = Move([*self._owned.shared, *self._owned.of(tasks)])
        weights = torch.full_like(before_T, 1 / len(before_T))

        def accepts(step_size: float) -> Tensor:
            move.to(step_size)
            (after_T,) = objective.losses(random_state)
            return falls_enough(self._options, step_size, after_T - before_T, slopes_T, weights)

        found = self.search(accepts) if any(objective.batch.num_labelled) else 0.0
        if not found:
            move.back()
        self.end(found)


def _inner(a: Sequence[Tensor], b: Sequence[Tensor], like: Tensor) -> Tensor:
    products = torch._foreach_mul([*a], [*b]) if a else ()
    return sum((product.sum() for product in products), like.new_zeros(()))
