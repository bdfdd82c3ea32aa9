"""Options of plain convolutional networks."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.network.dense import dense_activations, dense_units, dense_work
from shareconsole.spec.network.table import (
    MOST_UNITS,
    SHARING,
    Mark,
    Marks,
    NetworkTable,
    UnitActivations,
    UnitSize,
    Widths,
    count_issues,
    each,
    mark_issues,
)

Kernel = Annotated[int, Field(ge=1, le=63)]
Kernels = Annotated[tuple[Kernel, ...], Field(strict=False, max_length=MOST_UNITS)] | Kernel
Pool = Literal["max", "average", "none"]
Pools = Annotated[tuple[Pool, ...], Field(strict=False, max_length=MOST_UNITS)] | Pool
Dropped = Annotated[float, Field(ge=0, lt=1)]
Dropouts = Annotated[tuple[Dropped, ...], Field(strict=False, max_length=MOST_UNITS)] | Dropped


class ConvSizes(NamedTuple):
    """One convolution unit for images of a certain size.

    Attributes:
        channels: it reads.
        width: channels it computes.
        kernel: rows and columns of its kernel.
        rows_in: of its input.
        columns_in: likewise.
        rows: of what the convolution computes.
        columns: likewise.
        rows_out: of what it hands on, after pooling.
        columns_out: likewise.
    """

    channels: int
    width: int
    kernel: int
    rows_in: int
    columns_in: int
    rows: int
    columns: int
    rows_out: int
    columns_out: int

    @property
    def inputs(self) -> int:
        """Numbers that one image brings to it."""
        return self.channels * self.rows_in * self.columns_in

    @property
    def values(self) -> int:
        """Numbers that the convolution computes from them."""
        return self.width * self.rows * self.columns

    @property
    def outputs(self) -> int:
        """Numbers that the unit hands on."""
        return self.width * self.rows_out * self.columns_out


class ConvnetOptions(NetworkTable):
    """Convolution units (conv, batch norm, ReLU, 2x2 pool as they come), then dense units."""

    unit_lists = (
        ("conv", ("conv_sharing", "conv_kernel", "conv_pool", "conv_dropout")),
        ("dense", ("dense_sharing",)),
    )

    name: Literal["convnet"] = option("the network", unit="name")
    conv: Widths = option(
        "output channels of each convolution unit; each unit halves the image, rounded down",
        unit="channels",
        default=(16, 32),
    )
    conv_sharing: Marks = option(SHARING, unit="name", default="routed")
    conv_kernel: Kernels = option(
        "rows and columns of the kernels; one number for all convolution units or a list with one "
        "per unit",
        unit="pixels",
        default=3,
    )
    conv_pool: Pools = option(
        'what halves the image after each convolution unit: "max" or "average" over 2x2 pixels, or '
        '"none", which leaves it as it is; one word for all or a list with one per unit',
        unit="name",
        default="max",
    )
    conv_dropout: Dropouts = option(
        "chance in training that a channel of a convolution unit becomes zero; one number for all "
        "or a list with one per unit",
        unit="fraction",
        default=0.0,
    )
    padding: Literal["same", "none"] = option(
        'what surrounds the image in a convolution: zeros, so that it keeps its size ("same"), or '
        '"none", so that it loses the kernel size less one',
        unit="name",
        default="same",
    )
    norm: Literal["batch", "group", "none"] = option(
        "what normalises each convolution's channels; without one the convolutions have a bias",
        unit="name",
        default="batch",
    )
    groups: int = option(
        'groups of channels that norm = "group" normalises together',
        unit="groups",
        default=4,
        ge=1,
        le=8192,
    )
    activation: Literal["relu", "tanh"] = option(
        "what follows each convolution (and its normalisation) and each dense layer",
        unit="name",
        default="relu",
    )
    dense: Widths = option("width of each dense unit", unit="features", default=(32,))
    dense_sharing: Marks = option(SHARING, unit="name", default="routed")
    final_pool: Literal["flatten", "average"] = option(
        'what follows the last convolution unit: "flatten" keeps every pixel, "average" takes the '
        "mean over the image",
        unit="name",
        default="flatten",
    )
    dropout: float = option(
        "chance in training that a feature becomes zero before a head reads it",
        unit="fraction",
        default=0.0,
        ge=0,
        lt=1,
    )

    @property
    def conv_marks(self) -> tuple[Mark, ...]:
        """The mark of each convolution unit."""
        return each(self.conv_sharing, len(self.conv))

    @property
    def dense_marks(self) -> tuple[Mark, ...]:
        """The mark of each dense unit."""
        return each(self.dense_sharing, len(self.dense))

    @property
    def pools(self) -> tuple[Pool, ...]:
        """What pools in each convolution unit."""
        return each(self.conv_pool, len(self.conv))

    @property
    def dropouts(self) -> tuple[float, ...]:
        """Chance of each convolution unit that a channel becomes zero."""
        return each(self.conv_dropout, len(self.conv))

    @property
    def alone(self) -> bool:
        """Whether the trie engine cannot run it: where it draws random numbers."""
        return max(self.dropout, *self.dropouts, 0.0) > 0

    def conv_sizes(self, input_shape: tuple[int, ...]) -> tuple[ConvSizes, ...]:
        """Return the sizes of the convolution units, for images of ``input_shape`` [C, H, W]."""
        channels, rows, columns = input_shape
        kernels = each(self.conv_kernel, len(self.conv))
        found = []
        for width, kernel, pool in zip(self.conv, kernels, self.pools, strict=True):
            lost = kernel - 1 if self.padding == "none" else 0
            after = rows - lost, columns - lost
            out = after if pool == "none" else (after[0] // 2, after[1] // 2)
            found.append(ConvSizes(channels, width, kernel, rows, columns, *after, *out))
            channels, rows, columns = width, *out
        return tuple(found)

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        units = []
        beside = 1 if self.norm == "none" else 2
        sizes = zip(self.conv_sizes(input_shape), self.conv_marks, strict=True)
        for number, (size, mark) in enumerate(sizes, start=1):
            weights = size.kernel**2 * size.channels * size.width
            units.append(UnitSize(f"conv{number}", mark, weights + beside * size.width))
        flat = self._flat_features(input_shape)
        return (*units, *dense_units(self.dense, self.dense_marks, flat))

    def work(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the multiply-adds that one image costs in each unit; see ``NetworkTable``."""
        found = [s.kernel**2 * s.channels * s.values for s in self.conv_sizes(input_shape)]
        return (*found, *dense_work(self.dense, self._flat_features(input_shape)))

    def activations(
        self, input_shape: tuple[int, ...], num_classes: int
    ) -> tuple[UnitActivations, ...]:
        """Return what one image brings to each unit and to a head; see ``NetworkTable``."""
        found: list[UnitActivations] = []
        plain = self.norm == "batch" and self.activation == "relu"
        sizes = self.conv_sizes(input_shape)
        for size, pool, dropout in zip(sizes, self.pools, self.dropouts, strict=True):
            kept = indices = patches = 0
            if not (plain and pool == "max" and dropout == 0):
                # Normalisation, dropout and pooling each keep what they read or make of it.
                layers = (self.norm != "none") + (dropout > 0) + (pool != "none")
                kept = layers * size.values + size.outputs
                indices = size.outputs if pool == "max" else 0
            elif not found and 2 * size.kernel**2 * size.channels <= size.width:
                patches = size.values // size.width * size.kernel**2 * size.channels
            found.append(
                UnitActivations(
                    size.inputs,
                    size.inputs,
                    size.values,
                    size.outputs,
                    kept=kept,
                    indices=indices,
                    patches=patches,
                )
            )
        channels, rows, columns = self._handed_on(input_shape)
        inputs = channels * rows * columns
        flat = self._flat_features(input_shape)
        copies = flat == inputs and channels > 1 and rows * columns > 1
        widths = (*self.dense, num_classes)
        return (*found, *dense_activations(widths, inputs, flat, copies=copies))

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        return self.dense[-1] if self.dense else self._flat_features(input_shape)

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together, or not with images of ``input_shape`` [C, H, W]."""
        count = len(self.conv)
        found = mark_issues("conv_sharing", self.conv_sharing, count)
        found += mark_issues("dense_sharing", self.dense_sharing, len(self.dense))
        found += count_issues("conv_dropout", self.conv_dropout, count, "numbers", "one number")
        sizes = count_issues("conv_kernel", self.conv_kernel, count, "numbers", "one number")
        words = 'one of "max", "average", "none"'
        sizes += count_issues("conv_pool", self.conv_pool, count, "words", words)
        found += sizes or self._shrinking_issues(input_shape)
        if not self.conv and not self.dense:
            found.append(Issue(("conv",), "the network has no unit", "conv or dense lists one"))
        if self.padding == "same" and any(k % 2 == 0 for k in each(self.conv_kernel, 1)):
            problem = 'an even kernel has no middle, which padding = "same" needs'
            found.append(Issue(("conv_kernel",), problem, 'odd numbers, or padding = "none"'))
        if self.norm == "group":
            for unit, width in enumerate(self.conv):
                if width % self.groups:
                    problem = f"{width} channels do not fall into {self.groups} groups"
                    allowed = f"a multiple of {self.groups}, or other groups"
                    found.append(Issue(("conv", unit), problem, allowed))
        if self.final_pool == "average" and not self.conv:
            found.append(
                Issue(
                    ("final_pool",), '"average" needs a convolution unit', '"flatten" without one'
                )
            )
        return found

    def _shrinking_issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        _, rows, columns = input_shape
        for number, size in enumerate(self.conv_sizes(input_shape)):
            if min(size.rows_out, size.columns_out) < 1:
                plain = self.padding == "same" and set(self.pools) == {"max"}
                verb = "halve" if plain else "shrink"
                problem = f"{len(self.conv)} units {verb} {rows}x{columns} images to nothing"
                return [Issue(("conv",), problem, f"at most {number} units")]
        return []

    def _handed_on(self, input_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return channels, rows and columns after the convolution units."""
        channels, rows, columns = input_shape
        for size in self.conv_sizes(input_shape)[-1:]:
            channels, rows, columns = size.width, size.rows_out, size.columns_out
        return channels, rows, columns

    def _flat_features(self, input_shape: tuple[int, ...]) -> int:
        channels, rows, columns = self._handed_on(input_shape)
        return channels if self.final_pool == "average" else channels * rows * columns
