"""How much the beam of branched networks misses: its trees against the best of all there are.

`python -m tests.studies.tree_search [--width N ...] [--seeds N]` prints the figures of the README:
with 7 and 8 tasks, where all trees can still be looked at, how often and by how much a beam's tree
costs more, and with more tasks how long it takes. A minute or two; nothing is kept.
"""

from __future__ import annotations

import argparse
import time
from itertools import product

import numpy as np

from shareconsole.sharing.branching_tree import cheapest_tree
from shareconsole.spec.method.branched import BranchedOptions

WIDTH = BranchedOptions(name="branched").beam_width
UNITS = (240, 5208, 5208, 5208)
"""Parameters of the units of omniglot-small."""

BUDGETS = (1.3, 1.7, 2.0, 3.0)
WEIGHTINGS = ("clusters", "tasks")


def _symmetric(A_LTT: np.ndarray) -> np.ndarray:
    A_LTT = (A_LTT + A_LTT.swapaxes(1, 2)) / 2
    A_LTT[:, range(A_LTT.shape[1]), range(A_LTT.shape[1])] = 1
    return A_LTT


def random_affinity(units: int, tasks: int, seed: int) -> np.ndarray:
    """Affinities without any structure, which are the hardest to search."""
    return _symmetric(np.random.default_rng(seed).uniform(-0.2, 1, (units, tasks, tasks)))


def grouped_affinity(units: int, tasks: int, seed: int) -> np.ndarray:
    """Affinities like those of real networks: falling with depth, higher within three groups.

    Some tasks are also less like all others than the rest, as in omniglot-small.
    """
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 3, tasks)
    apart = rng.uniform(0, 0.1, (units, tasks))
    A = np.linspace(0.9, 0.4, units)[:, None, None] + 0.1 * np.equal.outer(groups, groups)
    A = A - apart[:, :, None] - apart[:, None] + rng.normal(0, 0.03, (units, tasks, tasks))
    return _symmetric(np.minimum(A, 1))


KINDS = {"random": random_affinity, "grouped": grouped_affinity}


def gaps(kind: str, tasks: int, seeds: range, width: int, **beam: int) -> np.ndarray:
    """How much more a beam's tree costs than the best, relative, for every budget and weighting."""
    found = []
    for seed, budget, weighting in product(seeds, BUDGETS, WEIGHTINGS):
        A, limit = KINDS[kind](len(UNITS), tasks, seed), int(budget * sum(UNITS))
        best = cheapest_tree(A, UNITS, limit, weighting=weighting)
        tree = cheapest_tree(A, UNITS, limit, weighting=weighting, beam_width=width, **beam)
        found.append(tree.cost / best.cost - 1)
    return np.array(found)


def seconds(kind: str, tasks: int, width: int) -> float:
    """CPU seconds of the slowest search; a large budget allows the most trees."""
    A, times = KINDS[kind](len(UNITS), tasks, 0), []
    for budget, weighting in product((*BUDGETS, tasks / 2), WEIGHTINGS):
        began = time.process_time()
        limit = int(budget * sum(UNITS))
        cheapest_tree(A, UNITS, limit, weighting=weighting, beam_width=width)
        times.append(time.process_time() - began)
    return max(times)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, nargs="*", default=[WIDTH, 2 * WIDTH])
    parser.add_argument("--seeds", type=int, default=10, help="for 7 tasks; a fifth of it for 8")
    arguments = parser.parse_args()
    for width, (tasks, seeds), kind in product(
        arguments.width, ((7, arguments.seeds), (8, max(1, arguments.seeds // 5))), KINDS
    ):
        gap = gaps(kind, tasks, range(seeds), width)
        print(
            f"beam_width {width}, {tasks} tasks, {kind}: {(gap > 1e-9).sum()} of {len(gap)} trees "
            f"cost more, at most {100 * gap.max():.1f} %, on average {100 * gap.mean():.2f} %",
            flush=True,
        )
    for width, tasks in product(arguments.width, (10, 20, 40)):
        slowest = max(seconds(kind, tasks, width) for kind in KINDS)
        print(f"beam_width {width}, {tasks} tasks: {slowest:.2f} s at most", flush=True)


if __name__ == "__main__":
    main()
