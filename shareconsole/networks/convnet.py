"""Plain convolutional networks, given as lists of widths.

A conv unit is conv 3x3 (padding 1, no bias), batch-norm, ReLU, 2x2 max-pool; a dense unit is
linear, ReLU. With the right widths these are the small networks of Prellberg & Kramer 2020
(arXiv 2003.10159, released code).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from shareconsole.sharing.network import NetworkPlan, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shareconsole.spec.networks import ConvnetOptions


def build_convnet(options: ConvnetOptions, input_shape: tuple[int, int, int]) -> NetworkPlan:
    """Plan the network for images of `input_shape` (channels, rows, columns).

    Raises:
        ValueError: The images are too small for so many poolings.
    """
    channels, rows, columns = input_shape
    units: list[Unit] = []
    for i, (width, mark) in enumerate(zip(options.conv, options.conv_marks, strict=True), 1):
        units.append(Unit(f"conv{i}", mark, _conv_unit(channels, width)))
        channels, rows, columns = width, rows // 2, columns // 2
    if rows == 0 or columns == 0:
        raise ValueError(f"{len(options.conv)} poolings shrink {input_shape} images to nothing")
    average = options.final_pool == "average"
    features = channels if average else channels * rows * columns
    flatten: list[nn.Module] = [nn.Flatten()]
    if average:
        flatten.insert(0, nn.AdaptiveAvgPool2d(1))
    for i, (width, mark) in enumerate(zip(options.dense, options.dense_marks, strict=True), 1):
        units.append(Unit(f"dense{i}", mark, _dense_unit(flatten, features, width)))
        features, flatten = width, []

    def build_head(num_classes: int) -> nn.Module:
        return nn.Sequential(*flatten, nn.Linear(features, num_classes))

    return NetworkPlan(tuple(units), build_head)


def _conv_unit(channels: int, width: int) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def _dense_unit(flatten: list[nn.Module], features: int, width: int) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*flatten, nn.Linear(features, width), nn.ReLU())
