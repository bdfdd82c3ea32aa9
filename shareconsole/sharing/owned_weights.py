"""The weights of a bank by who has them, moved along their gradients and back.

Shapes: T tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from shareconsole.sharing.bank import Bank


class OwnedWeights:
    """What all tasks use, and what each has of its own; nothing is routed.

    Attributes:
        shared: Parameters that all tasks use.
        own: Parameters of each task's units and head, T lists.
    """

    def __init__(self, bank: Bank) -> None:
        """Sort the parameters.

        Raises:
            ValueError: A unit is routed.
        """
        if "routed" in bank.marks:
            raise ValueError("weights of a routed unit are nobody's for sure")
        self.shared: list[Tensor] = []
        self.own: list[list[Tensor]] = [[] for _ in range(bank.num_tasks)]
        *units, (_, heads) = bank.modules_by_unit()
        for mark, (_, modules) in zip(bank.marks, units, strict=True):
            if mark == "shared" or bank.num_tasks == 1:
                self.shared += modules[0].parameters()
            else:
                self._give(modules)
        self._give(heads)

    def _give(self, modules: Sequence[nn.Module]) -> None:
        for own, module in zip(self.own, modules, strict=True):
            own += module.parameters()

    def of(self, tasks: Sequence[int]) -> list[Tensor]:
        """The parameters that these tasks have of their own."""
        return [parameter for task in tasks for parameter in self.own[task]]


class Move:
    """Some weights on their way along minus their gradients; those without one stay."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        """Remember where they are."""
        self._parameters = [p.detach() for p in parameters if p.grad is not None]
        self._gradients = [p.grad for p in parameters if p.grad is not None]
        self._from = [p.clone() for p in self._parameters]

    def to(self, step_size: float) -> None:
        """Put them at where they were, minus `step_size` times their gradients."""
        if self._parameters:
            self.back()
            torch._foreach_add_(self._parameters, self._gradients, alpha=-step_size)

    def back(self) -> None:
        """Put them where they were, to the bit."""
        if self._parameters:
            torch._foreach_copy_(self._parameters, self._from)


def gradients_of(parameters: Sequence[Tensor]) -> list[Tensor]:
    """The gradients there are."""
    return [p.grad for p in parameters if p.grad is not None]


def squared_norm(gradients: Sequence[Tensor], like: Tensor) -> Tensor:
    """Sum of all squares, a scalar on the device; zero of nothing.

    Args:
        gradients: Tensors of any shapes.
        like: For type and device where there are none.
    """
    if not gradients:
        return like.new_zeros(())
    return torch.stack(torch._foreach_norm([*gradients])).square().sum()
