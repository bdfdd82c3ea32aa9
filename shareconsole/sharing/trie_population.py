"""The fast engine: what two assignments have in common is computed once.

Source of the idea: every assignment of a population sees the same batch, so networks that agree in
their first units have equal activations there. The nodes are found by `trie`, each module runs once
over all of its nodes (`lowering`, `kernels`), and a node that several assignments pass through
gives each of them its loss; the gradients of the sum of all losses come out the same. Exact but for
the order of summation; see `population` for the contract.

Shapes: S assignments, L routed units, T tasks, B images per task, N nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.halves import encoder_depth
from shareconsole.sharing.layout import Layout, channels_last
from shareconsole.sharing.lowered_unit import LoweredUnit
from shareconsole.sharing.lowering import UnsupportedModuleError
from shareconsole.sharing.running_statistics import RunningStatistics
from shareconsole.sharing.trie import build_tries
from shareconsole.sharing.trie_halves import TrieHalves
from shareconsole.sharing.trie_passes import (
    gather,
    image_sets,
    layout_of,
    leaf_losses,
    on_device,
    train_levels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.trie import Trie


class TriePopulation:
    """Evaluates each distinct (images, module prefix) once."""

    rounding = 3

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
                    LoweredUnit(
                        modules,
                        heads=name == heads_name,
                        reads_images=not self._units,
                        multiply=multiply,
                    )
                )
            except UnsupportedModuleError as error:
                raise UnsupportedModuleError(f"unit {name}: {error}") from error

    def evaluate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """See `Population.evaluate`."""
        losses_ST = _no_losses(assignments_SLT, batch)
        with torch.inference_mode():
            roots, images = image_sets(batch)
            for trie in self._tries(assignments_SLT, batch):
                x = roots
                for unit, level in zip(self._units, trie.levels, strict=True):
                    layout = layout_of(level, images, x)
                    x = unit.infer(gather(x, level, layout), level.modules, layout)
                losses = leaf_losses(x, trie, batch)
                losses_ST.index_copy_(1, on_device(trie.tasks, x.device), losses)
        return losses_ST

    def accumulate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """See `Population.accumulate`."""
        losses_ST = _no_losses(assignments_SLT, batch)
        statistics = RunningStatistics()
        roots, images = image_sets(batch)
        for trie in self._tries(assignments_SLT, batch):
            x = train_levels(roots, self._units, trie.levels, images, statistics)
            losses = leaf_losses(x, trie, batch)
            losses.sum().backward()  # type: ignore[no-untyped-call]
            losses_ST.index_copy_(1, on_device(trie.tasks, x.device), losses.detach())
        statistics.apply()
        return losses_ST

    def random_state(self) -> list[Tensor]:
        """See `Population.random_state`; networks that draw random numbers are not lowered."""
        return []

    def losses(
        self, assignments_SLT: Tensor, batch: Batch, random_state: Sequence[Tensor]
    ) -> Tensor:
        """See `Population.losses`."""
        del random_state
        losses_ST = _no_losses(assignments_SLT, batch)
        with torch.no_grad():
            roots, images = image_sets(batch)
            for trie in self._tries(assignments_SLT, batch):
                x = train_levels(roots, self._units, trie.levels, images, None)
                losses = leaf_losses(x, trie, batch)
                losses_ST.index_copy_(1, on_device(trie.tasks, x.device), losses)
        return losses_ST

    def halves(self, assignment_LT: Tensor, batch: Batch) -> TrieHalves:
        """See `Population.halves`; all tasks at a time, whatever `tasks_per_chunk`."""
        depth = encoder_depth(self.bank)
        (trie,) = self._tries(assignment_LT[None], batch, self.bank.num_tasks)
        return TrieHalves(self._units, depth, trie, batch)

    def logits(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Population.logits`."""
        assignment = torch.zeros((1, len(choice), self.bank.num_tasks), dtype=torch.int64)
        assignment[0, :, task] = torch.tensor(choice, dtype=torch.int64)
        x = channels_last(inputs)
        layout = Layout((1,), len(x), x.device)
        with torch.inference_mode():
            for unit, used in zip(self._units, self.bank.choices(assignment), strict=True):
                x = unit.infer(x, [used[0][task]], layout)
        return x

    def _tries(self, assignments_SLT: Tensor, batch: Batch, at_a_time: int = 0) -> tuple[Trie, ...]:
        tasks = [task for task, count in enumerate(batch.num_labelled) if count]
        if not tasks:
            return ()
        size = at_a_time or self.tasks_per_chunk
        chunks = [tasks[i : i + size] for i in range(0, len(tasks), size)]
        own = batch.inputs.dim() == 5
        sets = [*range(self.bank.num_tasks)] if own else [0] * self.bank.num_tasks
        tries = build_tries(self.bank.choices(assignments_SLT), sets, chunks)
        self.nodes_evaluated += sum(trie.num_nodes for trie in tries)
        return tries


def _no_losses(assignments_SLT: Tensor, batch: Batch) -> Tensor:
    shape = (len(assignments_SLT), len(batch.num_labelled))
    return torch.zeros(shape, dtype=batch.inputs.dtype, device=batch.inputs.device)
