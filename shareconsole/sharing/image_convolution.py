"""The convolution that reads the images: its batch statistics without a pass over its outputs.

Nobody asks for the gradient of images, and a patch of them has far fewer entries than the
convolution has channels. So the patches are centred instead of the outputs, which then have mean
zero, and everything else that batch-norm needs of the outputs follows from the covariance of the
patches: the variance of channel o is m_o' cov m_o, and the part of the kernels' gradient that goes
through the statistics is a multiple of cov m_o. That leaves two passes over the outputs, which are
written and pooled, where there were six, and two of nine in the backward pass; the rest is exact
algebra.

The covariance is kept in float64 whatever the type of the images. Where a kernel looks for faint
texture on images that differ in brightness, m' cov m is a small difference of large numbers: in
float32 it would lose the digits that centred outputs have.

Shapes: R rows, P entries of a patch and G modules in use as in `column_convolution`, otherwise as
in `layout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from shareconsole.sharing.column_convolution import (
    Patches,
    as_matrices,
    gradient_of_kernels,
    in_patches,
    multiply,
    patches,
)
from shareconsole.sharing.layout import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from shareconsole.sharing.layout import Layout

_AT_ONCE = 2**19
"""Numbers that are copied to float64 at one time, which stay in the processor's cache."""


class Convolved(NamedTuple):
    """What a convolution of images leaves.

    Attributes:
        outputs: [N * B, C, H, W], each channel of a node with mean zero.
        mean_N1C: What was taken away from them.
        variance_N1C: Their biased variance.
        patches_RP: The patches, each entry of a node with mean zero.
        spread_NPC: Covariance of a node's patches times the kernels of its module.
    """

    outputs: Tensor
    mean_N1C: Tensor
    variance_N1C: Tensor
    patches_RP: Tensor
    spread_NPC: Tensor


def suits(layer: nn.Module, x: Tensor) -> bool:
    """Whether a convolution of the images x [N * B, C, H, W] is better computed here.

    With more than half as many entries as channels, as for images in colour, keeping the patches
    costs what is saved.
    """
    return in_patches(layer, x) and 2 * layer.weight[0].numel() <= layer.weight.shape[0]


def convolve(x: Tensor, kernels_GOChw: Tensor, padding: Sequence[int], layout: Layout) -> Convolved:
    """Convolve the images of every node by the kernels of its module."""
    matrix, *size = patches(x, kernels_GOChw.shape[3:], padding)
    centred = matrix.unflatten(0, (layout.num_nodes, -1))
    mean = centred.mean(1, keepdim=True)
    centred = centred - mean  # not in place: patches that do not overlap are the images themselves
    del matrix
    matrices = as_matrices(kernels_GOChw)
    kernels_NPO = layout.spread(matrices.flatten(1)).view(-1, *matrices.shape[1:])
    kernels_NPO = kernels_NPO.expand(layout.num_nodes, -1, -1)
    exact_NPO = kernels_NPO.double()
    spread = torch.bmm(_covariance(centred), exact_NPO)
    outputs = multiply(Patches(centred.flatten(0, 1), *size), matrices, layout)
    return Convolved(
        outputs,
        torch.bmm(mean, kernels_NPO),
        # Rounding can leave a channel that never varies a hair below zero.
        (spread * exact_NPO).sum(1, keepdim=True).clamp_(min=0).to(x.dtype),
        centred.flatten(0, 1),
        spread.to(x.dtype),
    )


def _covariance(centred_NVP: Tensor) -> Tensor:
    """[N, P, P] in float64, of entries whose mean is zero; few nodes at a time are copied."""
    _, count, entries = centred_NVP.shape
    parts = []
    for part in centred_NVP.split(max(1, _AT_ONCE // (count * entries))):
        exact = part.double()
        parts.append(torch.bmm(exact.transpose(1, 2), exact))
    return join(parts).div_(count)


def gradient(
    flow: Tensor, along_N1C: Tensor, patches_RP: Tensor, spread_NPC: Tensor, layout: Layout
) -> Tensor:
    """The gradient [G, P, C] of the kernels' matrices through batch-norm.

    Args:
        flow: Gradient [N * B, C, H, W] of the outputs where the statistics are held still.
        along_N1C: What the statistics take off it, as a multiple of the outputs' covariance.
        patches_RP: As `convolve` left them.
        spread_NPC: Likewise.
        layout: The nodes.
    """
    through = layout.collect((spread_NPC * along_N1C).flatten(1).unsqueeze(1))
    direct = gradient_of_kernels(flow, patches_RP, layout)
    return direct.sub_(through.view(direct.shape))
