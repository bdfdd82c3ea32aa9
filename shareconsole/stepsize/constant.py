"""The optimiser's own learning rate, unchanged from first step to last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from shareconsole.sharing.objective import Objective
    from shareconsole.spec.stepsizes import ConstantStepSizeOptions


class ConstantStepSize:
    """Every step is one step of the optimiser."""

    def __init__(self, options: ConstantStepSizeOptions, optimizer: torch.optim.Optimizer) -> None:
        """Drive `optimizer`; there is nothing to choose in `options`."""
        del options
        self.optimizer = optimizer

    def gradients(self, objective: Objective) -> Tensor:
        """The gradients of the tasks' losses as they are."""
        return objective.accumulate()

    def scalars(self) -> dict[str, float]:
        """Nothing that the options do not say."""
        return {}

    def step(self) -> None:
        """One optimiser step; torch skips parameters that have no gradient."""
        self.optimizer.step()

    def zero_gradients(self) -> None:
        """Remove all gradients, so that a module nobody uses is skipped."""
        self.optimizer.zero_grad(set_to_none=True)

    def reset(self) -> None:
        """Forget the optimiser's moments and step counts."""
        self.optimizer.state.clear()

    def state_dict(self) -> dict[str, Any]:
        """State of the optimiser."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`, with the kernel that this optimiser was made with."""
        # torch would take over whether the saved one was fused, which is the engine's to say.
        fused = [group["fused"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for group, own in zip(self.optimizer.param_groups, fused, strict=True):
            group["fused"] = own
