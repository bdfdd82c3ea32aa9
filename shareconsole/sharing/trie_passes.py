"""How activations pass through the levels of a trie, and what comes out at the leaves.

Shapes: S assignments, T' tasks of a trie, B images per task, N nodes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

from shareconsole.sharing.data import MISSING
from shareconsole.sharing.layout import Layout, channels_last

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.lowered_unit import LoweredUnit
    from shareconsole.sharing.running_statistics import RunningStatistics
    from shareconsole.sharing.trie import Level, Trie


def train_levels(
    x: Tensor,
    units: Sequence[LoweredUnit],
    levels: Sequence[Level],
    images: int,
    statistics: RunningStatistics | None,
) -> Tensor:
    """Run some units in train mode, one after another.

    Args:
        x: The output of the level before, node by node, or the images.
        units: The units.
        levels: Their nodes.
        images: B.
        statistics: Told of what every batch-norm layer saw; None where nothing is to be kept.
    """
    for unit, level in zip(units, levels, strict=True):
        layout = layout_of(level, images, x)
        observe = _forget if statistics is None else partial(statistics.add, level, layout)
        x = unit.train(gather(x, level, layout), level.modules, layout, observe)
    return x


def _forget(*seen: object) -> None:
    del seen


def on_device(indices: Sequence[int] | Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Indices as a tensor, copied without waiting for the device."""
    found = torch.as_tensor(indices)
    return found if device.type == "cpu" else found.to(device, non_blocking=True)


def image_sets(batch: Batch) -> tuple[Tensor, int]:
    """The images of all sets one after another, [sets * B, C, H, W], and B."""
    inputs = batch.inputs
    images = inputs.shape[-4]
    return channels_last(inputs.flatten(0, -4)), images


def layout_of(level: Level, images: int, like: Tensor) -> Layout:
    """How the activations of a level lie in one tensor."""
    return Layout(tuple(segment.num_nodes for segment in level.segments), images, like.device)


def gather(x: Tensor, level: Level, layout: Layout) -> Tensor:
    """The input of every node of a level, from the outputs of the level before."""
    if level.continues_in_order:
        return x
    parents = on_device(level.parents, x.device)
    if x.dim() == 2:
        moved = x.view(-1, layout.images, x.shape[1]).index_select(0, parents)
        return moved.view(-1, x.shape[1])
    _, channels, rows, columns = x.shape
    by_node = x.permute(0, 2, 3, 1).reshape(-1, layout.images * rows * columns * channels)
    moved = by_node.index_select(0, parents).view(-1, rows, columns, channels)
    return moved.permute(0, 3, 1, 2)


def leaf_losses(logits: Tensor, trie: Trie, batch: Batch) -> Tensor:
    """Mean loss [S, T'] of every assignment for the tasks of a trie.

    Args:
        logits: [N * B, classes] of the leaves; minus infinity for classes a task does not have.
        trie: The trie.
        batch: The batch, for its labels.
    """
    level = trie.levels[-1]
    device = batch.labels.device
    tasks = [s.module for s in level.segments for _ in range(s.num_nodes)]
    counts = [[batch.num_labelled[task]] for task in tasks]
    labels = batch.labels.index_select(0, on_device(tasks, device)).view(-1)
    losses = cross_entropy(logits, labels, ignore_index=MISSING, reduction="none")
    counts_N1 = on_device(counts, device).to(losses.dtype)
    losses_N = losses.view(len(tasks), -1).div_(counts_N1).sum(1)
    networks = losses_N.index_select(0, on_device(trie.leaves, device))
    return networks.view(-1, len(trie.tasks))
