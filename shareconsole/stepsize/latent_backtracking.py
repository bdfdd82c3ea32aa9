"""Backtracking in the space of the latents: each trial runs the heads alone.

Filatov & Merkulov, "Fast Line Search for Multi-Task Learning", 2021, arXiv 2110.00874. The text and
figure that we have name the idea and no formula, so this is a reconstruction, and what it leaves
open is an option. z = g(x; w) are the latents, the output of the last unit that all tasks share;
L_t(z; v_t) is the loss of task t, whose head and own units have the weights v_t.

1. One pass forwards. g_t = dL_t/dz and h_t = dL_t/dv_t, by a backward pass of the heads.
2. Task weights a: given, or those of the shortest d = sum_t a_t g_t (`sharing.min_norm`).
3. One pass of d backwards through the encoder: J^T d is the gradient of sum_t a_t L_t by w.
4. Shorten e while sum_t a_t L_t(z - e s d; v_t - e h_t) is more than
   sum_t a_t L_t(z; v_t) - c e sum_t a_t (s <g_t, d> + |h_t|^2), or, with condition "every_task",
   while this is so of any single t.
5. w <- w - e J^T d, v_t <- v_t - e h_t. If every trial is refused, the weights stay.

The step size e is that of the weights. Moving w by -e J^T d moves z by about -e J J^T d, whose part
along d is as long as e s d with s = |J^T d|^2 / |d|^2, which `rescale = "by_gradient"` takes: the
promised decrease is then that of the classical search. With "none" s is 1. The gradients of a mean
over n images carry 1/n, so how long a step in z that is depends on n, and on the network.

The heads alone know nothing of how crooked the encoder is: in the latents far longer steps are
accepted than the weights can take, and it is `max_step` that bounds them. With `verify_every` the
accepted step is tried with the whole network now and then, beginning with the first step, and
shortened until that accepts it as well; until the next time no step is longer. Those trials look at
the weighted sum, whatever the condition.

Tasks with images of their own have latents of their own, and their gradients are orthogonal by
construction: <g_t, d> = a_t |g_t|^2, "mgda_ub" makes a_t proportional to 1 / |g_t|^2, and a trial
does not see what the step does to the other tasks through w.

Trials see the step's batch, batch-norm normalises by it and keeps its running statistics, and
dropout drops what it dropped for the gradient. All tasks run at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from shareconsole.sharing.backtracking import LineSearch, falls_enough
from shareconsole.sharing.min_norm import min_norm_weights
from shareconsole.sharing.owned_weights import Move, OwnedWeights, gradients_of, squared_norm

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.halves import Halves
    from shareconsole.sharing.objective import Objective
    from shareconsole.spec.stepsize.backtracking import LatentBacktrackingOptions


class _Point(NamedTuple):
    """Where a search starts; T' tasks with a labelled image.

    Attributes:
        halves: The networks.
        latents: z as the tasks read it, [T' * B, *Z].
        direction: s d, likewise.
        losses: [T'] there.
        weights: [T'], a.
        along_latents: [T'] s <g_t, d>.
        along_heads: [T'] how fast the heads' own step lowers each loss.
        along_encoder: |J^T d|^2.
    """

    halves: Halves
    latents: Tensor
    direction: Tensor
    losses: Tensor
    weights: Tensor
    along_latents: Tensor
    along_heads: Tensor
    along_encoder: Tensor


class LatentBacktracking(LineSearch):
    """Armijo's condition on the losses of the heads, at latents moved along their gradients."""

    def __init__(
        self, options: LatentBacktrackingOptions, optimizer: torch.optim.Optimizer
    ) -> None:
        """Move the weights of `optimizer`, plain SGD."""
        super().__init__(options, optimizer)
        self._latent = options
        self._owned: OwnedWeights | None = None
        self._point: _Point | None = None
        self._steps = 0
        self._limit = options.max_step

    def reset(self) -> None:
        """Forget where the last search ended, what was verified and how many steps there were."""
        super().reset()
        self._steps = 0
        self._limit = self._options.max_step

    @property
    def longest(self) -> float:
        """The last verified step, unless this step is to be verified itself."""
        return self._options.max_step if self._verifies else self._limit

    def gradients(self, objective: Objective) -> Tensor:
        """Steps 1 to 3; the losses are [1, T], 0 for a task without a labelled image."""
        self.begin()
        counts = objective.batch.num_labelled
        losses_ST = objective.batch.inputs.new_zeros((1, len(counts)))
        if self._owned is None:
            self._owned = OwnedWeights(objective.population.bank)
        if any(counts):
            self._point = self._start(objective.halves(), self._owned)
            losses_ST[0, list(self._point.halves.tasks)] = self._point.losses
        return losses_ST

    def _start(self, halves: Halves, owned: OwnedWeights) -> _Point:
        read = halves.encode()
        latents = read.detach().requires_grad_()
        losses = halves.head_losses(latents)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        assert latents.grad is not None
        g_TB = latents.grad.unflatten(0, (len(halves.tasks), -1))
        weights = self._task_weights(g_TB, halves, len(owned.own))
        weighted_TB = g_TB * weights.view(-1, *[1] * (g_TB.dim() - 1))
        read.backward(weighted_TB.flatten(0, 1))  # type: ignore[no-untyped-call]
        d_TB = weighted_TB.sum(0, keepdim=True) if halves.shared_inputs else weighted_TB
        along_encoder = squared_norm(gradients_of(owned.shared), losses)
        scale = losses.new_ones(())
        if self._latent.rescale == "by_gradient":
            length = d_TB.square().sum()
            scale = torch.where(length > 0, along_encoder / length, 0.0)
        along_heads = []
        for task, weight in zip(halves.tasks, weights, strict=True):
            own = gradients_of(owned.own[task])
            along_heads.append(squared_norm(own, losses))
            if self._latent.head_gradients == "weighted":
                along_heads[-1] = along_heads[-1] * weight
                for gradient in own:
                    gradient.mul_(weight)
        return _Point(
            halves,
            latents.detach(),
            (scale * d_TB).expand_as(g_TB).flatten(0, 1),
            losses.detach(),
            weights,
            scale * (g_TB * d_TB).flatten(1).sum(1),
            torch.stack(along_heads),
            along_encoder,
        )

    def _task_weights(self, g_TB: Tensor, halves: Halves, num_tasks: int) -> Tensor:
        asked = self._latent.task_weights
        if asked == "equal":
            return torch.full_like(g_TB.flatten(1)[:, 0], 1 / num_tasks)
        if asked == "mgda_ub":
            flat = g_TB.flatten(1)
            gram = flat @ flat.T if halves.shared_inputs else flat.square().sum(1).diag()
            return min_norm_weights(gram)
        assert not isinstance(asked, str)
        total = sum(asked)
        return g_TB.new_tensor([asked[task] / total for task in halves.tasks])

    def step(self) -> None:
        """Steps 4 and 5.

        Raises:
            RuntimeError: The gradients are not those that `gradients` made.
        """
        if self._owned is None:
            raise RuntimeError("a line search needs gradients of losses that it can ask for again")
        point, self._point = self._point, None
        self.end(self._searched(point, self._owned) if point is not None else 0.0)
        self._steps += 1

    def _searched(self, point: _Point, owned: OwnedWeights) -> float:
        """Search from a point and move the weights; the step size, 0 if all was refused."""
        heads, encoder = Move(owned.of(point.halves.tasks)), Move(owned.shared)
        moves_heads = self._latent.heads_in_trial == "move"
        slopes = point.along_latents + (point.along_heads if moves_heads else 0)

        def accepts(step_size: float) -> Tensor:
            if moves_heads:
                heads.to(step_size)
            moved = point.latents - step_size * point.direction
            after = point.halves.retried_head_losses(moved)
            return falls_enough(
                self._options, step_size, after - point.losses, slopes, point.weights
            )

        found = self.search(accepts)
        if found and self._verifies:
            found = self._verified(found, point, heads, encoder)
            self._limit = found or self.last_tried
        for move in (heads, encoder):
            move.to(found) if found else move.back()
        return found

    @property
    def _verifies(self) -> bool:
        every = self._latent.verify_every
        return every > 0 and self._steps % every == 0

    def _verified(self, found: float, point: _Point, heads: Move, encoder: Move) -> float:
        """The accepted step if the whole network bears it out, or what is left of it."""
        # The sum over tasks of weight times slope counts the encoder once, and without weights,
        # where it does not move, not at all.
        total = point.weights.sum()
        along_encoder = torch.where(total > 0, point.along_encoder / total, 0.0)
        slopes = point.along_heads + along_encoder

        def accepts(step_size: float) -> Tensor:
            heads.to(step_size)
            encoder.to(step_size)
            change = point.halves.retried_losses() - point.losses
            return falls_enough(self._options, step_size, change, slopes, point.weights, "sum")

        return self.search(accepts, again=found)

    def state_dict(self) -> dict[str, Any]:
        """Where the next search begins, the last verified step, and the steps made."""
        return {**super().state_dict(), "limit": self._limit, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        super().load_state_dict(state)
        self._limit = state["limit"]
        self._steps = state["steps"]
