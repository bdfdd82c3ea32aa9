"""The search for a tree: against all trees there are, within budgets, on structures put there."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from shareconsole.sharing.branching_tree import MANY_CLUSTERS, _Search, cheapest_tree
from shareconsole.sharing.partitions import merges, partition_cost
from tests.studies.tree_search import WIDTH, gaps, random_affinity


def refines(finer, coarser) -> bool:
    return len({*zip(finer, coarser, strict=True)}) == max(finer) + 1


def all_partitions(tasks: int) -> list[tuple[int, ...]]:
    """Every way to number tasks' clusters, renumbered; slow, and nothing of the code under test."""
    found = set()
    for numbers in product(range(tasks), repeat=tasks):
        seen = list(dict.fromkeys(numbers))
        found.add(tuple(seen.index(n) for n in numbers))
    return sorted(found)


def cost_of(A_TT: np.ndarray, partition: tuple[int, ...], weighting: str) -> float:
    """The paper's formula in plain loops."""
    total, weights = 0.0, 0
    for cluster in set(partition):
        tasks = [t for t, c in enumerate(partition) if c == cluster]
        weight = len(tasks) if weighting == "tasks" else 1
        total += weight * max((1 - A_TT[i, j] for i in tasks for j in tasks if i < j), default=0)
        weights += weight
    return total / weights


def brute_force(A_LTT, sizes, limit, weighting):
    best = (np.inf, np.inf)
    for tree in product(all_partitions(A_LTT.shape[1]), repeat=len(sizes)):
        used = sum(s * (max(p) + 1) for s, p in zip(sizes, tree, strict=True))
        if used <= limit and all(refines(b, a) for a, b in pairwise(tree)):
            cost = sum(cost_of(A, p, weighting) for A, p in zip(A_LTT, tree, strict=True))
            best = min(best, (round(cost, 12), used))
    return best


@pytest.mark.parametrize("weighting", ["clusters", "tasks"])
@pytest.mark.parametrize(("units", "tasks"), [(1, 4), (2, 4), (3, 3), (4, 2)])
def test_no_tree_within_the_budget_is_cheaper(units, tasks, weighting):
    for seed in range(3):
        A = random_affinity(units, tasks, seed)
        sizes = [int(n) for n in np.random.default_rng(seed).integers(1, 50, units)]
        for budget in (1, 1.4, 2, 3):
            limit = int(budget * sum(sizes))
            tree = cheapest_tree(A, sizes, limit, weighting=weighting)
            expected = brute_force(A, sizes, limit, weighting)
            assert (round(tree.cost, 12), tree.parameters) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("many_clusters", [2, 3, MANY_CLUSTERS])
@pytest.mark.parametrize("tasks", [2, 3, 4, 5, 6])
def test_a_beam_finds_the_same_on_few_tasks(tasks, many_clusters):
    """Also where it merges two clusters at a time, as it otherwise only does with more tasks."""
    # Partitions that merge share the width; of six tasks there are 203.
    width = WIDTH if many_clusters == MANY_CLUSTERS else 203 * WIDTH
    for seed in range(8 if tasks < 5 else 3):
        units = 1 + seed % 5
        A = random_affinity(units, tasks, seed)
        sizes = [int(n) for n in np.random.default_rng(seed).integers(1, 200, units)]
        for budget, weighting in product((1, 1.3, 2, 3), ("clusters", "tasks")):
            limit = int(budget * sum(sizes))
            whole = cheapest_tree(A, sizes, limit, weighting=weighting)
            beam = cheapest_tree(
                A,
                sizes,
                limit,
                weighting=weighting,
                beam_width=width,
                many_clusters=many_clusters,
            )
            assert beam.cost == pytest.approx(whole.cost, abs=1e-12)
            assert beam.parameters == whole.parameters


@pytest.mark.parametrize(("kind", "most"), [("random", 0.02), ("grouped", 1e-9)])
def test_a_beam_misses_little_on_seven_tasks(kind, most):
    # The README's figures are of ten seeds.
    gap = gaps(kind, 7, range(2), WIDTH)
    assert gap.min() > -1e-9
    assert (gap > 1e-9).mean() <= 0.1
    assert gap.max() <= most


def test_few_tasks_need_the_merges_that_are_not_cheapest_at_first(monkeypatch):
    def greedy(*arguments):
        return merges(*arguments[:-1], 1)

    monkeypatch.setattr("shareconsole.sharing.branching_tree.merges", greedy)
    gap = gaps("random", 6, range(2), WIDTH, many_clusters=2)
    assert gap.max() > 0.01


@pytest.mark.parametrize(("tasks", "width"), [(5, None), (5, 1), (12, 3)])
def test_trees_refine_stay_within_budgets_and_cost_no_more_with_larger_ones(tasks, width):
    A = random_affinity(4, tasks, 1)
    sizes = [30, 7, 50, 11]
    costs = []
    for budget in (1, 1.2, 1.7, 2, 3.5, tasks):
        limit = int(budget * sum(sizes))
        tree = cheapest_tree(A, sizes, limit, beam_width=width)
        counts = [max(p) + 1 for p in tree.partitions]
        assert tree.parameters == np.dot(counts, sizes) <= limit
        for before, after in pairwise(tree.partitions):
            assert refines(after, before)
        spelled = sum(partition_cost(1 - a, p) for a, p in zip(A, tree.partitions, strict=True))
        assert tree.cost == pytest.approx(spelled)
        costs.append(tree.cost)
    assert costs[0] == pytest.approx(sum(1 - A.min((1, 2))))
    assert costs[-1] == 0
    if width is None:  # a beam may miss with more room what it found with less
        assert costs == sorted(costs, reverse=True)


def test_too_small_a_budget_is_refused():
    with pytest.raises(ValueError, match="37 parameters at least are over the limit, 36"):
        cheapest_tree(random_affinity(2, 3, 0), [30, 7], 36)


def planted(groups_by_unit: list[list[int]], inside: float = 0.8, outside: float = 0.2):
    same = [np.equal.outer(groups, groups) for groups in groups_by_unit]
    A = np.where(same, inside, outside)
    # A little noise, or there would be ties.
    noise = np.random.default_rng(0).uniform(0, 0.02, A.shape)
    A += noise + noise.swapaxes(1, 2)
    A[:, range(A.shape[1]), range(A.shape[1])] = 1
    return A


@pytest.mark.parametrize("width", [None, WIDTH])
def test_a_planted_tree_is_found(width):
    groups = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 1, 2, 2, 2]]
    A = planted(groups)
    tree = cheapest_tree(A, [1, 1, 1], 6, weighting="tasks", beam_width=width)
    assert tree.partitions == tuple(tuple(unit) for unit in groups)


def test_a_beam_finds_planted_groups_of_many_tasks():
    groups = [task % 4 for task in range(24)]
    tree = cheapest_tree(planted([groups] * 3), [5, 9, 2], 64, weighting="tasks", beam_width=20)
    assert tree.partitions == (tuple(groups),) * 3


def test_tasks_that_cannot_be_told_apart_share_everything():
    for width in (None, 5):
        tree = cheapest_tree(np.ones((3, 5, 5)), [4, 5, 6], 60, beam_width=width)
        assert tree.partitions == ((0,) * 5,) * 3
        assert (tree.cost, tree.parameters) == (0, 15)


def test_large_budgets_do_not_make_a_beam_look_at_ever_more_trees(monkeypatch):
    """A search that continued every partition by the whole width would do its square."""
    grown = []
    grow = _Search.grow

    def counted(search, *arguments):
        front = grow(search, *arguments)
        grown.append(len(front.cost))
        return front

    monkeypatch.setattr(_Search, "grow", counted)
    A, sizes = random_affinity(3, 14, 0), [10, 10, 10]
    cheapest_tree(A, sizes, 7 * sum(sizes), beam_width=30)
    assert 0 < max(grown) < 30_000
