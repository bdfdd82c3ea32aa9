"""ResNet18 for small images, its residual blocks routed.

As Prellberg & Kramer 2020 (arXiv 2003.10159, released code) have it: a 3x3 stem without pooling,
which all tasks share, four stages of two basic blocks (He et al. 2016), the mean over the image.
Strides tell the variants apart: 1 and 1, 2, 2, 2 for CIFAR-100, 2 and 2, 2, 2, 2 for Omniglot.
The release pools 4x4 pixels for CIFAR-100, which is the mean over the image as well.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from shareconsole.sharing.network import NetworkPlan, Unit

if TYPE_CHECKING:
    from shareconsole.spec.network.resnet18 import BlockSizes, Resnet18Options


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch-norm, and a shortcut around them."""

    def __init__(self, size: BlockSizes) -> None:
        """Build a block; its shortcut is the identity where the shape stays as it is."""
        super().__init__()
        self.conv1 = _conv3x3(size.channels, size.width, size.stride)
        self.norm1 = nn.BatchNorm2d(size.width)
        self.conv2 = _conv3x3(size.width, size.width, 1)
        self.norm2 = nn.BatchNorm2d(size.width)
        self.shortcut: nn.Module = nn.Identity()
        if size.projects:
            self.shortcut = nn.Sequential(
                nn.Conv2d(size.channels, size.width, 1, size.stride, bias=False),
                nn.BatchNorm2d(size.width),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, channels, H, W] to [B, width, H', W'], halved where the stride is 2."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def build_resnet18(options: Resnet18Options, input_shape: tuple[int, int, int]) -> NetworkPlan:
    """Plan the network for images of `input_shape` (channels, rows, columns)."""

    def build_stem() -> nn.Module:
        return nn.Sequential(
            _conv3x3(input_shape[0], options.width, options.stem_stride),
            nn.BatchNorm2d(options.width),
            nn.ReLU(),
        )

    def build_head(num_classes: int) -> nn.Module:
        linear = nn.Linear(options.features(input_shape), num_classes)
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)

    units = [Unit("stem", options.stem_sharing, build_stem)]
    blocks = zip(options.blocks(input_shape), options.block_marks, strict=True)
    for number, (size, mark) in enumerate(blocks, 1):
        units.append(Unit(f"block{number}", mark, partial(BasicBlock, size)))
    return NetworkPlan(tuple(units), build_head)


def _conv3x3(channels: int, width: int, stride: int) -> nn.Module:
    return nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
