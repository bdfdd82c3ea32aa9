"""The networks a preset can name, their options, and the sizes that follow from them.

A network is a chain of units followed by one linear head per task. Each unit is marked ``shared``
(one copy for all tasks), ``routed`` (the method decides) or ``task`` (one copy per task).
"""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import Issue, Table, option

Mark = Literal["shared", "routed", "task"]
Width = Annotated[int, Field(ge=1, le=8192)]
# TOML has arrays, a frozen model has tuples: strict mode would refuse the one for the other.
Widths = Annotated[tuple[Width, ...], Field(strict=False, max_length=100)]
Marks = Annotated[tuple[Mark, ...], Field(strict=False, max_length=100)] | Mark

_SHARING = (
    'who has the unit\'s weights: "shared" (all tasks), "routed" (the method decides) or "task" '
    "(each its own); one word for all units or a list with one per unit"
)


class UnitSize(NamedTuple):
    """One unit of a network.

    Attributes:
        name: ``conv1``, ``dense1`` and so on, counted from 1 within its kind.
        sharing: its mark.
        parameters: trainable numbers in one copy.
    """

    name: str
    sharing: Mark
    parameters: int


class NetworkTable(Table):
    """What the checks need to know of any network without asking which one it is."""

    name: str

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        raise NotImplementedError

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        raise NotImplementedError

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together, or not with images of ``input_shape`` [C, H, W]."""
        raise NotImplementedError


def _marks(marks: tuple[Mark, ...] | Mark, count: int) -> tuple[Mark, ...]:
    return (marks,) * count if isinstance(marks, str) else marks


def _mark_issues(key: str, marks: tuple[Mark, ...] | Mark, count: int) -> list[Issue]:
    if isinstance(marks, str) or len(marks) == count:
        return []
    return [
        Issue(
            (key,),
            f"has {len(marks)} marks for {count} units",
            f'a list of {count}, or one of "shared", "routed", "task"',
        )
    ]


def _dense_units(widths: tuple[int, ...], marks: tuple[Mark, ...], features: int) -> list[UnitSize]:
    units = []
    for number, (width, mark) in enumerate(zip(widths, marks, strict=True), start=1):
        units.append(UnitSize(f"dense{number}", mark, features * width + width))
        features = width
    return units


class ConvnetOptions(NetworkTable):
    """Convolution units (3x3 conv, batch norm, ReLU, 2x2 max pool), then dense units (ReLU)."""

    name: Literal["convnet"] = option("the network", unit="name")
    conv: Widths = option(
        "output channels of each convolution unit; each unit halves the image, rounded down",
        unit="channels",
        default=(16, 32),
    )
    conv_sharing: Marks = option(_SHARING, unit="name", default="routed")
    dense: Widths = option("width of each dense unit", unit="features", default=(32,))
    dense_sharing: Marks = option(_SHARING, unit="name", default="routed")
    final_pool: Literal["flatten", "average"] = option(
        'what follows the last convolution unit: "flatten" keeps every pixel, "average" takes the '
        "mean over the image",
        unit="name",
        default="flatten",
    )

    @property
    def conv_marks(self) -> tuple[Mark, ...]:
        """The mark of each convolution unit."""
        return _marks(self.conv_sharing, len(self.conv))

    @property
    def dense_marks(self) -> tuple[Mark, ...]:
        """The mark of each dense unit."""
        return _marks(self.dense_sharing, len(self.dense))

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        units = []
        channels = input_shape[0]
        for number, (width, mark) in enumerate(
            zip(self.conv, self.conv_marks, strict=True), start=1
        ):
            units.append(UnitSize(f"conv{number}", mark, 9 * channels * width + 2 * width))
            channels = width
        flat = self._flat_features(input_shape)
        return (*units, *_dense_units(self.dense, self.dense_marks, flat))

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        return self.dense[-1] if self.dense else self._flat_features(input_shape)

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together, or not with images of ``input_shape`` [C, H, W]."""
        found = _mark_issues("conv_sharing", self.conv_sharing, len(self.conv))
        found += _mark_issues("dense_sharing", self.dense_sharing, len(self.dense))
        if not self.conv and not self.dense:
            found.append(Issue(("conv",), "the network has no unit", "conv or dense lists one"))
        _, height, width = input_shape
        # Each unit halves the smaller side: n units need 2**n pixels.
        most = min(height, width).bit_length() - 1
        if len(self.conv) > most:
            found.append(
                Issue(
                    ("conv",),
                    f"{len(self.conv)} units halve {height}x{width} images to nothing",
                    f"at most {most} units",
                )
            )
        if self.final_pool == "average" and not self.conv:
            found.append(
                Issue(
                    ("final_pool",), '"average" needs a convolution unit', '"flatten" without one'
                )
            )
        return found

    def _flat_features(self, input_shape: tuple[int, ...]) -> int:
        channels, height, width = input_shape
        channels = self.conv[-1] if self.conv else channels
        if self.final_pool == "average":
            return channels
        return channels * (height >> len(self.conv)) * (width >> len(self.conv))


class MlpOptions(NetworkTable):
    """Dense units (ReLU) on the flattened image."""

    name: Literal["mlp"] = option("the network", unit="name")
    widths: Widths = option("width of each dense unit", unit="features", default=(64, 64))
    sharing: Marks = option(_SHARING, unit="name", default="routed")

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The mark of each unit."""
        return _marks(self.sharing, len(self.widths))

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        return tuple(_dense_units(self.widths, self.marks, prod(input_shape)))

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        return self.widths[-1]

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together."""
        found = _mark_issues("sharing", self.sharing, len(self.widths))
        if not self.widths:
            found.append(Issue(("widths",), "the network has no unit", "at least one width"))
        return found


NetworkOptions = Annotated[ConvnetOptions | MlpOptions, Field(discriminator="name")]

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
}
