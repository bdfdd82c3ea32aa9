"""The two halves of `sharing.halves`, with all modules of a unit at once.

Shapes as in `halves`; behind the encoder every task is a node of its own.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.layout import channels_last
from shareconsole.sharing.running_statistics import RunningStatistics
from shareconsole.sharing.trie_passes import (
    gather,
    image_sets,
    layout_of,
    leaf_losses,
    train_levels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.lowered_unit import LoweredUnit
    from shareconsole.sharing.trie import Trie


class TrieHalves:
    """One assignment's networks; the encoder has one node per set of images."""

    def __init__(self, units: Sequence[LoweredUnit], depth: int, trie: Trie, batch: Batch) -> None:
        """Cut in front of unit `depth`.

        Args:
            units: All units, heads last.
            depth: Units of the encoder.
            trie: Their nodes, for one assignment and all tasks that label something.
            batch: The batch.
        """
        self.tasks = trie.tasks
        self.shared_inputs = batch.inputs.dim() == 4
        self._encoder, self._heads = units[:depth], units[depth:]
        self._encoder_levels, head_levels = trie.levels[:depth], trie.levels[depth:]
        # Latents are handed to the heads as these read them, so that nothing is left to gather.
        first = head_levels[0]
        self._first = first
        nodes = first.num_nodes
        as_read = dataclasses.replace(first, parents=range(nodes), num_parents=nodes)
        self._head_levels = (as_read, *head_levels[1:])
        self._trie = trie
        self._batch = batch
        self._roots, self._images = image_sets(batch)
        self._statistics = RunningStatistics()

    def encode(self) -> Tensor:
        """See `Halves.encode`."""
        return self._encoded(self._statistics)

    def head_losses(self, latents: Tensor) -> Tensor:
        """See `Halves.head_losses`."""
        return self._losses(latents, self._statistics)

    def retried_head_losses(self, latents: Tensor) -> Tensor:
        """See `Halves.retried_head_losses`."""
        with torch.no_grad():
            return self._losses(latents, None)

    def retried_losses(self) -> Tensor:
        """See `Halves.retried_losses`."""
        with torch.no_grad():
            return self._losses(self._encoded(None), None)

    def _encoded(self, statistics: RunningStatistics | None) -> Tensor:
        x = train_levels(self._roots, self._encoder, self._encoder_levels, self._images, statistics)
        if statistics is not None:
            statistics.apply()
        return gather(x, self._first, layout_of(self._first, self._images, x))

    def _losses(self, latents: Tensor, statistics: RunningStatistics | None) -> Tensor:
        z = channels_last(latents) if latents.dim() == 4 else latents
        x = train_levels(z, self._heads, self._head_levels, self._images, statistics)
        if statistics is not None:
            statistics.apply()
        return leaf_losses(x, self._trie, self._batch)[0]
