"""Options of residual networks with eight blocks of two convolutions."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.network.dense import dense_activations
from shareconsole.spec.network.table import (
    SHARING,
    Mark,
    Marks,
    NetworkTable,
    UnitActivations,
    UnitSize,
    each,
    mark_issues,
)

NUM_BLOCKS = 8
_NUM_STAGES = 4
_BLOCKS_PER_STAGE = NUM_BLOCKS // _NUM_STAGES

Stride = Annotated[int, Field(ge=1, le=4)]
Strides = Annotated[
    tuple[Stride, ...], Field(strict=False, min_length=_NUM_STAGES, max_length=_NUM_STAGES)
]


class BlockSizes(NamedTuple):
    """One residual block for images of a certain size.

    Attributes:
        channels: it reads.
        width: channels it hands on.
        stride: of its first convolution and of its shortcut.
        pixels_in: of its input.
        pixels_out: of its output.
    """

    channels: int
    width: int
    stride: int
    pixels_in: int
    pixels_out: int

    @property
    def projects(self) -> bool:
        """Whether the shortcut has to change the shape."""
        return self.stride != 1 or self.channels != self.width


class Resnet18Options(NetworkTable):
    """A stem convolution, four stages of two residual blocks, the mean over the image."""

    name: Literal["resnet18"] = option("the network", unit="name")
    width: int = option(
        "channels of the stem and of the first stage; each further stage has twice as many",
        unit="channels",
        default=64,
        ge=1,
        le=1024,
    )
    stem_stride: int = option("stride of the stem", unit="pixels", default=1, ge=1, le=4)
    strides: Strides = option(
        "stride of the first block of each stage", unit="pixels", default=(1, 2, 2, 2)
    )
    stem_sharing: Mark = option(
        'who has the stem\'s weights: "shared", "routed" or "task"', unit="name", default="shared"
    )
    block_sharing: Marks = option(SHARING, unit="name", default="routed")

    @property
    def block_marks(self) -> tuple[Mark, ...]:
        """The mark of each block."""
        return each(self.block_sharing, NUM_BLOCKS)

    def blocks(self, input_shape: tuple[int, ...]) -> tuple[BlockSizes, ...]:
        """Return the sizes of the blocks, for images of ``input_shape`` [C, H, W]."""
        _, rows, columns = _strided(input_shape, self.stem_stride)
        channels = self.width
        found = []
        for number in range(NUM_BLOCKS):
            stage, place = divmod(number, _BLOCKS_PER_STAGE)
            width = self.width << stage
            stride = self.strides[stage] if place == 0 else 1
            before = rows * columns
            _, rows, columns = _strided((width, rows, columns), stride)
            found.append(BlockSizes(channels, width, stride, before, rows * columns))
            channels = width
        return tuple(found)

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        stem = 9 * input_shape[0] * self.width + 2 * self.width
        units = [UnitSize("stem", self.stem_sharing, stem)]
        blocks = zip(self.blocks(input_shape), self.block_marks, strict=True)
        for number, (block, mark) in enumerate(blocks, start=1):
            weights = 9 * block.width * (block.channels + block.width) + 4 * block.width
            if block.projects:
                weights += block.channels * block.width + 2 * block.width
            units.append(UnitSize(f"block{number}", mark, weights))
        return tuple(units)

    def work(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the multiply-adds that one image costs in each unit; see ``NetworkTable``."""
        blocks = self.blocks(input_shape)
        found = [9 * input_shape[0] * self.width * blocks[0].pixels_in]
        for block in blocks:
            read = 9 * (block.channels + block.width) + (block.channels if block.projects else 0)
            found.append(read * block.width * block.pixels_out)
        return tuple(found)

    def activations(
        self, input_shape: tuple[int, ...], num_classes: int
    ) -> tuple[UnitActivations, ...]:
        """Return what one image brings to each unit and to a head; see ``NetworkTable``."""
        blocks = self.blocks(input_shape)
        channels, rows, columns = input_shape
        # A convolution keeps its input, a normalisation what it read, a ReLU what it made of that.
        layers = [2, *(5 if block.projects else 4 for block in blocks)]
        sizes = [self.width * blocks[0].pixels_in, *(b.width * b.pixels_out for b in blocks)]
        inputs = [channels * rows * columns, *sizes]
        found = [
            UnitActivations(
                before,
                before,
                values,
                values,
                kept=count * values,
                # With it predictions were 0.93 to 1.06 of what four sizes of presets took.
                passing=(count - 2) * values,
            )
            for (before, values), count in zip(pairwise(inputs), layers, strict=True)
        ]
        features = self.features(input_shape)
        return (*found, *dense_activations((num_classes,), sizes[-1], features, copies=False))

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        return self.width << _NUM_STAGES - 1

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together; an image of one pixel is enough."""
        return mark_issues("block_sharing", self.block_sharing, NUM_BLOCKS)


def _strided(shape: tuple[int, ...], stride: int) -> tuple[int, int, int]:
    """Return the shape after a 3x3 convolution with padding 1, or one of 1x1 with none."""
    channels, rows, columns = shape
    return channels, -(-rows // stride), -(-columns // stride)
