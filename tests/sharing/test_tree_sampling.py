"""Tree sampling: each assignment is distributed as pi, prefixes are few, and it repeats exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from shareconsole.sharing import assignment, nes
from shareconsole.sharing.tree_sampling import Tree

L, T, K = 3, 2, 3
DRAWS = 20_000
TILES = 100
# A test that is right fails once in 1 / LIMIT seeds; a wrong marginal ends many orders below.
LIMIT = 1e-4


def some_pi(seed: int = 0, shape: tuple[int, ...] = (L, T, K)) -> torch.Tensor:
    pi = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.2
    return pi / pi.sum(2, keepdim=True)


def many(tree: Tree, pi: torch.Tensor, count: int = DRAWS, **options) -> np.ndarray:
    """[count, S, L, T] samples from one generator; tasks are repeated to draw many at once."""
    generator = torch.Generator().manual_seed(11)
    tiled = pi.repeat(1, TILES, 1)
    drawn = [tree.sample(tiled, generator, **options) for _ in range(-(-count // TILES))]
    parts = torch.cat(drawn, 2).unflatten(2, (-1, pi.shape[1]))
    return parts.permute(2, 0, 1, 3)[:count].numpy()


def p_value(observed: np.ndarray, expected: np.ndarray) -> float:
    """Chi-square test of counts against probabilities of all cells."""
    assert expected.min() * observed.sum() > 5
    return stats.chisquare(observed.ravel(), expected.ravel() * observed.sum()).pvalue


@pytest.fixture(scope="module", params=[False, True], ids=["independent groups", "stratified"])
def drawn(request) -> np.ndarray:
    """Samples of 5 assignments in groups of unequal size."""
    return many(Tree((2, 3, 4), 5), some_pi(), stratified=request.param)


def test_every_assignment_has_the_distribution_pi(drawn):
    """All rows of one assignment at once: marginals, and independence of units and tasks."""
    pi = some_pi().numpy().reshape(L * T, K)
    joint = np.ones(1)
    for row in pi:
        joint = np.outer(joint, row).ravel()
    powers = K ** np.arange(L * T)[::-1]
    values = []
    for member in range(drawn.shape[1]):
        codes = drawn[:, member].reshape(DRAWS, L * T) @ powers
        # Cells of the 3^6 outcomes, rare ones together.
        order = np.argsort(joint)
        cells = np.cumsum(joint[order]) // 0.01
        merged = np.empty(len(joint), dtype=np.int64)
        merged[order] = np.unique(cells, return_inverse=True)[1]
        values.append(p_value(np.bincount(merged[codes]), np.bincount(merged, weights=joint)))
    assert min(values) > LIMIT


def test_marginals_of_every_row_and_pairs_of_rows(drawn):
    pi = some_pi().numpy().reshape(L * T, K)
    rows = drawn.reshape(DRAWS, drawn.shape[1], L * T)
    values = []
    for member in range(rows.shape[1]):
        single = (np.bincount(rows[:, member, a], minlength=K) for a in range(L * T))
        values += [p_value(counts, pi[a]) for a, counts in enumerate(single)]
        for a, b in itertools.combinations(range(L * T), 2):
            both = np.bincount(rows[:, member, a] * K + rows[:, member, b], minlength=K * K)
            values.append(p_value(both, np.outer(pi[a], pi[b])))
    assert len(values) == 5 * (6 + 15)
    assert min(values) > LIMIT / len(values)


def test_the_test_of_the_distribution_sees_a_small_error():
    """One row shifted by two points of probability is found with so many draws."""
    pi = some_pi()
    wrong = pi.clone()
    wrong[1, 0] += torch.tensor([0.02, -0.02, 0])
    drawn = many(Tree((2, 3, 4), 5), wrong)
    pooled = np.bincount(drawn[:, 0, 1, 0], minlength=K)
    assert p_value(pooled, wrong[1, 0].numpy()) > LIMIT
    assert p_value(pooled, pi[1, 0].numpy()) < LIMIT


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize(
    ("branching", "num_samples"),
    [((2, 3, 4), 5), ((2, 4, 8), 8), ((3, 3, 8), 8), ((1, 2, 2), 7), ((4, 16, 64), 8), ((2,), 16)],
)
def test_a_task_has_at_most_as_many_prefixes_as_the_branching_says(
    branching, num_samples, stratified
):
    pi = assignment.uniform(len(branching), 4, 50)
    drawn = many(Tree(branching, num_samples), pi, 40, stratified=stratified)
    most = np.zeros(len(branching), dtype=int)
    for population in drawn:
        for task in range(4):
            for unit in range(len(branching)):
                prefixes = np.unique(population[:, : unit + 1, task], axis=0)
                most[unit] = max(most[unit], len(prefixes))
    assert most.tolist() == [min(groups, num_samples) for groups in branching]


def test_groups_are_nested_of_equal_size_where_they_can_be_and_each_task_has_its_own():
    pi = assignment.uniform(2, 2, 10_000)  # two groups never draw the same by accident
    [[first, second]] = many(Tree((2, 5), 10), pi, 1).transpose(0, 3, 2, 1)
    for unit_one, unit_two in (first, second):
        assert np.unique(unit_one, return_counts=True)[1].tolist() == [5, 5]
        # 2 groups of 5 become 3 and 2 groups.
        assert sorted(np.unique(unit_two, return_counts=True)[1]) == [1, 2, 2, 2, 3]
        for value in np.unique(unit_two):
            assert len(np.unique(unit_one[unit_two == value])) == 1
    assert len(np.unique(np.stack([first[0], second[0]]), axis=1).T) == 4


def test_each_place_is_as_likely_to_share_with_each_other():
    """Exchangeable: no pair of assignments is together more often than another."""
    pi = assignment.uniform(1, 1, 10_000)
    drawn = many(Tree((3,), 5), pi, 3_000)[:, :, 0, 0]
    together = [(drawn[:, a] == drawn[:, b]).sum() for a, b in itertools.combinations(range(5), 2)]
    # Groups of 2, 2 and 1: 2 of 10 pairs are together.
    assert stats.chisquare(together).pvalue > LIMIT
    assert sum(together) == pytest.approx(2 * 3_000, rel=0.01)


def test_as_many_groups_as_assignments_is_the_independent_law():
    """All pairs of assignments jointly, against the product of their distributions."""
    pi = some_pi(4, (2, 1, 2))
    drawn = many(Tree((4, 4), 4), pi)[..., 0] @ [2, 1]
    one = torch.outer(pi[0, 0], pi[1, 0]).ravel().numpy()
    for a, b in itertools.combinations(range(4), 2):
        both = np.bincount(drawn[:, a] * 4 + drawn[:, b], minlength=16)
        assert p_value(both, np.outer(one, one)) > LIMIT
    assert Tree((4, 4), 4).compared_L.tolist() == [1, 1]


def test_stratified_groups_take_every_module_as_often_as_its_probability_allows():
    pi = torch.tensor([[[0.5, 0.3, 0.2]]], dtype=torch.float64)
    drawn = many(Tree((8,), 8), pi, 500, stratified=True).reshape(500, 8)
    for module, probability in enumerate((0.5, 0.3, 0.2)):
        counts = (drawn == module).sum(1)
        assert set(counts) <= {int(8 * probability), -int(-8 * probability // 1)}


@pytest.mark.parametrize("stratified", [False, True])
def test_modules_of_probability_zero_are_never_drawn(stratified):
    pi = torch.tensor([0, 0.3, 0, 0.7, 0], dtype=torch.float64).expand(2, 3, 5)
    drawn = many(Tree((2, 4), 6), pi, 300, stratified=stratified)
    assert np.unique(drawn).tolist() == [1, 3]


def test_the_last_module_is_hit_by_the_greatest_point(monkeypatch):
    """(n - 1 + u) / n rounds to 1 for u just below 1."""
    monkeypatch.setattr(
        torch, "rand", lambda shape, **_: torch.full(shape, 1 - 2**-53, dtype=torch.float64)
    )
    pi = torch.tensor([[[0.1, 0.2, 0.3, 0.4, 0.0]]], dtype=torch.float64)
    drawn = Tree((6,), 6).sample(pi, torch.Generator(), stratified=True)
    assert drawn.max() == 3


def test_small_cases():
    generator = torch.Generator().manual_seed(0)
    assert Tree((), 4).sample(assignment.uniform(0, 3, 1), generator).shape == (4, 0, 3)
    assert Tree((1, 1), 1).sample(assignment.uniform(2, 3, 4), generator).shape == (1, 2, 3)
    only = Tree((2, 4), 4).sample(assignment.uniform(2, 3, 1), generator, stratified=True)
    assert torch.equal(only, torch.zeros((4, 2, 3), dtype=torch.int64))
    assert only.dtype == torch.int64
    assert Tree((2, 100), 3).branching == (2, 3)


def test_what_does_not_fit_is_an_error():
    for branching in ((0, 2), (3, 2)):
        with pytest.raises(ValueError, match="below 1 or the one before"):
            Tree(branching, 8)
    with pytest.raises(ValueError, match="a tree of 2 units for 3 routed units"):
        Tree((2, 4), 8).sample(some_pi(), torch.Generator())


@pytest.mark.parametrize("stratified", [False, True])
def test_the_generator_is_all_there_is_to_restore(stratified):
    pi, tree = some_pi(), Tree((2, 3, 4), 5)
    generator = torch.Generator().manual_seed(3)
    tree.sample(pi, generator, stratified=stratified)
    state = generator.get_state()
    expected = [tree.sample(pi, generator, stratified=stratified) for _ in range(3)]
    resumed = torch.Generator()
    resumed.set_state(state)
    again = Tree((2, 3, 4), 5)
    for population in expected:
        assert torch.equal(population, again.sample(pi, resumed, stratified=stratified))
    assert not torch.equal(expected[0], expected[1])


def test_compared_is_what_is_left_of_the_length_of_the_nes_gradient():
    """With losses in place of ranks the NES estimate is, after scaling, unbiased for any loss."""
    pi, tree = some_pi(7), Tree((2, 3, 5), 5)
    assert tree.compared_L.tolist() == pytest.approx([0.6, 0.8, 1])
    generator = torch.Generator().manual_seed(2)
    effect = torch.randn(L * T, K, generator=generator, dtype=torch.float64)
    outcomes = torch.cartesian_prod(*[torch.arange(K)] * (L * T))
    onehot = torch.nn.functional.one_hot(outcomes, K).double()
    fitness_of = (onehot * effect).sum((1, 2))
    fitness_of += torch.randn(len(outcomes), generator=generator, dtype=torch.float64)
    probability = (onehot * pi.reshape(L * T, K)).sum(2).prod(1)
    weight = (probability * fitness_of)[:, None, None]
    expected = (weight * (onehot - pi.reshape(L * T, K))).sum(0).reshape(L, T, K)
    powers = K ** torch.arange(L * T - 1, -1, -1)
    gradients = []
    for _ in range(5_000):
        members = tree.sample(pi, generator)
        fitness = fitness_of[(members.reshape(5, -1) * powers).sum(1)]
        # What ranking does to signs, this does to the values themselves.
        utilities = (fitness - fitness.mean()) * 5 / 4
        gradients.append(nes.natural_gradient(pi, members, utilities))
    short = torch.stack(gradients)
    found = short / tree.compared_L[:, None, None]
    error = (found.mean(0) - expected) / (found.std(0) / 5_000**0.5)
    assert error.abs().max() < 4.5
    assert (found.mean(0) - expected).norm() < 0.1 * expected.norm()
    unscaled = (short.mean(0) - expected) / (short.std(0) / 5_000**0.5)
    assert unscaled[0].abs().max() > 8


def test_a_unit_drawn_once_gets_no_nes_gradient_whatever_the_losses():
    tree, pi, generator = Tree((1, 3, 5), 5), some_pi(7), torch.Generator().manual_seed(3)
    moved = torch.zeros(L, dtype=torch.float64)
    for _ in range(20):
        utilities = nes.rank_utilities(torch.rand(5, generator=generator))
        gradient = nes.natural_gradient(pi, tree.sample(pi, generator), utilities)
        moved = torch.maximum(moved, gradient.abs().amax((1, 2)))
    assert tree.compared_L.tolist() == pytest.approx([0, 0.8, 1])
    assert moved[0] < 1e-15
    assert moved[1:].min() > 0.1
