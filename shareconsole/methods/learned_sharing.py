"""Learned weight sharing by natural evolution strategy and SGD.

Prellberg & Kramer, "Learned Weight Sharing for Deep Multi-Task Learning by Natural Evolution
Strategy and Stochastic Gradient Descent", IJCNN 2020, arXiv 2003.10159.

One step, on two different batches:

1. NES. Sample S assignments from pi, evaluate each in eval mode, rank the losses into utilities
   in [-1, 1], move pi along the natural gradient, floor it and renormalise.
2. SGD. Sample S' assignments from the new pi, sum the gradients of all tasks' losses in train
   mode, divide each module's by the expected number of its users, take one optimiser step.

Deviations from the released code, which runs torch 1.3:

* Equal fitness shares the mean rank; the release breaks ties in an arbitrary order.
* Adam leaves a module alone that nobody sampled; under torch 1.3 its momentum kept moving it.
* A run makes exactly `steps` steps; the release makes one more.
* `credit = "per_task"` is our own variant: a task's loss depends on its own rows of pi only, so
  each task's members are ranked by that task's loss. The paper's rule is `credit = "joint"`.
* `sampling = "tree"` is our own as well: assignments share draws, which `sharing.tree_sampling`
  explains, with what it leaves unchanged and what not. The paper's rule is `"independent"`.
* `nes_batch` lets the NES half rank by other images than a batch; where these are not equally many
  of every task, joint credit weighs tasks by their images, as it is the mean over images.
* `final_stage` ends the search after `search_steps` and goes on with the most likely assignment
  alone: one network per task, one SGD update a step as static sharing does it, with the weights
  there are ("finetune") or with new ones and a new optimiser ("retrain"). This and `nes_batch` are
  our own; in the paper the search, by batches, is all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shareconsole.sharing import assignment, nes
from shareconsole.sharing.descent import descend
from shareconsole.sharing.method import OnePath, StepResult
from shareconsole.sharing.readback import Readback
from shareconsole.sharing.tree_sampling import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from shareconsole.sharing.data import Batch, BatchSampler
    from shareconsole.sharing.method import StepSize, Stopwatch
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators
    from shareconsole.spec.method.learned_sharing import LearnedSharingOptions


class LearnedSharing(OnePath):
    """Learns pi [L, T, K] by NES while SGD trains the modules it points to."""

    @staticmethod
    def marks(options: LearnedSharingOptions, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units stay routed."""
        del options
        return tuple(unit.mark for unit in plan.units)

    @staticmethod
    def num_modules(options: LearnedSharingOptions, num_tasks: int) -> int:
        """K as the preset says; by default one candidate per task."""
        return num_tasks if options.modules == "tasks" else options.modules

    def __init__(
        self, options: LearnedSharingOptions, population: Population, generators: Generators
    ) -> None:
        """Start with a uniform pi.

        Raises:
            ValueError: The branching is still to be decided (`LearnedSharingOptions.fitted`).
        """
        bank = population.bank
        self.options = options
        self.population = population
        self.population_size = options.nes_samples
        self.pi_LTK = assignment.uniform(bank.num_routed, bank.num_tasks, bank.num_modules)
        self._num_steps = 0
        self._generators = generators
        self._nes_tree = self._sgd_tree = None
        if options.sampling == "tree":
            if isinstance(options.branching, str):
                raise ValueError(f'branching = "{options.branching}" was not decided')
            self._nes_tree = Tree(options.branching, options.nes_samples)
            self._sgd_tree = Tree(options.branching, options.sgd_samples)
        self._nes_generator = generators("assignment/nes")
        self._sgd_generator = generators("assignment/sgd")

    def step(self, sampler: BatchSampler, step_size: StepSize, watch: Stopwatch) -> StepResult:
        """One NES update, then one SGD update on another batch; the latter alone after the search.

        The fitness is None after the search.
        """
        searching = not self._ends_search(step_size)
        fitness_S = None
        with watch.part("data"):
            nes_batches = self._nes_batches(sampler) if searching else ()
            sgd_batch = sampler.next()
        if searching:
            with watch.part("nes"):
                fitness_S = self._update_assignment(nes_batches)
        with watch.part("sgd"):
            sampled = self._sgd_assignments() if searching else self.assignment()[None]
            measured = descend(self.population, sampled, self.pi_LTK, sgd_batch, step_size)
        self._num_steps += 1
        return StepResult(measured, sgd_batch.num_labelled, fitness_S)

    def _ends_search(self, step_size: StepSize) -> bool:
        """Begin the final stage if it is time; True in all of its steps."""
        options = self.options
        if options.final_stage == "none" or self._num_steps < options.search_steps:
            return False
        if self._num_steps == options.search_steps:
            self.pi_LTK = assignment.certain(self.assignment(), self.pi_LTK.shape[2])
            if options.final_stage == "retrain":
                self.population.bank.reinitialise(self._generators, "retrain")
                step_size.reset()
        return True

    def _nes_batches(self, sampler: BatchSampler) -> Iterable[Batch]:
        """The images to rank members by."""
        images = self.options.nes_batch
        if images == "batch":
            return (sampler.next(),)
        at_once = self.options.evaluated_at_once(sampler.batch_size)
        return sampler.passes(None if images == "all" else images, at_once)

    def _update_assignment(self, batches: Iterable[Batch]) -> Tensor:
        """The NES half; returns the fitness [S] of the members, float64 on the CPU."""
        options = self.options
        members = self._nes_members()
        evaluated = [
            (Readback(self.population.evaluate(members, batch)), batch.num_labelled)
            for batch in batches
        ]
        counts_NT = torch.tensor([counts for _, counts in evaluated], dtype=torch.float64)
        labelled_T = counts_NT.sum(0)
        # The one wait for a GPU in a step: what is sampled next depends on these losses.
        losses_NST = torch.stack([losses.wait().to(torch.float64) for losses, _ in evaluated])
        # Of one batch this is its loss to the bit.
        losses_ST = (losses_NST * (counts_NT / labelled_T.clamp(min=1))[:, None]).sum(0)
        fitness_S = (
            losses_ST @ labelled_T / labelled_T.sum().clamp(min=1)
        )  # mean over labelled images
        utilities = nes.rank_utilities(losses_ST if options.credit == "per_task" else fitness_S)
        gradient = nes.natural_gradient(self.pi_LTK, members, utilities)
        if self._nes_tree is not None:
            gradient /= self._nes_tree.compared_L[:, None, None]
        self.pi_LTK = nes.update(self.pi_LTK, gradient, options.nes_learning_rate, options.floor)
        return fitness_S

    def _nes_members(self) -> Tensor:
        """The population [S, L, T]; its draws are independent, as those of one row are compared."""
        if self._nes_tree is not None:
            return self._nes_tree.sample(self.pi_LTK, self._nes_generator)
        return assignment.sample(self.pi_LTK, self.options.nes_samples, self._nes_generator)

    def _sgd_assignments(self) -> Tensor:
        """The assignments [S', L, T] to train; their gradients are only summed."""
        if self._sgd_tree is not None:
            return self._sgd_tree.sample(self.pi_LTK, self._sgd_generator, stratified=True)
        return assignment.sample(self.pi_LTK, self.options.sgd_samples, self._sgd_generator)

    def assignment(self) -> Tensor:
        """The most likely module of every row."""
        return assignment.mode(self.pi_LTK)

    def tensors(self) -> dict[str, Tensor]:
        """The assignment probabilities."""
        return {"assignment": self.pi_LTK}

    def tensor_axes(self) -> dict[str, tuple[str | tuple[str, ...], ...]]:
        """See `Method.tensor_axes`."""
        return {"assignment": ("unit", "task", "module")}

    def scalars(self) -> dict[str, float]:
        """Mean entropy of pi in nats."""
        return {"entropy": assignment.mean_entropy(self.pi_LTK)}

    def state_dict(self) -> dict[str, Any]:
        """Pi, and the steps made, which say what stage it is."""
        return {"pi": self.pi_LTK.clone(), "num_steps": self._num_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.pi_LTK = state["pi"].clone()
        # Checkpoints without it are of runs without stages.
        self._num_steps = state.get("num_steps", 0)
