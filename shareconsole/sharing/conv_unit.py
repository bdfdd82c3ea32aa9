"""Convolution, batch-norm, ReLU and 2x2 max-pool of many nodes as one differentiable operation.

Shapes as in `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

from shareconsole.sharing.kernels import unbiased_variance, variance_of_centred
from shareconsole.sharing.layout import by_node, from_nodes, join

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.layout import Layout

_MAX_POOL = torch.ops.aten.max_pool2d_with_indices
_MAX_POOL_BACKWARD = torch.ops.aten.max_pool2d_with_indices_backward
_CONV_BACKWARD = torch.ops.aten.convolution_backward
_RELU_BACKWARD = torch.ops.aten.threshold_backward


@dataclass(frozen=True)
class ConvSettings:
    """What the convolutions of a unit have in common, in torch's terms.

    `multiply` is the type that convolutions multiply in, where that is not the type of the images.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    eps: float
    multiply: torch.dtype | None = None


class ConvUnit(torch.autograd.Function):
    """Convolution without bias, batch-norm by node, ReLU and 2x2 max-pool, in train mode.

    Pooling comes first here: it commutes exactly with ReLU, and with the affine map of batch-norm
    where its scale is positive, so that everything after it works on a quarter of the values. A
    channel with a negative scale has its convolution negated, which makes the scale positive and
    changes no other bit. Where a scale is exactly zero, its own gradient is that of the largest of
    a window's values instead of the first.

    Arguments: x, layout, settings, then G kernels, G weights and G biases.
    Returns the output, and without gradient the mean [N, C] and the unbiased variance [N, C] of
    the values before normalisation.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, layout: Layout, settings: ConvSettings, *parameters: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        modules = len(layout.nodes)
        weight = layout.spread([*parameters[modules : 2 * modules]])
        bias = layout.spread([*parameters[2 * modules :]])
        weight_GC = torch.stack([*parameters[modules : 2 * modules]])
        sign_GC = torch.ones_like(weight_GC).copysign_(weight_GC)
        kernels = torch.stack([*parameters[:modules]]).mul_(sign_GC[:, :, None, None, None])
        mean, y = _convolve_and_centre(x, kernels, layout, settings)
        centred = by_node(y, layout.num_nodes)
        variance = variance_of_centred(centred)
        peaks, indices = _MAX_POOL(y, [2, 2], [2, 2])
        inverse = torch.rsqrt(variance + settings.eps)
        scale = inverse * weight.abs()
        output = torch.addcmul(bias, by_node(peaks, layout.num_nodes), scale).relu_()
        ctx.save_for_backward(x, kernels, sign_GC, y, inverse, scale, peaks, indices, output)
        ctx.layout, ctx.settings = layout, settings
        sign = layout.spread([*sign_GC.unbind()])
        mean, unbiased = (mean * sign)[:, 0], unbiased_variance(variance, centred.shape[1])
        ctx.mark_non_differentiable(mean, unbiased)
        return from_nodes(output, peaks), mean, unbiased

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, the kernels, the weights and the biases."""
        layout, settings = ctx.layout, ctx.settings
        x, kernels, sign_GC, y, inverse, scale, peaks, indices, output = ctx.saved_tensors
        centred = by_node(y, layout.num_nodes)
        flow = _RELU_BACKWARD(by_node(gradients[0], layout.num_nodes), output, 0)
        total = flow.sum(1, keepdim=True)
        along = (flow * by_node(peaks, layout.num_nodes)).sum(1, keepdim=True).mul_(inverse)
        spread = _MAX_POOL_BACKWARD(
            from_nodes(flow.mul_(scale), peaks), y, [2, 2], [2, 2], [0, 0], [1, 1], False, indices
        )
        moved = by_node(spread, layout.num_nodes)
        moved.addcmul_(centred, (scale * inverse).mul_(along).div_(-centred.shape[1]))
        moved.add_((scale * total).div_(-centred.shape[1]))
        parts = zip(layout.split(from_nodes(moved, y)), layout.split(x), kernels, strict=True)
        needs_x = ctx.needs_input_grad[0]
        backward = [_convolve_backward(*part, settings, needs_x) for part in parts]
        dx = join([part for part, _ in backward]) if needs_x else None
        dkernels = torch.stack([kernel for _, kernel in backward])
        dkernels.mul_(sign_GC[:, :, None, None, None])
        weights = [w.mul_(sign) for w, sign in zip(layout.collect(along), sign_GC, strict=True)]
        return dx, None, None, *dkernels.unbind(), *weights, *layout.collect(total)


def _convolve(x: Tensor, kernel: Tensor, settings: ConvSettings) -> Tensor:
    a, b = (
        (x, kernel) if settings.multiply is None else (t.to(settings.multiply) for t in (x, kernel))
    )
    y = conv2d(a, b, None, settings.stride, settings.padding, settings.dilation, settings.groups)
    return y.to(x.dtype).contiguous(memory_format=torch.channels_last)


def _convolve_and_centre(
    x: Tensor, kernels: Tensor, layout: Layout, settings: ConvSettings
) -> tuple[Tensor, Tensor]:
    """Convolve each module's nodes and subtract each node's mean; mean [N, 1, C] and result."""
    parts = layout.split(x)
    first = _convolve(parts[0], kernels[0], settings)
    if len(parts) == 1:
        values = by_node(first, layout.num_nodes)
        mean = values.mean(1, keepdim=True)
        return mean, from_nodes(values.sub_(mean), first)
    # Centring is also what brings the parts together, so joining them costs no pass of its own.
    whole = first.new_empty((len(x), *first.shape[2:], first.shape[1])).permute(0, 3, 1, 2)
    means: list[Tensor] = []
    for g, (part, place) in enumerate(zip(parts, layout.split(whole), strict=True)):
        y = first if g == 0 else _convolve(part, kernels[g], settings)
        values = by_node(y, layout.nodes[g])
        means.append(values.mean(1, keepdim=True))
        torch.sub(values, means[g], out=by_node(place, layout.nodes[g]))
    return torch.cat(means), whole


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
