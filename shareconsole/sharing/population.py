"""Evaluate many assignments on one batch: the loop engine, the reference for every faster one.

Shapes: S assignments, L routed units, T tasks, B images per task.

What an engine owes its callers, so that it can be replaced without a method noticing:

* `evaluate`: eval mode (batch-norm uses running statistics), no gradients, losses [S, T].
* `accumulate`: train mode, losses [S, T], and as effects: the gradient of the *sum* of all S * T
  mean losses is added to the bank's parameters; parameters nobody used keep no gradient;
  every forward call of one task's B images normalises by its own statistics and updates the
  running statistics once, in sample-major order, then task, duplicates included.
* `losses`: those of `accumulate` at the weights there are now, and nothing else: no gradients, no
  statistics, and dropout drops what it dropped in the call of `accumulate` after `random_state`.
* `halves`: one assignment's networks cut in two.
* `logits`: one task's network in eval mode.

A task without a labelled image in the batch is skipped: loss 0, no gradient, no statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.functional import cross_entropy

from shareconsole.sharing.data import MISSING
from shareconsole.sharing.halves import LoopHalves
from shareconsole.sharing.trying import Masks, batch_norms, without_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.halves import Halves


class Population(Protocol):
    """An engine; see the module's text for the contract.

    Attributes:
        bank: The modules.
        rounding: Revision of the order in which it adds and multiplies, to be raised with every
            change that moves the last bit of a result: a run does not go on to the same bits under
            another one.
    """

    bank: Bank
    rounding: int

    def evaluate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """Mean loss of every task under every assignment, [S, T] on the device."""
        ...

    def accumulate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """The same in train mode, with gradients and running statistics; [S, T], detached."""
        ...

    def random_state(self) -> list[Tensor]:
        """What the next masks of dropout are drawn from; empty without dropout."""
        ...

    def losses(
        self, assignments_SLT: Tensor, batch: Batch, random_state: Sequence[Tensor]
    ) -> Tensor:
        """Losses [S, T] in train mode, without any effect."""
        ...

    def halves(self, assignment_LT: Tensor, batch: Batch) -> Halves:
        """The networks of one assignment, cut behind the units that all tasks share.

        Raises:
            ValueError: The tasks do not share the first units and own the others.
        """
        ...

    def logits(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        """Logits [N, classes] of one task's network for inputs [N, C, H, W], eval mode."""
        ...


class LoopPopulation:
    """S * T plain forward passes in a Python loop, as the released code does it."""

    rounding = 1

    def __init__(self, bank: Bank) -> None:
        """Evaluate assignments over the modules of `bank`."""
        self.bank = bank
        self._norms = batch_norms([bank])
        self._masks = Masks([bank])

    def evaluate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """See `Population.evaluate`."""
        self.bank.eval()
        with torch.no_grad():
            return self._losses(assignments_SLT, batch, backward=False)

    def accumulate(self, assignments_SLT: Tensor, batch: Batch) -> Tensor:
        """See `Population.accumulate`."""
        self.bank.train()
        return self._losses(assignments_SLT, batch, backward=True)

    def random_state(self) -> list[Tensor]:
        """See `Population.random_state`."""
        return self._masks.state()

    def losses(
        self, assignments_SLT: Tensor, batch: Batch, random_state: Sequence[Tensor]
    ) -> Tensor:
        """See `Population.losses`."""
        self.bank.train()
        with torch.no_grad(), without_statistics(self._norms), self._masks.again(random_state):
            return self._losses(assignments_SLT, batch, backward=False)

    def halves(self, assignment_LT: Tensor, batch: Batch) -> LoopHalves:
        """See `Population.halves`."""
        self.bank.train()
        return LoopHalves(self.bank, assignment_LT, batch, self._masks)

    def logits(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Population.logits`."""
        self.bank.eval()
        with torch.no_grad():
            return self._forward(task, choice, inputs)

    def _losses(self, assignments_SLT: Tensor, batch: Batch, *, backward: bool) -> Tensor:
        losses: list[Tensor] = []
        nothing = torch.zeros((), dtype=batch.inputs.dtype, device=batch.inputs.device)
        for assignment in assignments_SLT.mT.tolist():
            for task, choice in enumerate(assignment):
                if batch.num_labelled[task] == 0:
                    losses.append(nothing)
                    continue
                logits = self._forward(task, choice, batch.task_inputs(task))
                loss = cross_entropy(logits, batch.labels[task], ignore_index=MISSING)
                if backward:
                    # torch.autograd offers loss.backward() untyped
                    loss.backward()  # type: ignore[no-untyped-call]
                losses.append(loss.detach())
        return torch.stack(losses).view(len(assignments_SLT), self.bank.num_tasks)

    def _forward(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        outputs = inputs
        for module in self.bank.path(task, choice):
            outputs = module(outputs)
        return outputs
