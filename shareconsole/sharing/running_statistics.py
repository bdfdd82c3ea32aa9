"""Running statistics of batch-norm, updated as if every network had been run on its own.

Source: torch's batch-norm, r <- (1 - m) r + m x once per call; the loop engine calls a module once
per assignment and task that use it.

Shapes: N nodes of one unit, C channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.kernels import Norm
    from shareconsole.sharing.layout import Layout
    from shareconsole.sharing.trie import Level


class RunningStatistics:
    """The updates of one step, over all units and all chunks of tasks."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._calls: dict[Norm, int] = {}
        self._seen: list[tuple[list[Norm], Tensor]] = []
        self._level: Level | None = None
        self._weights: dict[float, Tensor] = {}

    def add(
        self, level: Level, layout: Layout, norms: list[Norm], mean: Tensor, variance: Tensor
    ) -> None:
        """Take what all nodes of a unit brought to one of its batch-norm layers.

        Args:
            level: The unit's nodes.
            layout: The same for tensors.
            norms: The layer in each of the G modules in use.
            mean: [N, C].
            variance: [N, C], unbiased.
        """
        momentum = norms[0].momentum
        assert momentum is not None
        both = torch.cat([mean, variance], 1) * self._weights_of(level, momentum, mean)
        self._seen.append((norms, layout.collect(both.unsqueeze(1))))
        # The same in every chunk: weights and calls are those of the whole step.
        self._calls |= zip(norms, (segment.calls for segment in level.segments), strict=True)

    def apply(self) -> None:
        """Move the running statistics by all that was seen, which is forgotten then."""
        # Once per norm: the weights of every chunk count from the last call of the step.
        decays = [(1 - float(norm.momentum or 0)) ** n for norm, n in self._calls.items()]
        running: list[Any] = [norm.running_mean for norm in self._calls]
        running += [norm.running_var for norm in self._calls]
        tracked: list[Any] = [norm.num_batches_tracked for norm in self._calls]
        if running:
            torch._foreach_mul_(running, decays * 2)
            torch._foreach_add_(tracked, [*self._calls.values()])
        for norms, both_GC in self._seen:
            running = [norm.running_mean for norm in norms]
            running += [norm.running_var for norm in norms]
            # The rows of a reshaped [G, 2 C] would alternate between the two; these do not.
            brought = both_GC.view(len(norms), 2, -1).transpose(0, 1).flatten(0, 1)
            torch._foreach_add_(running, brought.unbind())
        self._calls, self._seen = {}, []

    def _weights_of(self, level: Level, momentum: float, like: Tensor) -> Tensor:
        if level is not self._level:
            self._level, self._weights = level, {}
        if momentum not in self._weights:
            weights = torch.tensor(level.statistic_weights(momentum), dtype=like.dtype)
            self._weights[momentum] = weights.to(like.device, non_blocking=True).unsqueeze(1)
        return self._weights[momentum]
