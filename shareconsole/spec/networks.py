"""The networks a preset can name; their options are in ``shareconsole.spec.network``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shareconsole.spec.catalog import Entry
from shareconsole.spec.network.convnet import ConvnetOptions
from shareconsole.spec.network.diversity_depth import DiversityDepthOptions
from shareconsole.spec.network.mlp import MlpOptions
from shareconsole.spec.network.resnet18 import Resnet18Options
from shareconsole.spec.network.table import Mark, NetworkTable, UnitActivations, UnitSize

__all__ = [
    "NETWORKS",
    "ConvnetOptions",
    "DiversityDepthOptions",
    "Mark",
    "MlpOptions",
    "NetworkOptions",
    "NetworkTable",
    "Resnet18Options",
    "UnitActivations",
    "UnitSize",
]

NetworkOptions = Annotated[
    ConvnetOptions | MlpOptions | Resnet18Options | DiversityDepthOptions,
    Field(discriminator="name"),
]

NETWORKS: dict[str, Entry[NetworkTable]] = {
    "convnet": Entry(
        "convnet",
        "shareconsole.networks.convnet:build_convnet",
        ConvnetOptions,
        "convolution units, then dense units",
    ),
    "mlp": Entry(
        "mlp",
        "shareconsole.networks.mlp:build_mlp",
        MlpOptions,
        "dense units on the flattened image",
    ),
    "resnet18": Entry(
        "resnet18",
        "shareconsole.networks.resnet18:build_resnet18",
        Resnet18Options,
        "a stem and eight residual blocks",
    ),
    "diversity_depth": Entry(
        "diversity_depth",
        "shareconsole.networks.diversity_depth:build_diversity_depth",
        DiversityDepthOptions,
        "layers of parallel components of several kinds",
    ),
}
