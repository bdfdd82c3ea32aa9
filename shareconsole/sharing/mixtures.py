"""Networks whose routed units are weighted sums of all their candidate modules.

Shapes: L routed units, K candidate modules, B images.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from shareconsole.sharing.bank import Bank

    Norm = nn.BatchNorm1d | nn.BatchNorm2d


class _Position(NamedTuple):
    """One unit, or the heads.

    Attributes:
        mark: "shared", "routed" or "task".
        modules: Its modules.
        norms: The batch-norm layers of each module.
    """

    mark: str
    modules: list[nn.Module]
    norms: list[list[Norm]]


class Mixtures:
    """Every task's network over a bank, with weights for the candidates of its routed units."""

    def __init__(self, bank: Bank) -> None:
        """Use the modules of `bank`."""
        marks = (*bank.marks, "task")
        self._positions = [
            _Position(mark, modules, [_batch_norms(module) for module in modules])
            for mark, (_, modules) in zip(marks, bank.modules_by_unit(), strict=True)
        ]

    def train(self, task: int, weights_LK: Tensor, inputs: Tensor) -> Tensor:
        """Logits [B, classes] of one task, with gradients for weights and modules.

        Every candidate is evaluated, also one of weight zero, whose weight has a gradient too. The
        running statistics of batch-norm in such a module stay as they are: they are there for the
        tasks that use it.

        Args:
            task: Index of the task.
            weights_LK: [L, K] on the CPU.
            inputs: [B, C, H, W].
        """
        uses = iter(weights_LK.ne(0).tolist())
        weights = iter(weights_LK.to(inputs.device, inputs.dtype, non_blocking=True))
        x = inputs
        for position in self._positions:
            if position.mark != "routed":
                x = _own_module(position, task)(x)
                continue
            outputs = []
            for module, norms, used in zip(
                position.modules, position.norms, next(uses), strict=True
            ):
                with _holding_statistics(() if used else norms):
                    outputs.append(module(x))
            x = torch.tensordot(next(weights), torch.stack(outputs), dims=1)
        return x

    def infer(self, task: int, used_LK: Sequence[Sequence[bool]], inputs: Tensor) -> Tensor:
        """Logits [B, classes] of one task with the mean of the candidates it uses, no gradients.

        The modules should be in eval mode.

        Args:
            task: Index of the task.
            used_LK: L rows of K; a unit of which no candidate is used gives zeros.
            inputs: [B, C, H, W].
        """
        rows = iter(used_LK)
        x = inputs
        with torch.inference_mode():
            for position in self._positions:
                if position.mark != "routed":
                    x = _own_module(position, task)(x)
                    continue
                used = [m for m, use in zip(position.modules, next(rows), strict=True) if use]
                if used:
                    total = used[0](x)
                    for module in used[1:]:
                        total = total + module(x)
                    x = total / len(used)
                else:
                    x = torch.zeros_like(position.modules[0](x))
        return x


def _own_module(position: _Position, task: int) -> nn.Module:
    return position.modules[task if position.mark == "task" else 0]


def _batch_norms(module: nn.Module) -> list[Norm]:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    return [layer for layer in module.modules() if isinstance(layer, kinds)]


@contextmanager
def _holding_statistics(norms: Sequence[Norm]) -> Iterator[None]:
    """Normalise by the batch without moving the running statistics."""
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
