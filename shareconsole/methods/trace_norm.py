"""Trace norm regularisation: a network per task, and weights that are pulled towards low rank.

Yang & Hospedales, "Trace Norm Regularised Deep Multi-Task Learning", ICLR 2017 workshop, arXiv
1606.04038.

One step: the loss is the sum over tasks of the mean cross-entropy, plus for each routed unit's
weights, stacked over tasks to a tensor W, gamma times the trace norms of its unfoldings
(`sharing.trace_norm`): of W_(N) ("laf"), of W_(1) ... W_(N) ("tucker"), or of W_[1] ... W_[N-1]
("tt"). The gradient of a trace norm is U V^T from the thin SVD; there is no proximal step, so
weights come near to low rank and stay off it. Biases, normalisation and heads are left out.

Deviations from the paper and its released code:

* The paper has a gamma for every unfolding, and sets all of them to 0.01; here a layer's unfoldings
  have one gamma.
* Where W lacks full rank, the paper's formula X (X^T X)^(-1/2) is not defined; what takes its place
  is the subgradient of least norm.
* `reduction = "mean"` is the rule of the code released in 2016, the paper has the sum.
* Networks start at random. The paper's demo may start from trained single-task networks as well.
* Units that the network marks "shared" or "task" are left as they are; the paper's has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from shareconsole.sharing.fixed import FixedSharing
from shareconsole.sharing.marks import replace_routed
from shareconsole.sharing.trace_norm import (
    fold,
    similarity,
    spectrum,
    stack,
    trace_norm,
    unfold,
    unstack,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators
    from shareconsole.spec.method.trace_norm import TraceNormOptions


@dataclass(frozen=True)
class _Layer:
    """The weights that are stacked: those of one layer in all tasks.

    Attributes:
        name: That of its unit, and of the layer in it where there are several.
        strength: Gamma.
        weights: T parameters of equal shape.
    """

    name: str
    strength: float
    weights: list[nn.Parameter]


class TraceNorm(FixedSharing):
    """SGD on the tasks' own networks, with the trace norms of their stacked weights."""

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units become the tasks' own."""
        del options
        return replace_routed(plan, lambda _: "task")

    def __init__(
        self, options: TraceNormOptions, population: Population, generators: Generators
    ) -> None:
        """Find the layers whose weights are pulled."""
        super().__init__(options, population, generators)
        self.options = options
        self.layers = _layers(options, population.bank)
        self._norms: Tensor | None = None

    def add_gradients(self) -> None:
        """Add the subgradient of the penalty, and keep the trace norms."""
        norms: list[Tensor] = []
        gradients: list[Tensor] = []
        found: list[Tensor] = []
        for layer in self.layers:
            W = stack(layer.weights)
            pairs = [trace_norm(X) for X in unfold(W, self.options.unfolding)]
            weight = layer.strength
            if self.options.reduction == "mean":
                weight /= len(pairs) * len(self.layers)
            total = fold([UV for _, UV in pairs], W.shape, self.options.unfolding).mul_(weight)
            norm = torch.stack([norm for norm, _ in pairs]).sum()
            norms.append(torch.stack([norm, weight * norm]))
            for parameter, gradient in zip(layer.weights, unstack(total), strict=True):
                if parameter.grad is None:  # a task without a labelled image in the batch
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
                found.append(gradient)
        torch._foreach_add_(gradients, found)
        self._norms = torch.stack(norms).sum(0)

    def tensors(self) -> dict[str, Tensor]:
        """Cosine similarity of the tasks' weights, and the singular values of W_(N), by layer."""
        stacks = [stack(layer.weights) for layer in self.layers]
        return {
            "similarity": torch.stack([similarity(W) for W in stacks]),
            "spectrum": torch.stack([spectrum(W) for W in stacks]),
        }

    def tensor_axes(self) -> dict[str, tuple[str | tuple[str, ...], ...]]:
        """See `Method.tensor_axes`; singular values are numbered from the largest."""
        names = tuple(layer.name for layer in self.layers)
        ranks = tuple(str(rank + 1) for rank in range(self.population.bank.num_tasks))
        return {"similarity": (names, "task", "task"), "spectrum": (names, ranks)}

    def scalars(self) -> dict[str, float]:
        """Sum of all trace norms, and the penalty they make, before the last update."""
        if self._norms is None:
            return dict.fromkeys(("trace_norm", "penalty"), math.nan)
        norm, penalty = self._norms.tolist()
        return {"trace_norm": norm, "penalty": penalty}


def _layers(options: TraceNormOptions, bank: Bank) -> list[_Layer]:
    """Weights of two or more axes in the units that the network routes."""
    units = bank.modules_by_unit()
    routed = [i for i, mark in enumerate(bank.planned_marks) if mark == "routed"]
    strengths = options.strength
    if not isinstance(strengths, tuple):
        strengths = (strengths,) * len(routed)
    found: list[_Layer] = []
    for unit, strength in zip(routed, strengths, strict=True):
        label, modules = units[unit]
        tasks = [dict(module.named_parameters()) for module in modules]
        names = [name for name, parameter in tasks[0].items() if parameter.dim() > 1]
        for name in names:
            full = f"{label}.{name.removesuffix('.weight')}" if len(names) > 1 else label
            found.append(_Layer(full, strength, [task[name] for task in tasks]))
    return found
