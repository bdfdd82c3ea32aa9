"""Plain convolutional networks, given as lists of widths.

A conv unit is a convolution, a normalisation or none, ReLU or tanh, and 2x2 pooling or none; a
dense unit is linear, ReLU or tanh. With the right widths these are

* by default the small networks of Prellberg & Kramer 2020 (arXiv 2003.10159, released code):
  3x3 with padding 1 and no bias, batch-norm, ReLU, max-pool;
* that of Maziarz et al. 2019 for MNIST rotations (arXiv 1910.04915, released code);
* that of Yang & Hospedales 2017 for Omniglot (arXiv 1606.04038, section 4);
* that of Sener & Koltun 2018 for MultiMNIST (arXiv 1810.04650, released code).

Weights start as torch initialises them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.network import NetworkPlan, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shareconsole.spec.network.convnet import ConvnetOptions, ConvSizes

_POOLS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def build_convnet(options: ConvnetOptions, input_shape: tuple[int, int, int]) -> NetworkPlan:
    """Plan the network for images of `input_shape` (channels, rows, columns).

    Raises:
        ValueError: The images are too small for so many poolings.
    """
    sizes = options.conv_sizes(input_shape)
    if any(min(size.rows_out, size.columns_out) < 1 for size in sizes):
        poolings = sum(pool != "none" for pool in options.pools)
        raise ValueError(f"{poolings} poolings shrink {input_shape} images to nothing")
    units = [
        Unit(f"conv{i}", mark, _conv_unit(options, size, pool, dropout))
        for i, (mark, size, pool, dropout) in enumerate(
            zip(options.conv_marks, sizes, options.pools, options.dropouts, strict=True), 1
        )
    ]
    flatten: list[nn.Module] = [nn.Flatten()]
    if options.final_pool == "average":
        flatten.insert(0, nn.AdaptiveAvgPool2d(1))
    features = options.model_copy(update={"dense": ()}).features(input_shape)
    for i, (width, mark) in enumerate(zip(options.dense, options.dense_marks, strict=True), 1):
        units.append(Unit(f"dense{i}", mark, _dense_unit(options, flatten, features, width)))
        features, flatten = width, []

    def build_head(num_classes: int) -> nn.Module:
        dropout = [Dropout(options.dropout)] if options.dropout else []
        return nn.Sequential(*flatten, *dropout, nn.Linear(features, num_classes))

    return NetworkPlan(tuple(units), build_head)


def _conv_unit(
    options: ConvnetOptions, size: ConvSizes, pool: str, dropout: float
) -> Callable[[], nn.Module]:
    padding = size.kernel // 2 if options.padding == "same" else 0
    bias = options.norm == "none"

    def build() -> nn.Module:
        layers: list[nn.Module] = [
            nn.Conv2d(size.channels, size.width, size.kernel, padding=padding, bias=bias)
        ]
        if options.norm == "batch":
            layers.append(nn.BatchNorm2d(size.width))
        elif options.norm == "group":
            layers.append(nn.GroupNorm(options.groups, size.width))
        layers.append(_ACTIVATIONS[options.activation]())
        if dropout:
            layers.append(Dropout(dropout, channels=True))
        if pool != "none":
            layers.append(_POOLS[pool](2))
        return nn.Sequential(*layers)

    return build


def _dense_unit(
    options: ConvnetOptions, flatten: list[nn.Module], features: int, width: int
) -> Callable[[], nn.Module]:
    activation = _ACTIVATIONS[options.activation]
    return lambda: nn.Sequential(*flatten, nn.Linear(features, width), activation())
