"""Layers over many nodes at once, each node normalised by the statistics of its own batch.

Shapes as in `layout`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import batch_norm, conv2d, linear

from shareconsole.sharing import column_convolution
from shareconsole.sharing.layout import by_node, from_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor, nn

    from shareconsole.sharing.layout import Layout

    Norm = nn.BatchNorm1d | nn.BatchNorm2d


def add_gradients(parameters: Sequence[Tensor], gradients: Iterable[Tensor]) -> None:
    """Add to the gradients of some parameters, as torch does at the end of its graph.

    One by one through the graph the many small ones of all modules take longer than they took to
    compute. Each must lie in memory as its parameter does, which torch sees to there and the fused
    optimisers take for granted. Hooks of parameters are not called, and `torch.autograd.grad` by
    parameters finds nothing.
    """
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if parameter.grad is None:
            parameter.grad = gradient
        else:
            parameter.grad += gradient


def pool_2x2(x: Tensor) -> Tensor:
    """2x2 max-pooling without gradient, bitwise equal to torch's; an odd last row or column drops.

    The maximum of strided views is vectorised; torch's kernel also keeps track of indices.

    Raises:
        ValueError: The images are too small.
    """
    rows, columns = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    if not rows or not columns:
        raise ValueError(f"images of {x.shape[2]}x{x.shape[3]} cannot be pooled 2x2")
    tall = torch.maximum(x[:, :, 0:rows:2], x[:, :, 1:rows:2])
    return torch.maximum(tall[..., 0:columns:2], tall[..., 1:columns:2])


def folded_affine(
    layers: Sequence[nn.Conv2d | nn.Linear], norms: Sequence[Norm]
) -> tuple[Tensor, Tensor]:
    """What the outputs of layers without their biases are multiplied by and what is added.

    That is all that batch-norm in eval mode does. Layers and norms of G modules; returns the
    scales and the biases, each [G, C].
    """
    means, variances = (
        torch.stack([cast("Tensor", getattr(norm, name)) for norm in norms])
        for name in ("running_mean", "running_var")
    )
    scale = torch.stack([norm.weight for norm in norms]) * variances.add_(norms[0].eps).rsqrt_()
    if layers[0].bias is not None:
        means -= torch.stack([cast("Tensor", layer.bias) for layer in layers])
    return scale, torch.stack([norm.bias for norm in norms]).addcmul_(means, scale, value=-1)


def folded_forward(
    layers: Sequence[nn.Conv2d | nn.Linear],
    norms: Sequence[Norm],
    x: Tensor,
    layout: Layout,
    multiply: torch.dtype | None = None,
) -> list[Tensor]:
    """Outputs of layers followed by batch-norm in eval mode as one layer; parts in order.

    Args:
        layers: The layer of each of the G modules.
        norms: What follows it.
        x: Inputs of all nodes.
        layout: Which are whose.
        multiply: The type that convolutions multiply in, if not that of `x`.
    """
    scale, bias = folded_affine(layers, norms)
    first = layers[0]
    if multiply is None and column_convolution.suits(first, x, len(layers)):
        assert isinstance(first, torch.nn.Conv2d)
        weight = torch.stack([layer.weight for layer in layers]) * scale[:, :, None, None, None]
        assert not isinstance(first.padding, str)
        found = column_convolution.patches(x, first.kernel_size, first.padding)
        matrices = column_convolution.as_matrices(weight)
        return [column_convolution.multiply(found, matrices, layout, bias)]
    outputs: list[Tensor] = []
    for g, (layer, part) in enumerate(zip(layers, layout.split(x), strict=True)):
        if isinstance(layer, torch.nn.Linear):
            outputs.append(linear(part, layer.weight * scale[g].view(-1, 1), bias[g]))
        else:
            weight = layer.weight * scale[g].view(-1, 1, 1, 1)
            outputs.append(convolve(layer, part, weight, bias[g], multiply))
    return outputs


def convolve(
    layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None, multiply: torch.dtype | None
) -> Tensor:
    """Outputs of a convolution like `layer` with other weights, multiplied in another type."""
    if multiply is not None:
        operands = (
            x.to(multiply),
            weight.to(multiply),
            None if bias is None else bias.to(multiply),
        )
    else:
        operands = (x, weight, bias)
    y = conv2d(*operands, layer.stride, layer.padding, layer.dilation, layer.groups)
    return y.to(x.dtype)


def normalise(norm: Norm, x: Tensor) -> Tensor:
    """Outputs of `norm` in eval mode, whatever mode it is in."""
    return batch_norm(
        x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps
    )


def variance_of_centred(centred_NVC: Tensor) -> Tensor:
    """Biased variance [N, 1, C] of values whose mean is zero.

    Raises:
        ValueError: V is 1, so that there is no variance.
    """
    count = centred_NVC.shape[1]
    if count < 2:
        raise ValueError("batch-norm needs more than one value per channel to train")
    return (centred_NVC * centred_NVC).sum(1, keepdim=True).div_(count)


def unbiased_variance(variance_N1C: Tensor, count: int) -> Tensor:
    """The unbiased variance [N, C] of `count` values from their biased one."""
    return variance_N1C[:, 0] * (count / (count - 1))


class NodeBatchNorm(torch.autograd.Function):
    """Batch-norm in train mode, each node by the statistics of its own values.

    Arguments: x [N * B, C, H, W] or [N * B, C], a weight of any of the layers, layout, then the
    layers of the G modules in use. Returns the output, and without gradient the mean [N, C] and the
    unbiased variance [N, C]. The gradients of the layers are added to them; the one weight among
    the arguments tells torch that there are some.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, layout: Layout, norms: Sequence[Norm]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        del weight
        values = by_node(x, layout.num_nodes)
        mean = values.mean(1, keepdim=True)
        centred = values - mean
        variance = variance_of_centred(centred)
        inverse = torch.rsqrt(variance + norms[0].eps)
        scale = inverse * layout.spread(torch.stack([norm.weight for norm in norms]))
        biases = layout.spread(torch.stack([norm.bias for norm in norms]))
        output = torch.addcmul(biases, centred, scale)
        ctx.save_for_backward(centred, inverse, scale)
        ctx.layout, ctx.norms = layout, norms
        mean, unbiased = mean[:, 0], unbiased_variance(variance, centred.shape[1])
        ctx.mark_non_differentiable(mean, unbiased)
        return from_nodes(output, x), mean, unbiased

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of x; those of the layers are added to them."""
        centred, inverse, scale = ctx.saved_tensors
        count = centred.shape[1]
        flow = by_node(gradients[0], ctx.layout.num_nodes)
        total = flow.sum(1, keepdim=True)
        along = (flow * centred).sum(1, keepdim=True).mul_(inverse)
        moved = torch.addcmul(scale * total / -count, centred, scale * inverse * along / -count)
        dx = from_nodes(moved.addcmul_(flow, scale), gradients[0])
        add_gradients([norm.weight for norm in ctx.norms], ctx.layout.collect(along))
        add_gradients([norm.bias for norm in ctx.norms], ctx.layout.collect(total))
        return dx, None, None, None


class GroupedLinear(torch.autograd.Function):
    """A linear layer per module, each over the rows of its own nodes.

    Arguments: x [N * B, F], a weight of any of the layers, layout, then the layers of the G modules
    in use, of O_g outputs and with biases. Returns [N * B, max O_g]; where a module has fewer
    outputs the rest is minus infinity, so that a softmax gives it nothing. The gradients of the
    layers are added to them; the one weight among the arguments tells torch that there are some.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, layout: Layout, layers: Sequence[nn.Linear]
    ) -> Tensor:
        """See the class."""
        del weight
        # Saved, so that torch notices weights that moved before the gradient is taken.
        ctx.save_for_backward(x, *[layer.weight for layer in layers])
        ctx.layout, ctx.layers = layout, layers
        return grouped_linear(x, layout, layers)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of x; those of the layers are added to them."""
        layout = ctx.layout
        x, *weights = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        places = layout.split(dx) if dx is not None else [None] * len(weights)
        parts = zip(layout.split(gradients[0]), layout.split(x), weights, places, strict=True)
        dweights: list[Tensor] = []
        dbiases: list[Tensor] = []
        for flow, part, weight, place in parts:
            used = flow[:, : weight.shape[0]]
            dweights.append(used.T @ part)
            dbiases.append(used.sum(0))
            if place is not None:
                torch.mm(used, weight, out=place)
        add_gradients([layer.weight for layer in ctx.layers], dweights)
        add_gradients([layer.bias for layer in ctx.layers], dbiases)
        return dx, None, None, None


def grouped_linear(x: Tensor, layout: Layout, layers: Sequence[nn.Linear]) -> Tensor:
    """`GroupedLinear` without gradient."""
    weights = [layer.weight for layer in layers]
    biases = [layer.bias for layer in layers]
    widths = {weight.shape[0] for weight in weights}
    if len(weights) == 1:
        return torch.addmm(biases[0], x, weights[0].T)
    output = x.new_empty((x.shape[0], max(widths)))
    if len(widths) > 1:
        output.fill_(-torch.inf)
    parts = zip(layout.split(x), layout.split(output), weights, biases, strict=True)
    for part, place, weight, bias in parts:
        torch.addmm(bias, part, weight.T, out=place[:, : weight.shape[0]])
    return output
