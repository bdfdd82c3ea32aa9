"""How the activations of many nodes lie in one tensor.

Shapes: N nodes, B images per node, C channels, H rows, W columns, G modules in use, V values per
node and channel (B, or B * H * W). Activations are [N * B, C, H, W] in channels-last memory, node
by node, and nodes of one module are neighbours. On CPUs torch's batch-norm and pooling are several
times faster in that order than in the usual one, its convolution up to twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """How many nodes each module in use has.

    Attributes:
        nodes: Nodes of each of the G modules.
        images: B.
        device: Where the activations are.
    """

    nodes: tuple[int, ...]
    images: int
    device: torch.device

    @cached_property
    def num_nodes(self) -> int:
        """N."""
        return sum(self.nodes)

    @cached_property
    def module_of_node(self) -> Tensor:
        """[N] index among the G modules."""
        modules = [g for g, count in enumerate(self.nodes) for _ in range(count)]
        return torch.tensor(modules).to(self.device, non_blocking=True)

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Rows [N * anything, ...], node by node, by module."""
        if len(self.nodes) == 1:
            return (x,)
        per_node = x.shape[0] // self.num_nodes
        return torch.split_with_sizes(x, [count * per_node for count in self.nodes])

    def spread(self, values_GC: Tensor) -> Tensor:
        """Vectors of the G modules as [N, 1, C], or [1, 1, C] where G is 1."""
        if 1 < len(self.nodes) < self.num_nodes:
            values_GC = values_GC.index_select(0, self.module_of_node)
        return values_GC.unsqueeze(1)

    def collect(self, values_N1C: Tensor) -> Tensor:
        """Sum over the nodes of each module, [G, C]; the transpose of `spread`."""
        if len(self.nodes) == self.num_nodes:
            return values_N1C[:, 0]
        if len(self.nodes) == 1:
            return values_N1C.sum(0)
        sums = values_N1C.new_zeros(len(self.nodes), values_N1C.shape[2])
        return sums.index_add_(0, self.module_of_node, values_N1C[:, 0])


def channels_last(x: Tensor) -> Tensor:
    """[N * B, C, H, W] in channels-last memory, and with its strides where C is 1.

    The memory of a single channel is the same in both orders; torch goes by the strides then, and
    with the usual ones convolves four to eight times slower and copies what it returns.
    """
    if x.shape[1] == 1:
        return x.reshape(len(x), *x.shape[2:], 1).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last)


def by_node(x: Tensor, num_nodes: int) -> Tensor:
    """[N * B, C, H, W] or [N * B, C] as [N, V, C]; a view where memory is channels-last."""
    if x.dim() == 4:
        x = x.permute(0, 2, 3, 1)
    return x.reshape(num_nodes, -1, x.shape[-1])


def from_nodes(x_NVC: Tensor, like: Tensor) -> Tensor:
    """Undo `by_node`, to the shape of `like`."""
    if like.dim() == 2:
        return x_NVC.reshape(like.shape)
    count, channels, rows, columns = like.shape
    return x_NVC.reshape(count, rows, columns, channels).permute(0, 3, 1, 2)


def join(parts: list[Tensor]) -> Tensor:
    """One tensor of several along the first axis, without a copy where there is one."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
