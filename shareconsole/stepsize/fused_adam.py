"""Torch's fused Adam with less to do around the kernel.

For small networks most of the time of torch's own step goes into checks and groupings that come out
the same each time. The kernel, the state and therefore every bit of the result are torch's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class FusedAdam(torch.optim.Adam):
    """Torch's Adam with `fused=True`, or AdamW, for parameters of one type on one device.

    Parameters without a gradient keep their moments and their step count.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take a step; torch takes it where anything is out of the ordinary.

        That is a closure, or a parameter that never had a gradient before.
        """
        (group,) = self.param_groups
        moved = [p for p in group["params"] if p.grad is not None]
        states = [self.state.get(p) for p in moved]
        if closure is not None or not all(states) or not moved:
            return super().step(closure)
        steps = [state["step"] for state in states if state]
        beta1, beta2 = group["betas"]
        adamw = group["decoupled_weight_decay"]
        kernel = torch._fused_adamw_ if adamw else torch._fused_adam_
        with torch.no_grad():
            torch._foreach_add_(steps, 1)
            kernel(
                moved,
                [_gradient(p) for p in moved],
                [state["exp_avg"] for state in states if state],
                [state["exp_avg_sq"] for state in states if state],
                [],
                steps,
                lr=group["lr"],
                beta1=beta1,
                beta2=beta2,
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
        return None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Remove all gradients, or set them to zero."""
        if not set_to_none:
            super().zero_grad(set_to_none)
            return
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None


def _gradient(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad
