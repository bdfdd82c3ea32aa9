"""Spread of the NES and SGD gradient estimates of different ways to draw assignments.

Where a task has few paths, the losses and gradients of all of them on a batch can be laid out in a
table; estimates are then cheap to repeat and their expectations nearly exact.

Shapes: S assignments, L routed units, T tasks, K candidate modules, P = K^L paths of a task,
D parameters.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import torch

from shareconsole.sharing import assignment, nes
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.tree_sampling import Tree
from shareconsole.trainer.build import build_experiment
from tests.studies.table import Table
from tests.studies.tree_setups import CPU, REFERENCE, VARIANTS, preset_of

if TYPE_CHECKING:
    from torch import Tensor

STATES = (0, 100, 300)
"""Steps of independent sampling after which to measure."""
NES_BATCHES, NES_DRAWS = 4, 1000
SGD_BATCHES, SGD_DRAWS = 2, 400
EXACT_DRAWS, EXACT_SAMPLES = 4000, 32


class Paths:
    """An experiment in one state, with all its paths."""

    def __init__(self, case: str, engine: str, state: int) -> None:
        self.experiment = build_experiment(preset_of(case, REFERENCE, engine), CPU)
        method, sampler = self.experiment.method, self.experiment.sampler
        for _ in range(state):
            method.step(sampler, self.experiment.step_size, Stopwatch())
        self.pi_LTK = method.pi_LTK
        num_routed, self.num_tasks, self.num_modules = self.pi_LTK.shape
        paths = itertools.product(range(self.num_modules), repeat=num_routed)
        self.paths_PL = torch.tensor(list(paths))
        shape = (*self.paths_PL.shape, self.num_tasks)
        self.assignments_PLT = self.paths_PL[:, :, None].expand(shape).contiguous()

    def index(self, assignments_SLT: Tensor) -> Tensor:
        """Which path each task has, [S, T]."""
        index = torch.zeros_like(assignments_SLT[:, 0])
        for unit in range(assignments_SLT.shape[1]):
            index = index * self.num_modules + assignments_SLT[:, unit]
        return index

    def losses(self) -> Tensor:
        """Losses [P, T] of all paths in eval mode, on the next batch."""
        batch = self.experiment.sampler.next()
        return self.experiment.population.evaluate(self.assignments_PLT, batch).double()

    def gradients(self) -> Tensor:
        """Gradients [P, T, D] of all paths' losses in train mode, on the next batch."""
        batch = self.experiment.sampler.next()
        bank, population = self.experiment.population.bank, self.experiment.population
        before = {name: value.clone() for name, value in bank.state_dict().items()}
        rows = []
        for path in range(len(self.paths_PL)):
            for task in range(self.num_tasks):
                counts = [n if t == task else 0 for t, n in enumerate(batch.num_labelled)]
                alone = dataclasses.replace(batch, num_labelled=tuple(counts))
                self.experiment.step_size.zero_gradients()
                population.accumulate(self.assignments_PLT[path : path + 1], alone)
                rows.append(torch.cat([_gradient(p) for p in bank.parameters()]))
        bank.load_state_dict(before)
        return torch.stack(rows).view(len(self.paths_PL), self.num_tasks, -1)

    def divisors(self) -> Tensor:
        """What the optimiser's gradient is divided by, but for S, [D]."""
        bank = self.experiment.population.bank
        for parameter in bank.parameters():
            parameter.grad = torch.ones_like(parameter)
        bank.normalise_gradients(1, self.pi_LTK)
        return 1 / torch.cat([_gradient(p) for p in bank.parameters()])

    def probabilities(self) -> Tensor:
        """Probability [P, T] of every path of every task."""
        units = [pi_TK.T[self.paths_PL[:, unit]] for unit, pi_TK in enumerate(self.pi_LTK)]
        return torch.stack(units).prod(0)


def _gradient(parameter: torch.nn.Parameter) -> Tensor:
    found = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
    return found.detach().double().reshape(-1)


def nes_estimate(paths: Paths, losses_PT: Tensor, members: Tensor, tree: Tree | None) -> Tensor:
    """The NES gradient [L, T, K] that learned sharing takes from these members."""
    tasks = torch.arange(paths.num_tasks)
    fitness = losses_PT[paths.index(members), tasks].mean(1)
    gradient = nes.natural_gradient(paths.pi_LTK, members, nes.rank_utilities(fitness))
    return gradient if tree is None else gradient / tree.compared_L[:, None, None]


def measure_nes(paths: Paths, variants: dict[str, tuple[Any, ...]]) -> dict[str, dict[str, float]]:
    """Variance of each variant, relative to the squared length of the expectation, and its length.

    Lengths are relative, and along the expectation that independent sampling has.
    """
    generator = torch.Generator().manual_seed(0)
    spread = dict.fromkeys(variants, 0.0)
    along = dict.fromkeys(variants, 0.0)
    across = dict.fromkeys(variants, 0.0)
    square = 0.0
    for _ in range(NES_BATCHES):
        losses_PT = paths.losses()
        pi = paths.pi_LTK
        draws = (
            nes_estimate(paths, losses_PT, assignment.sample(pi, EXACT_SAMPLES, generator), None)
            for _ in range(EXACT_DRAWS)
        )
        exact = sum(draws, torch.zeros_like(pi)) / EXACT_DRAWS
        square += float((exact**2).sum())
        for name, (variant, nes_tree, _) in variants.items():
            found = torch.stack(
                [
                    nes_estimate(
                        paths,
                        losses_PT,
                        nes_tree.sample(pi, generator)
                        if nes_tree
                        else assignment.sample(pi, variant.nes, generator),
                        nes_tree,
                    )
                    for _ in range(NES_DRAWS)
                ]
            )
            mean = found.mean(0)
            spread[name] += float(found.var(0).sum())
            along[name] += float((mean * exact).sum())
            across[name] += float(((mean - exact) ** 2).sum())
    return {
        name: {
            "nes": spread[name] / square,
            "nes length": along[name] / square,
            "nes bias": (across[name] / square) ** 0.5,
        }
        for name in variants
    }


def measure_sgd(paths: Paths, variants: dict[str, tuple[Any, ...]]) -> dict[str, float]:
    """Variance of each variant's gradient, relative to the squared length of its expectation.

    Between assignments on one batch; what batches add is the same for all.
    """
    generator = torch.Generator().manual_seed(1)
    divisors = paths.divisors()
    total, square = dict.fromkeys(variants, 0.0), 0.0
    for _ in range(SGD_BATCHES):
        gradients_PTD = paths.gradients() / divisors
        exact = (paths.probabilities()[:, :, None] * gradients_PTD).sum((0, 1))
        square += float((exact**2).sum())
        rows = gradients_PTD.flatten(0, 1)
        offsets = torch.arange(paths.num_tasks)
        for name, (variant, _, sgd_tree) in variants.items():
            counts = torch.zeros((SGD_DRAWS, len(rows)), dtype=torch.float64)
            for draw in range(SGD_DRAWS):
                samples = (
                    sgd_tree.sample(paths.pi_LTK, generator, stratified=True)
                    if sgd_tree
                    else assignment.sample(paths.pi_LTK, variant.sgd, generator)
                )
                used = (paths.index(samples) * paths.num_tasks + offsets).flatten()
                counts[draw] = torch.bincount(used, minlength=len(rows)) / len(samples)
            total[name] += float(((counts @ rows - exact) ** 2).sum()) / SGD_DRAWS
    return {name: value / square for name, value in total.items()}


def measure_variance(table: Table, case: str, engine: str) -> None:
    """Both halves, in every state that the table does not have."""
    for state in STATES:
        if ("variance", case, REFERENCE, state) in table.values:
            continue
        paths = Paths(case, engine, state)
        variants = {}
        for name, variant in VARIANTS.items():
            preset = preset_of(case, name, engine)
            work = preset.network.routed_work(preset.data.shape().input_shape)
            method = preset.method.fitted(work)
            tree = method.sampling == "tree"
            trees = [
                Tree(method.branching, s) if tree else None for s in (variant.nes, variant.sgd)
            ]
            variants[name] = (variant, *trees)
        found = measure_nes(paths, variants)
        for name, value in measure_sgd(paths, variants).items():
            found[name]["sgd"] = value
        for name in sorted(found, key=lambda name: name == REFERENCE):  # the mark of a whole state
            table.add("variance", case, name, state, found[name])
