"""Small convolutions of many modules as matrix products over columns of image patches.

A convolution of one node's small images is over before the library that computes it has found out
how; a matrix product starts many times sooner. The patches under every position of all nodes are
copied out once, then each module multiplies its own rows. On a CPU it pays below some five million
multiply-adds per module, above which the copies cost more than the late start.

Shapes: R rows, one per node, image and position; P = kernel height * width * C_in entries of a
patch; G modules in use; otherwise as in `layout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import torch
from torch import nn
from torch.nn.functional import pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.layout import Layout

MOST_MULTIPLY_ADDS = 4_000_000
"""Per module; measured with torch 2.13 and AVX512, one thread."""


class Patches(NamedTuple):
    """What a kernel sees at every position.

    Attributes:
        matrix_RP: [R, P]; rows by node, image, row and column of the output.
        rows: Height of the output.
        columns: Width of the output.
    """

    matrix_RP: Tensor
    rows: int
    columns: int


def in_patches(layer: nn.Module, x: Tensor) -> TypeGuard[nn.Conv2d]:
    """Whether a layer, which may be no convolution at all, is one that `patches` can take apart."""
    if not isinstance(layer, nn.Conv2d) or x.device.type != "cpu":
        return False
    if layer.groups != 1 or layer.stride != (1, 1) or layer.dilation != (1, 1):
        return False
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        return False
    height, width = layer.kernel_size
    upright, across = layer.padding
    return upright < height and across < width


def suits(layer: nn.Module, x: Tensor, modules: int) -> bool:
    """Whether G convolutions of x like this layer are better computed here.

    Args:
        layer: The layer of one module, which may be no convolution at all.
        x: [N * B, C, H, W].
        modules: G.
    """
    if not in_patches(layer, x):
        return False
    assert not isinstance(layer.padding, str)
    (height, width), (upright, across) = layer.kernel_size, layer.padding
    rows, columns = x.shape[2] + 2 * upright - height + 1, x.shape[3] + 2 * across - width + 1
    done = x.shape[0] * rows * columns * layer.weight.numel()
    return done <= modules * MOST_MULTIPLY_ADDS


def patches(x: Tensor, size: Sequence[int], padding: Sequence[int]) -> Patches:
    """The patches of x [N * B, C, H, W], for kernels of a size and with zeros around."""
    count, channels = x.shape[:2]
    height, width = size
    stored = x.permute(0, 2, 3, 1)
    around = (0, 0, padding[1], padding[1], padding[0], padding[0])
    padded = pad(stored, around) if any(padding) else stored
    rows, columns = padded.shape[1] - height + 1, padded.shape[2] - width + 1
    s_image, s_row, s_column, s_channel = padded.stride()
    if channels > 1:
        shape = (count, rows, columns, height, width, channels)
        stride = (s_image, s_row, s_column, s_row, s_column, s_channel)
        matrix = padded.as_strided(shape, stride).reshape(count * rows * columns, -1)
        return Patches(matrix, rows, columns)
    # With one channel a patch has no long run of neighbours, but a row of positions has.
    shape5 = (height, width, count, rows, columns)
    stride5 = (s_row, s_column, s_image, s_row, s_column)
    matrix = padded.as_strided(shape5, stride5).reshape(height * width, -1).T
    return Patches(matrix, rows, columns)


def as_matrices(kernels_GOChw: Tensor) -> Tensor:
    """Kernels [G, O, C, h, w] as matrices [G, P, O]."""
    modules, outputs = kernels_GOChw.shape[:2]
    return kernels_GOChw.permute(0, 3, 4, 2, 1).reshape(modules, -1, outputs)


def as_kernels(matrices_GPO: Tensor, size: Sequence[int]) -> Tensor:
    """Undo `as_matrices` for kernels of a size."""
    modules, entries, outputs = matrices_GPO.shape
    height, width = size
    shape = (modules, height, width, entries // (height * width), outputs)
    return matrices_GPO.view(shape).permute(0, 4, 3, 1, 2)


def multiply(
    patches_R: Patches, matrices_GPO: Tensor, layout: Layout, biases_GO: Tensor | None = None
) -> Tensor:
    """Convolve: [N * B, O, rows, columns] in channels-last memory."""
    matrix, rows, columns = patches_R
    outputs = matrices_GPO.shape[2]
    found = matrix.new_empty((matrix.shape[0], outputs))
    places = zip(layout.split(matrix), layout.split(found), matrices_GPO.unbind(), strict=True)
    if biases_GO is None:
        for part, place, kernel in places:
            torch.mm(part, kernel, out=place)
    else:
        for bias, (part, place, kernel) in zip(biases_GO.unbind(), places, strict=True):
            torch.addmm(bias, part, kernel, out=place)
    return found.view(-1, rows, columns, outputs).permute(0, 3, 1, 2)


def gradient_of_kernels(flow: Tensor, matrix_RP: Tensor, layout: Layout) -> Tensor:
    """The gradient [G, P, O] of the matrices, from that of the output [N * B, O, H, W]."""
    flow_RO = flow.permute(0, 2, 3, 1).reshape(-1, flow.shape[1])
    parts = zip(layout.split(matrix_RP), layout.split(flow_RO), strict=True)
    return torch.stack([torch.mm(part.T, moved) for part, moved in parts])


def gradient_of_input(
    flow: Tensor, kernels_GOChw: Tensor, padding: Sequence[int], layout: Layout
) -> Tensor:
    """The gradient of the input: a convolution of that of the output by the turned kernels."""
    size = kernels_GOChw.shape[3:]
    turned = as_matrices(kernels_GOChw.flip(3, 4).transpose(1, 2))
    around = [length - 1 - zeros for length, zeros in zip(size, padding, strict=True)]
    return multiply(patches(flow, size, around), turned, layout)
