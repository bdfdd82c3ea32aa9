"""The NES update: utilities, natural gradient, floor."""

from __future__ import annotations

import pytest
import torch

from shareconsole.sharing import assignment, nes


def test_utilities_run_from_minus_one_for_the_worst_to_plus_one_for_the_best():
    losses = torch.tensor([0.3, 2.0, 1.0, 0.1, 0.5])
    assert nes.rank_utilities(losses).tolist() == [0.5, -1.0, -0.5, 1.0, 0.0]


def test_equal_losses_share_the_mean_rank():
    assert nes.rank_utilities(torch.tensor([1.0, 1.0, 3.0, 1.0])).tolist() == pytest.approx(
        [1 / 3, 1 / 3, -1.0, 1 / 3]
    )
    assert nes.rank_utilities(torch.full((6,), 0.7)).tolist() == [0.0] * 6


def test_nan_and_infinity_rank_as_the_worst_and_share_it():
    losses = torch.tensor([float("nan"), 1.0, float("inf"), 0.5, float("-inf")])
    assert nes.rank_utilities(losses).tolist() == [-0.75, 0.0, -0.75, 0.5, 1.0]


def test_utilities_sum_to_zero_and_columns_are_ranked_on_their_own():
    g = torch.Generator().manual_seed(0)
    losses = torch.randint(4, (9, 5), generator=g).double()
    both = nes.rank_utilities(losses)
    assert both.sum(0).abs().max() < 1e-12
    for task in range(5):
        assert torch.equal(both[:, task], nes.rank_utilities(losses[:, task]))


def test_a_population_of_one_assignment_moves_nothing():
    pi = assignment.uniform(2, 3, 4)
    members = torch.zeros((5, 2, 3), dtype=torch.int64)
    gradient = nes.natural_gradient(pi, members, nes.rank_utilities(torch.ones(5)))
    assert torch.equal(gradient, torch.zeros_like(pi))


def test_natural_gradient_is_the_inverse_fisher_times_the_score():
    """Checked through the minimal parametrisation pi_1 .. pi_{K-1} and its K-1 x K-1 Fisher."""
    g = torch.Generator().manual_seed(1)
    pi = torch.rand(1, 1, 4, generator=g, dtype=torch.float64)
    pi = pi / pi.sum()
    members = torch.randint(4, (6, 1, 1), generator=g)
    utilities = torch.randn(6, generator=g, dtype=torch.float64)
    free = pi[0, 0, :-1]
    fisher = torch.diag(1 / free) + 1 / pi[0, 0, -1]
    expected = torch.zeros(3, dtype=torch.float64)
    for member, u in zip(members.flatten().tolist(), utilities, strict=True):
        score = torch.full((3,), -1 / float(pi[0, 0, -1]), dtype=torch.float64)
        if member < 3:
            score = torch.zeros(3, dtype=torch.float64)
            score[member] = 1 / free[member]
        expected += u * torch.linalg.solve(fisher, score) / 6
    found = nes.natural_gradient(pi, members, utilities)[0, 0]
    torch.testing.assert_close(found[:-1], expected)
    assert abs(float(found.sum())) < 1e-12


def test_update_keeps_rows_distributions_above_the_floor():
    g = torch.Generator().manual_seed(2)
    pi = assignment.uniform(3, 2, 5)
    for _ in range(300):
        members = assignment.sample(pi, 4, g)
        losses = (members == 0).double().mean((1, 2)).neg()  # module 0 is best everywhere
        gradient = nes.natural_gradient(pi, members, nes.rank_utilities(losses))
        pi = nes.update(pi, gradient, 0.2, 0.001)
        torch.testing.assert_close(pi.sum(2), torch.ones(3, 2, dtype=torch.float64))
        assert pi.min() > 0.001 / 2  # scaling after the floor may only lower it a little
    assert torch.equal(assignment.mode(pi), torch.zeros((3, 2), dtype=torch.int64))
    assert pi[:, :, 0].min() > 0.98
