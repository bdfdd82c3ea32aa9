"""Convolution, batch-norm, ReLU and 2x2 max-pool of many nodes as one differentiable operation.

Shapes as in `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

from shareconsole.sharing import image_convolution
from shareconsole.sharing.column_convolution import (
    as_kernels,
    as_matrices,
    gradient_of_input,
    gradient_of_kernels,
    multiply,
    patches,
)
from shareconsole.sharing.kernels import add_gradients, unbiased_variance, variance_of_centred
from shareconsole.sharing.layout import by_node, from_nodes, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from shareconsole.sharing.column_convolution import Patches
    from shareconsole.sharing.kernels import Norm
    from shareconsole.sharing.layout import Layout

_MAX_POOL = torch.ops.aten.max_pool2d_with_indices
_MAX_POOL_BACKWARD = torch.ops.aten.max_pool2d_with_indices_backward
_CONV_BACKWARD = torch.ops.aten.convolution_backward
_RELU_BACKWARD = torch.ops.aten.threshold_backward


@dataclass(frozen=True)
class ConvSettings:
    """What the convolutions of a unit have in common, in torch's terms.

    `multiply` is the type that convolutions multiply in, where that is not the type of the images;
    `way` is who computes them: torch's library, `column_convolution` or `image_convolution`.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    eps: float
    multiply: torch.dtype | None = None
    way: Literal["library", "patches", "images"] = "library"


class ConvUnit(torch.autograd.Function):
    """Convolution without bias, batch-norm by node, ReLU and 2x2 max-pool, in train mode.

    Pooling comes first here: it commutes exactly with ReLU, and with the affine map of batch-norm
    where its scale is positive, so that everything after it works on a quarter of the values. A
    channel with a negative scale has its convolution negated, which makes the scale positive and
    changes no other bit. Where a scale is exactly zero, its own gradient is that of the largest of
    a window's values instead of the first.

    Arguments: x, a weight of any of the layers, layout, settings, then the convolutions and the
    batch-norm layers of the G modules in use. Returns the output, and without gradient the mean
    [N, C] and the unbiased variance [N, C] of the values before normalisation. The gradients of the
    layers are added to them; the one weight among the arguments tells torch that there are some.
    With `settings.way` "images" x has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        layout: Layout,
        settings: ConvSettings,
        convs: Sequence[nn.Conv2d],
        norms: Sequence[Norm],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        del weight
        weight_GC = torch.stack([norm.weight for norm in norms])
        bias_GC = torch.stack([norm.bias for norm in norms])
        sign_GC = torch.ones_like(weight_GC).copysign_(weight_GC)
        kernels = torch.stack([conv.weight for conv in convs])
        kernels.mul_(sign_GC[:, :, None, None, None])
        beside: list[Tensor] = []
        if settings.way == "images":
            y, mean, variance, *beside = image_convolution.convolve(
                x, kernels, settings.padding, layout
            )
            count = len(y) // layout.num_nodes * y.shape[2] * y.shape[3]
        else:
            found, mean, y = _convolve_and_centre(x, kernels, layout, settings)
            centred = by_node(y, layout.num_nodes)
            variance, count = variance_of_centred(centred), centred.shape[1]
            # For the kernels' gradient: the images or, where there are, their patches.
            beside = [x if found is None else found.matrix_RP]
        peaks, indices = _MAX_POOL(y, [2, 2], [2, 2])
        inverse = torch.rsqrt(variance + settings.eps)
        scale = inverse * layout.spread(weight_GC.abs())
        pooled = by_node(peaks, layout.num_nodes)
        output = torch.addcmul(layout.spread(bias_GC), pooled, scale).relu_()
        ctx.save_for_backward(kernels, sign_GC, y, inverse, scale, peaks, indices, output, *beside)
        ctx.layout, ctx.settings = layout, settings
        ctx.convs, ctx.norms = convs, norms
        mean = (mean * layout.spread(sign_GC))[:, 0]
        unbiased = unbiased_variance(variance, count)
        ctx.mark_non_differentiable(mean, unbiased)
        return from_nodes(output, peaks), mean, unbiased

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of x; those of the layers are added to them."""
        layout, settings = ctx.layout, ctx.settings
        kernels, sign_GC, y, inverse, scale, peaks, indices, output, *beside = ctx.saved_tensors
        flow = _RELU_BACKWARD(by_node(gradients[0], layout.num_nodes), output, 0)
        total = flow.sum(1, keepdim=True)
        along = (flow * by_node(peaks, layout.num_nodes)).sum(1, keepdim=True).mul_(inverse)
        spread = _MAX_POOL_BACKWARD(
            from_nodes(flow.mul_(scale), peaks), y, [2, 2], [2, 2], [0, 0], [1, 1], False, indices
        )
        dx = None
        if settings.way == "images":
            patches_RP, spread_NPC = beside
            matrices = image_convolution.gradient(
                spread, scale * inverse * along, patches_RP, spread_NPC, layout
            )
            dkernels = as_kernels(matrices, kernels.shape[3:])
        else:
            centred = by_node(y, layout.num_nodes)
            moved = by_node(spread, layout.num_nodes)
            per_value = scale / -centred.shape[1]
            moved.addcmul_(centred, (per_value * inverse).mul_(along))
            moved.add_(per_value.mul_(total))
            (source,) = beside
            backward = _backward_by_patches if settings.way == "patches" else _backward_by_module
            dx, dkernels = backward(
                from_nodes(moved, y), source, kernels, layout, settings, ctx.needs_input_grad[0]
            )
        # Contiguous, as the weights are, whatever order they were computed in.
        of_kernels = torch.mul(
            dkernels, sign_GC[:, :, None, None, None], out=torch.empty_like(kernels)
        )
        add_gradients([conv.weight for conv in ctx.convs], of_kernels)
        add_gradients([norm.weight for norm in ctx.norms], layout.collect(along).mul_(sign_GC))
        add_gradients([norm.bias for norm in ctx.norms], layout.collect(total))
        return dx, None, None, None, None, None


def _convolve(x: Tensor, kernel: Tensor, settings: ConvSettings) -> Tensor:
    a, b = (
        (x, kernel) if settings.multiply is None else (t.to(settings.multiply) for t in (x, kernel))
    )
    y = conv2d(a, b, None, settings.stride, settings.padding, settings.dilation, settings.groups)
    return y.to(x.dtype).contiguous(memory_format=torch.channels_last)


def _convolve_and_centre(
    x: Tensor, kernels: Tensor, layout: Layout, settings: ConvSettings
) -> tuple[Patches | None, Tensor, Tensor]:
    """Convolve each module's nodes and subtract each node's mean.

    Returns:
        The patches where they were used, the mean [N, 1, C] and the centred values [N * B, ...].
    """
    if settings.way == "patches":
        found = patches(x, kernels.shape[3:], settings.padding)
        whole = multiply(found, as_matrices(kernels), layout)
        values = by_node(whole, layout.num_nodes)
        mean = values.mean(1, keepdim=True)
        values.sub_(mean)
        return found, mean, whole
    parts = layout.split(x)
    first = _convolve(parts[0], kernels[0], settings)
    if len(parts) == 1:
        values = by_node(first, layout.num_nodes)
        mean = values.mean(1, keepdim=True)
        return None, mean, from_nodes(values.sub_(mean), first)
    # Centring is also what brings the parts together, so joining them costs no pass of its own.
    whole = first.new_empty((len(x), *first.shape[2:], first.shape[1])).permute(0, 3, 1, 2)
    means: list[Tensor] = []
    for g, (part, place) in enumerate(zip(parts, layout.split(whole), strict=True)):
        y = first if g == 0 else _convolve(part, kernels[g], settings)
        values = by_node(y, layout.nodes[g])
        means.append(values.mean(1, keepdim=True))
        torch.sub(values, means[g], out=by_node(place, layout.nodes[g]))
    return None, torch.cat(means), whole


def _backward_by_patches(
    flow: Tensor,
    matrix_RP: Tensor,
    kernels: Tensor,
    layout: Layout,
    settings: ConvSettings,
    needs_x: bool,
) -> tuple[Tensor | None, Tensor]:
    size = kernels.shape[3:]
    gradient = as_kernels(gradient_of_kernels(flow, matrix_RP, layout), size)
    if not needs_x:
        return None, gradient
    return gradient_of_input(flow, kernels, settings.padding, layout), gradient


def _backward_by_module(
    flow: Tensor,
    x: Tensor,
    kernels: Tensor,
    layout: Layout,
    settings: ConvSettings,
    needs_x: bool,
) -> tuple[Tensor | None, Tensor]:
    parts = zip(layout.split(flow), layout.split(x), kernels.unbind(), strict=True)
    found = [_convolve_backward(*part, settings, needs_x) for part in parts]
    dx = join([part for part, _ in found]) if needs_x else None
    return dx, torch.stack([kernel for _, kernel in found])


def _convolve_backward(
    flow: Tensor, x: Tensor, kernel: Tensor, settings: ConvSettings, needs_x: bool
) -> tuple[Tensor, Tensor]:
    stride, padding, dilation = settings.stride, settings.padding, settings.dilation
    mask = [needs_x, True, False]
    operands = [flow, x, kernel]
    if settings.multiply is not None:
        operands = [operand.to(settings.multiply) for operand in operands]
    dx, dkernel, _ = _CONV_BACKWARD(
        *operands, None, stride, padding, dilation, False, [0, 0], settings.groups, mask
    )
    return dx.to(x.dtype) if needs_x else dx, dkernel.to(x.dtype)
