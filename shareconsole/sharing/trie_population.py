"""The fast engine: what two assignments have in common is computed once.

Source of the idea: every assignment of a population sees the same batch, so networks that agree in
their first units have equal activations there. The nodes are found by `trie`, each module runs once
over all of its nodes (`lowering`, `kernels`), and a node that several assignments pass through
gives each of them its loss; the gradients of the sum of all losses come out the same. Exact but for
the order of summation; see `population` for the contract.

Shapes: S assignments, L routed units, T tasks, B images per task, N nodes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from shareconsole.sharing.data import MISSING
from shareconsole.sharing.layout import Layout, channels_last
from shareconsole.sharing.lowered_unit import LoweredUnit
from shareconsole.sharing.lowering import UnsupportedModuleError
from shareconsole.sharing.running_statistics import RunningStatistics
from shareconsole.sharing.trie import build_tries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.trie import Level, Trie


class TriePopulation:
    """Evaluates each distinct (images, module prefix) once."""

    def __init__(
        self,
        bank: Bank,
        tasks_per_chunk: int | None = None,
        multiply: torch.dtype | None = None,
    ) -> None:
        """Evaluate assignments over the modules of `bank`.

        Args:
            bank: The modules.
            tasks_per_chunk: Tasks whose activations are held at one time; by default all. Fewer
                take less memory and give the same numbers but for rounding.
            multiply: The type that convolutions multiply in, by default that of the images; with
                another one the numbers are not those of the loop engine.

        Raises:
            UnsupportedModuleError: A module cannot run on several nodes at once.
            ValueError: `tasks_per_chunk` is below 1.
        """
        if tasks_per_chunk is not None and tasks_per_chunk < 1:
            raise ValueError(f"{tasks_per_chunk} tasks at a time are none")
        self.bank = bank
        self.tasks_per_chunk = tasks_per_chunk or bank.num_tasks
        self.nodes_evaluated = 0
        self._units: list[LoweredUnit] = []
        *_, (heads_name, _) = bank.modules_by_unit()
        for name, modules in bank.modules_by_unit():
            try:
                self._units.append(
                    LoweredUnit(modules, heads=name == heads_name, multiply=multiply)
                )
            except UnsupportedModuleError as error:
                raise UnsupportedModuleError(f"unit {name}: {error}") from error

    def evaluate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """See `Population.evaluate`."""
        losses_ST = _no_losses(assignments_SLT, batch)
        with torch.inference_mode():
            roots, images = _roots(batch)
            for trie in self._tries(assignments_SLT, batch):
                x = roots
                for unit, level in zip(self._units, trie.levels, strict=True):
                    layout = _layout(level, images, x)
                    x = unit.infer(_gather(x, level, layout), level.modules, layout)
                losses = _leaf_losses(x, trie, batch)
                losses_ST.index_copy_(1, _on_device(trie.tasks, x.device), losses)
        return losses_ST

    def accumulate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """See `Population.accumulate`."""
        losses_ST = _no_losses(assignments_SLT, batch)
        statistics = RunningStatistics()
        roots, images = _roots(batch)
        for trie in self._tries(assignments_SLT, batch):
            x = roots
            for unit, level in zip(self._units, trie.levels, strict=True):
                layout = _layout(level, images, x)
                observe = partial(statistics.add, level, layout)
                x = unit.train(_gather(x, level, layout), level.modules, layout, observe)
            losses = _leaf_losses(x, trie, batch)
            losses.sum().backward()  # type: ignore[no-untyped-call]
            losses_ST.index_copy_(1, _on_device(trie.tasks, x.device), losses.detach())
        return losses_ST

    def logits(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Population.logits`."""
        assignment = torch.zeros((1, len(choice), self.bank.num_tasks), dtype=torch.int64)
        assignment[0, :, task] = torch.tensor(choice, dtype=torch.int64)
        x = channels_last(inputs)
        layout = Layout((1,), len(x), x.device)
        with torch.inference_mode():
            for unit, used in zip(self._units, self.bank.choices(assignment), strict=True):
                x = unit.infer(x, [int(used[0, task])], layout)
        return x

    def _tries(self, assignments_SLT: Tensor, batch: Batch) -> tuple[Trie, ...]:
        tasks = [task for task, count in enumerate(batch.num_labelled) if count]
        if not tasks:
            return ()
        size = self.tasks_per_chunk
        chunks = [tasks[i : i + size] for i in range(0, len(tasks), size)]
        own = batch.inputs.dim() == 5
        sets = np.arange(self.bank.num_tasks) if own else np.zeros(self.bank.num_tasks, np.int64)
        tries = build_tries(self.bank.choices(assignments_SLT), sets, chunks)
        self.nodes_evaluated += sum(trie.num_nodes for trie in tries)
        return tries


def _no_losses(assignments_SLT: Tensor, batch: Batch) -> Tensor:
    shape = (len(assignments_SLT), len(batch.num_labelled))
    return torch.zeros(shape, dtype=batch.inputs.dtype, device=batch.inputs.device)


def _on_device(indices: Sequence[int] | NDArray[np.int64], device: torch.device) -> Tensor:
    """Indices as a tensor, copied without waiting for the device."""
    return torch.as_tensor(indices).to(device, non_blocking=True)


def _roots(batch: Batch) -> tuple[Tensor, int]:
    """The images of all sets one after another, [sets * B, C, H, W], and B."""
    inputs = batch.inputs
    images = inputs.shape[-4]
    return channels_last(inputs.flatten(0, -4)), images


def _layout(level: Level, images: int, like: Tensor) -> Layout:
    return Layout(tuple(segment.num_nodes for segment in level.segments), images, like.device)


def _gather(x: Tensor, level: Level, layout: Layout) -> Tensor:
    """The input of every node of a level, from the outputs of the level before."""
    if level.continues_in_order:
        return x
    parents = _on_device(level.parents, x.device)
    stored = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
    by_node = stored.reshape(-1, layout.images, *stored.shape[1:])
    moved = by_node.index_select(0, parents).flatten(0, 1)
    return moved.permute(0, 3, 1, 2) if x.dim() == 4 else moved


def _leaf_losses(logits: Tensor, trie: Trie, batch: Batch) -> Tensor:
    """Mean loss [S, T'] of every assignment for the tasks of a trie.

    Args:
        logits: [N * B, classes] of the leaves; minus infinity for classes a task does not have.
        trie: The trie.
        batch: The batch, for its labels.
    """
    level = trie.levels[-1]
    device = batch.labels.device
    task_N = torch.tensor([s.module for s in level.segments for _ in range(s.num_nodes)])
    labels_NB = batch.labels[task_N.to(device, non_blocking=True)]
    losses = cross_entropy(logits, labels_NB.view(-1), ignore_index=MISSING, reduction="none")
    counts_N = torch.tensor(batch.num_labelled, dtype=losses.dtype)[task_N]
    losses_N = losses.view(labels_NB.shape).sum(1) / counts_N.to(device, non_blocking=True)
    return losses_N[_on_device(level.node_ST, device)]
