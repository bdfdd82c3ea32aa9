"""Layers whose candidate modules are of several kinds: convolutions of many sizes, pools, identity.

The network that Maziarz et al. 2019 (arXiv 1910.04915, released code) took from Ramachandran & Le
2019, "Diversity and Depth in Per-Example Routing Models"; with other components it is also theirs
for three clusters of tasks. A shared 1x1 convolution comes first, each layer is followed by group
norm and ReLU that all tasks share, dropout goes before the heads. A layer that nobody routes is the
mean of one component of every kind.

Deviations from the released code: weights start as torch initialises them (there: Glorot's uniform
distribution and biases of zero), and where an even number of pixels is halved, zeros are padded on
both sides (there: at the end only), which moves the image by a pixel at most.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.network import NetworkPlan, Unit

if TYPE_CHECKING:
    from shareconsole.spec.network.diversity_depth import DiversityDepthOptions, Part

_EPSILON = 1e-6
"""What the release's group norm adds to the variance; torch's default is 1e-5."""


class MeanOfComponents(nn.Module):
    """All components of a layer side by side."""

    def __init__(self, components: list[nn.Module]) -> None:
        """Weight all components alike."""
        super().__init__()
        self.components = nn.ModuleList(components)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to the mean of the components' outputs."""
        return torch.stack([component(x) for component in self.components]).mean(0)


def build_diversity_depth(
    options: DiversityDepthOptions, input_shape: tuple[int, int, int]
) -> NetworkPlan:
    """Plan the network for images of `input_shape` (channels, rows, columns)."""

    def build_stem() -> nn.Module:
        return nn.Sequential(nn.Conv2d(input_shape[0], options.width, 1), *_norm_and_relu(options))

    def build_layer(stride: int) -> nn.Module:
        return MeanOfComponents(
            [_component(options, component, stride) for component in options.components]
        )

    def build_head(num_classes: int) -> nn.Module:
        dropout = [Dropout(options.dropout)] if options.dropout else []
        linear = nn.Linear(options.features(input_shape), num_classes)
        return nn.Sequential(nn.Flatten(), *dropout, linear)

    units = [Unit("stem", "shared", build_stem)]
    for number, (mark, stride) in enumerate(zip(options.marks, options.strides, strict=True), 1):
        kinds = tuple(partial(_component, options, kind, stride) for kind in options.components)
        units.append(Unit(f"layer{number}", mark, partial(build_layer, stride), kinds))
        norm = Unit(f"norm{number}", "shared", lambda: nn.Sequential(*_norm_and_relu(options)))
        units.append(norm)
    return NetworkPlan(tuple(units), build_head)


def _component(options: DiversityDepthOptions, component: str, stride: int) -> nn.Module:
    layers: list[nn.Module] = []
    for part in options.parts(component, stride):
        layers.append(_operation(part, options.width))
        if part.kind == "conv":
            layers += _norm_and_relu(options)
    return nn.Sequential(*layers)


def _operation(part: Part, width: int) -> nn.Module:
    """One operation; the number of pixels stays as it is, or is divided by the stride."""
    size, padding = (part.rows, part.columns), (part.rows // 2, part.columns // 2)
    if part.kind == "maxpool":
        return nn.MaxPool2d(size, part.stride, padding)
    if part.kind == "avgpool":
        return nn.AvgPool2d(size, part.stride, padding, count_include_pad=False)
    if part.kind == "identity":
        return nn.Identity()
    return nn.Conv2d(width, width, size, part.stride, padding)


def _norm_and_relu(options: DiversityDepthOptions) -> list[nn.Module]:
    return [nn.GroupNorm(options.groups, options.width, eps=_EPSILON), nn.ReLU()]
