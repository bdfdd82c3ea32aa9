"""Multi-layer perceptrons: flattened images, dense units of linear and ReLU."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from torch import nn

from shareconsole.sharing.network import NetworkPlan, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shareconsole.spec.network.mlp import MlpOptions


def build_mlp(options: MlpOptions, input_shape: tuple[int, int, int]) -> NetworkPlan:
    """Plan the network for images of `input_shape` (channels, rows, columns)."""
    features = prod(input_shape)
    units: list[Unit] = []
    for i, (width, mark) in enumerate(zip(options.widths, options.marks, strict=True), 1):
        units.append(Unit(f"dense{i}", mark, _dense_unit(features, width)))
        features = width
    # nn.Flatten passes flat inputs through, so only the first unit notices it.
    return NetworkPlan(tuple(units), lambda num_classes: nn.Linear(features, num_classes))


def _dense_unit(features: int, width: int) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Flatten(), nn.Linear(features, width), nn.ReLU())
