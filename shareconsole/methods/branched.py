"""Branched networks: a tree of shared units, chosen by how alike single-task networks see images.

Vandenhende, Georgoulis, De Brabandere, Van Gool, "Branched Multi-Task Networks: Deciding What
Layers To Share", BMVC 2020, arXiv 1904.02920.

Stage "single task": every task trains a network of its own. Then, in the first step of the next:

1. Draw probe images and show them to all networks; after each routed unit, the correlation
   distances of all pairs of images make a network's representational dissimilarity matrix.
2. The affinity of two tasks at a unit is Spearman's rank correlation of their matrices
   (`sharing.affinity`).
3. Of all trees within the parameter budget take the one of least cost (`sharing.branching_tree`).

Stage "tree": its modules, one per cluster and unit, and the heads train from scratch together.

Where the paper's text was not at hand this follows what its public reimplementations agree on.
Deviations, and choices of our own:

* Each task may have images of its own. The networks must be shown the same ones, so the probe set
  pools as many training images of each task as of any other.
* The paper's backbones start from ImageNet weights, here all weights start at random.
* Tasks weigh the same, and the gradient of a module is the mean, not the sum, over the tasks that
  share it, as in the other methods here; Adam makes little of the difference.
* The budget is in multiples of full sharing's parameters. How trees of many tasks are searched,
  and that distances are rounded before they are ranked, is ours.
* Affinity is measured with batch-norm in evaluation mode, and where a unit ends: after its pooling.
* Units that the network marks "shared" are branched like those it routes: single-task networks
  cannot share them, and whether tasks should is what the method finds out. Units it marks "task"
  stay each task's own and are no part of the tree.
* A tree where no task shares anything costs nothing, so without a budget it is always the best.
  Also, a mean over clusters falls when tasks that are alike leave a large cluster one by one;
  `weighting = "tasks"` does not reward that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import one_hot

from shareconsole.errors import RunFailedError
from shareconsole.sharing.affinity import affinity, ranks, rdm
from shareconsole.sharing.branching_tree import cheapest_tree
from shareconsole.sharing.data import scale
from shareconsole.sharing.fixed import FixedSharing
from shareconsole.sharing.probe import at_cuts, draw_probe

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.data import BatchSampler
    from shareconsole.sharing.method import StepResult, StepSize, Stopwatch
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators
    from shareconsole.spec.method.branched import BranchedOptions


class Branched(FixedSharing):
    """SGD on single-task networks, then on the tree that their affinities lead to."""

    @staticmethod
    def marks(options: Any, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Shared units become routed."""
        del options
        return tuple("task" if unit.mark == "task" else "routed" for unit in plan.units)

    @staticmethod
    def num_modules(options: Any, num_tasks: int) -> int:
        """As many as the single-task networks need."""
        del options
        return num_tasks

    def __init__(
        self, options: BranchedOptions, population: Population, generators: Generators
    ) -> None:
        """Start with a network per task."""
        super().__init__(options, population, generators)
        self.options = options
        self.num_steps = 0
        self.affinity_LTT: Tensor | None = None
        self.tree_cost = 0.0
        self._generators = generators
        self._probe_generator = generators("branched/probe")
        bank = population.bank
        self._use_tree(torch.arange(bank.num_tasks).repeat(bank.num_routed, 1))

    def step(self, sampler: BatchSampler, step_size: StepSize, watch: Stopwatch) -> StepResult:
        """One SGD update; before the first one of the second stage, the tree."""
        if self.affinity_LTT is None and self.num_steps >= self.options.single_task_steps:
            self._branch(sampler)
            self.population.bank.reinitialise(self._generators, "branched/tree")
            step_size.reset()
        result = super().step(sampler, step_size, watch)
        self.num_steps += 1
        return result

    def _branch(self, sampler: BatchSampler) -> None:
        """Measure affinities and choose the tree."""
        options, bank = self.options, self.population.bank
        probe = draw_probe(sampler.split, options.probe_images, self._probe_generator)
        images = scale(probe, next(bank.parameters()).dtype)
        self.affinity_LTT = self._affinities(images)
        sizes, others = self._sizes()
        # Full sharing has one module of each unit.
        limit = options.tree_parameters(sum(sizes) + others) - others
        tree = cheapest_tree(
            self.affinity_LTT.numpy(),
            sizes,
            limit,
            weighting=options.weighting,
            beam_width=None if options.looks_at_all(bank.num_tasks) else options.beam_width,
        )
        self.tree_cost = tree.cost
        self._use_tree(torch.tensor(tree.partitions))

    def _affinities(self, images: Tensor) -> Tensor:
        """[L, T, T] from what each task's network makes of the same images."""
        bank = self.population.bank
        ranks_by_task: list[list[Tensor]] = []
        for task in range(bank.num_tasks):
            choice: list[int] = self._assignment_LT[:, task].tolist()
            try:
                # Ranks are halves of whole numbers, exact in single precision for so few images.
                of_units = [
                    ranks(rdm(features)).to("cpu", torch.float32)
                    for features in at_cuts(bank, task, choice, images)
                ]
            except ValueError as error:
                which = f"the network of task {task + 1} of {bank.num_tasks}"
                raise RunFailedError(f"no tree can be made: {which}: {error}") from error
            ranks_by_task.append(of_units)
        return torch.stack(
            [affinity(torch.stack(unit)) for unit in zip(*ranks_by_task, strict=True)]
        )

    def _sizes(self) -> tuple[list[int], int]:
        """Parameters of one module of each routed unit, and of all that is each task's own."""
        bank = self.population.bank
        units = zip(bank.marks, bank.modules_by_unit()[:-1], strict=True)
        firsts = [modules[0] for mark, (_, modules) in units if mark == "routed"]
        sizes = [sum(p.numel() for p in module.parameters()) for module in firsts]
        return sizes, bank.num_parameters() - bank.num_modules * sum(sizes)

    def _use_tree(self, tree_LT: Tensor) -> None:
        """Take the module of a task's cluster in every unit."""
        self._assignment_LT = tree_LT
        self._pi_LTK = one_hot(tree_LT, self.population.bank.num_modules).to(torch.float64)

    def tensors(self) -> dict[str, Tensor]:
        """The cluster of every task at every unit; in the second stage also the affinities."""
        found = {"tree": self._assignment_LT.to(torch.float64)}
        if self.affinity_LTT is not None:
            found["affinity"] = self.affinity_LTT
        return found

    def tensor_axes(self) -> dict[str, tuple[str | tuple[str, ...], ...]]:
        """See `Method.tensor_axes`."""
        return {"tree": ("unit", "task"), "affinity": ("unit", "task", "task")}

    def scalars(self) -> dict[str, float]:
        """Cost of the tree, 0 while nothing is shared, and its parameters, heads included."""
        sizes, others = self._sizes()
        clusters = (self._assignment_LT.amax(1) + 1).tolist()
        used = others + sum(size * count for size, count in zip(sizes, clusters, strict=True))
        return {"tree_cost": self.tree_cost, "tree_parameters": float(used)}

    def state_dict(self) -> dict[str, Any]:
        """The number of steps, and what was found before the second stage."""
        return {
            "num_steps": self.num_steps,
            "tree": self._assignment_LT.clone(),
            "tree_cost": self.tree_cost,
            "affinity": self.affinity_LTT,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.num_steps = state["num_steps"]
        self.tree_cost = state["tree_cost"]
        self.affinity_LTT = state["affinity"]
        self._use_tree(state["tree"])
