"""Networks in two halves: an encoder that all tasks share, and what each task has of its own.

The latents z are what the last shared unit computes. Everything after them, the tasks' own units
among it, counts as heads.

Shapes: T' tasks with a labelled image, B images of each, L routed units, Z the shape of one
image's latents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.functional import cross_entropy

from shareconsole.sharing.data import MISSING
from shareconsole.sharing.trying import batch_norms, counted, without_statistics

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.trying import Masks


class Halves(Protocol):
    """The networks of one assignment on one batch, in train mode.

    Attributes:
        tasks: The T' tasks.
        shared_inputs: Whether all tasks read the same latents; else task t reads block t.
    """

    tasks: tuple[int, ...]
    shared_inputs: bool

    def encode(self) -> Tensor:
        """Latents [T' * B, *Z] as the tasks read them, task by task, attached to the encoder.

        To be called once: it counts in the running statistics, as often as a task reads.
        """
        ...

    def head_losses(self, latents: Tensor) -> Tensor:
        """Mean losses [T'] of the heads, with gradients; to be called once, for the same reason."""
        ...

    def retried_head_losses(self, latents: Tensor) -> Tensor:
        """The same for other latents or after the heads moved, without gradients or any effect."""
        ...

    def retried_losses(self) -> Tensor:
        """Losses [T'] of the whole networks at the weights there are now, without any effect."""
        ...


def encoder_depth(bank: Bank) -> int:
    """How many units all tasks share before their own begin.

    Raises:
        ValueError: None, or one comes after units that are the tasks' own.
    """
    shared = [mark == "shared" or bank.num_tasks == 1 for mark in bank.marks]
    depth = shared.index(False) if False in shared else len(shared)
    if depth == 0 or any(shared[depth:]):
        raise ValueError(f"units {', '.join(bank.marks)} are no shared encoder and own heads")
    return depth


class LoopHalves:
    """The encoder once where all tasks label the same images, and the heads one after another."""

    def __init__(self, bank: Bank, assignment_LT: Tensor, batch: Batch, masks: Masks) -> None:
        """Cut the networks over `bank`, whose modules are in train mode.

        Args:
            bank: The modules.
            assignment_LT: [L, T] which of them are used.
            batch: The batch.
            masks: What the dropout of the bank draws from.

        Raises:
            ValueError: See `encoder_depth`.
        """
        depth = encoder_depth(bank)
        self.tasks = tuple(task for task, count in enumerate(batch.num_labelled) if count)
        self.shared_inputs = batch.inputs.dim() == 4
        columns = assignment_LT.mT.tolist()
        self._encoder = bank.path(0, columns[0])[:depth]
        self._heads = [bank.path(task, columns[task])[depth:] for task in self.tasks]
        self._batch = batch
        self._norms = batch_norms([*self._encoder, *(m for head in self._heads for m in head)])
        self._masks = masks
        self._of_encoder = self._of_heads = masks.state()

    def encode(self) -> Tensor:
        """See `Halves.encode`."""
        norms = batch_norms(self._encoder) if self.shared_inputs else []
        with counted(norms, len(self.tasks)):
            latents = self._encoded()
        self._of_heads = self._masks.state()
        return latents

    def head_losses(self, latents: Tensor) -> Tensor:
        """See `Halves.head_losses`."""
        losses = []
        for task, head, z in zip(
            self.tasks, self._heads, latents.chunk(len(self.tasks)), strict=True
        ):
            labels = self._batch.labels[task]
            losses.append(cross_entropy(_run(head, z), labels, ignore_index=MISSING))
        return torch.stack(losses)

    def retried_head_losses(self, latents: Tensor) -> Tensor:
        """See `Halves.retried_head_losses`."""
        with (
            torch.no_grad(),
            without_statistics(self._norms),
            self._masks.again(self._of_heads),
        ):
            return self.head_losses(latents)

    def retried_losses(self) -> Tensor:
        """See `Halves.retried_losses`."""
        with (
            torch.no_grad(),
            without_statistics(self._norms),
            self._masks.again(self._of_encoder),
        ):
            return self.head_losses(self._encoded())

    def _encoded(self) -> Tensor:
        inputs = self._batch.inputs
        if self.shared_inputs:
            return torch.cat([_run(self._encoder, inputs)] * len(self.tasks))
        return torch.cat([_run(self._encoder, inputs[task]) for task in self.tasks])


def _run(modules: list[nn.Module], x: Tensor) -> Tensor:
    for module in modules:
        x = module(x)
    return x
