"""One task's network by itself: only its own path, as a plain module.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import nn

from shareconsole.sharing.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.network import NetworkPlan

    Part = tuple[str, Sequence[nn.Module], nn.Module]
    """Name of a unit, the modules whose mean it takes, and one that has the same outputs."""

Recipe = tuple[tuple[int, ...] | None, ...]
"""For each unit the candidates whose mean it takes; None where it is no choice of candidates."""


class MeanOf(nn.Module):
    """The mean of what several modules make of the same input."""

    def __init__(self, components: Sequence[nn.Module]) -> None:
        """Weight all components alike; there is at least one."""
        super().__init__()
        self.components = nn.ModuleList(components)

    def forward(self, x: Tensor) -> Tensor:
        """[B, ...] to [B, ...]."""
        total: Tensor = self.components[0](x)
        for component in self.components[1:]:
            total = total + component(x)
        return total / len(self.components)


class Zeros(nn.Module):
    """Zeros, where a task uses none of a unit's components."""

    def __init__(self, shape: Sequence[int]) -> None:
        """Give zeros of `shape` for each image."""
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        """[B, ...] to zeros [B, *shape]."""
        return x.new_zeros((x.shape[0], *self.shape))


def recipe_of(bank: Bank, modules: Sequence[Sequence[int]]) -> Recipe:
    """Which candidates make up a network.

    Args:
        bank: All modules of the run.
        modules: For each routed unit the modules whose mean is taken (`Method.modules_of`).

    Raises:
        ValueError: There is not one choice for each routed unit, or of a module that is not there.
    """
    if len(modules) != bank.num_routed:
        raise ValueError(f"{len(modules)} choices for {bank.num_routed} routed units")
    if any(not 0 <= k < bank.num_modules for chosen in modules for k in chosen):
        raise ValueError(f"a choice of a module that is not among the {bank.num_modules}")
    routed = iter(modules)
    return tuple(tuple(next(routed)) if mark == "routed" else None for mark in bank.marks)


def from_bank(bank: Bank, task: int, recipe: Recipe, input_shape: Sequence[int]) -> nn.Sequential:
    """A copy of one task's network, in eval mode, with a child for each unit and the head.

    Args:
        bank: All modules of the run.
        task: Index of the task.
        recipe: As `recipe_of` tells it.
        input_shape: (C, H, W).
    """
    *units, (_, heads) = bank.modules_by_unit()
    parts: list[Part] = []
    for (name, candidates), mark, chosen in zip(units, bank.marks, recipe, strict=True):
        own = candidates[task if mark == "task" else 0]
        used = [own] if chosen is None else [candidates[k] for k in chosen]
        parts.append((name, used, own))
    return _joined([*parts, ("head", [heads[task]], heads[task])], input_shape)


def from_plan(
    plan: NetworkPlan, recipe: Recipe, num_classes: int, input_shape: Sequence[int]
) -> nn.Sequential:
    """The same network as `from_bank` makes, with fresh weights."""
    parts: list[Part] = []
    for unit, chosen in zip(plan.units, recipe, strict=True):
        used = [unit.build()] if chosen is None else [unit.build_candidate(k) for k in chosen]
        parts.append((unit.name, used, used[0] if used else unit.build()))
    head = plan.build_head(num_classes)
    return _joined([*parts, ("head", [head], head)], input_shape)


def _joined(parts: Iterable[Part], input_shape: Sequence[int]) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    x: Tensor | None = None
    for name, used, alike in parts:
        whole = _plain(used[0] if len(used) == 1 else MeanOf(used) if used else alike)
        if x is None:
            like = next(whole.parameters(), torch.zeros(()))
            x = like.new_zeros((1, *input_shape))
        with torch.no_grad():
            x = whole(x)
        layers[name] = whole if used else Zeros(x.shape[1:])
        x = x if used else torch.zeros_like(x)
    return nn.Sequential(layers).eval()


def _plain(module: nn.Module) -> nn.Module:
    """A copy in eval mode, of torch's own layers where there is a choice."""
    copied = copy.deepcopy(nn.Sequential(module), _without_generators(module)).eval()
    for layer in [*copied.modules()]:
        for name, child in layer.named_children():
            if isinstance(child, Dropout):
                setattr(layer, name, nn.Identity())
    return copied[0]


def _without_generators(module: nn.Module) -> dict[int, object]:
    """What `copy.deepcopy` takes as copied already: generators, which cannot be."""
    found = (layer.generator for layer in module.modules() if isinstance(layer, Dropout))
    return {id(generator): None for generator in found if generator is not None}
