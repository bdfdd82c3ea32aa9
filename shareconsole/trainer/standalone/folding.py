"""Batch-norm in eval mode is an affine map, which the convolution before it can do as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from torch.fx import GraphModule


def fold_batch_norm(network: nn.Module) -> GraphModule:
    """The network, in eval mode, without the batch-norm layers that follow a convolution.

    W' = W g / sqrt(v + e) and b' = (b - m) g / sqrt(v + e) + s, with mean m, variance v, scale g,
    shift s. In double precision the outcome is the same but for rounding.

    Args:
        network: In eval mode; it is left as it is.
    """
    traced = fx.symbolic_trace(network)
    layers = dict(traced.named_modules())
    for node in [*traced.graph.nodes]:
        norm = layers.get(str(node.target)) if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        before = node.args[0]
        conv = layers.get(str(before.target)) if before.op == "call_module" else None
        if not isinstance(conv, nn.Conv2d) or len(before.users) > 1:
            continue
        traced.set_submodule(str(before.target), fuse_conv_bn_eval(conv, norm))
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced
