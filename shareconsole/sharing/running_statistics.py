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
        self._decayed: set[Norm] = set()
        self._level: Level | None = None
        self._weights: dict[float, Tensor] = {}

    def add(
        self, level: Level, layout: Layout, norms: list[Norm], mean: Tensor, variance: Tensor
    ) -> None:
        """Take what all nodes of a unit brought to one of its batch-norm layers.

        Args:
            level: The unit's nodes.
            layout: The same for tensors.
            norms: The layer in each module in use.
            mean: [N, C].
            variance: [N, C], unbiased.
        """
        momentum = norms[0].momentum
        assert momentum is not None
        weights_N1 = self._weights_of(level, momentum, mean)
        # Once per step: the weights of every chunk count from the last call of the step.
        new = [norm not in self._decayed for norm in norms]
        self._decayed.update(norms)
        calls = [s.calls if is_new else 0 for s, is_new in zip(level.segments, new, strict=True)]
        decays = [(1 - momentum) ** count for count in calls]
        modules, channels = len(norms), mean.shape[1]
        brought = layout.collect((torch.cat([mean, variance], 1) * weights_N1).unsqueeze(1))
        running: list[Any] = [norm.running_mean for norm in norms]
        running += [norm.running_var for norm in norms]
        torch._foreach_mul_(running, decays * 2)
        # The rows of a reshaped [G, 2 C] would alternate between the two; these come one after one.
        parts = brought.view(modules, 2, channels).transpose(0, 1).reshape(-1, channels)
        torch._foreach_add_(running, parts.unbind())
        tracked: list[Any] = [norm.num_batches_tracked for norm in norms]
        torch._foreach_add_(tracked, calls)

    def _weights_of(self, level: Level, momentum: float, like: Tensor) -> Tensor:
        if level is not self._level:
            self._level, self._weights = level, {}
        if momentum not in self._weights:
            weights = torch.from_numpy(level.statistic_weights(momentum)).to(like.dtype)
            self._weights[momentum] = weights.to(like.device, non_blocking=True).unsqueeze(1)
        return self._weights[momentum]
