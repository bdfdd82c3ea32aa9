"""Sampling, mode and entropy of pi."""

from __future__ import annotations

import math

import torch

from shareconsole.sharing import assignment


def test_samples_follow_pi_in_every_row_and_rows_are_independent():
    pi = torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]], dtype=torch.float64)
    pi = torch.cat([pi, pi.flip(2)])
    n = 20_000
    drawn = assignment.sample(pi, n, torch.Generator().manual_seed(0))
    assert drawn.shape == (n, 2, 2)
    for unit in range(2):
        for task in range(2):
            share = torch.bincount(drawn[:, unit, task], minlength=3) / n
            assert (share - pi[unit, task]).abs().max() < 5 * math.sqrt(0.25 / n)
    both = ((drawn[:, 0, 0] == 0) & (drawn[:, 0, 1] == 2)).double().mean()
    assert abs(float(both) - 0.7 * 0.8) < 5 * math.sqrt(0.25 / n)


def test_same_generator_state_gives_the_same_samples():
    pi = assignment.uniform(3, 4, 5)
    first = assignment.sample(pi, 8, torch.Generator().manual_seed(7))
    again = assignment.sample(pi, 8, torch.Generator().manual_seed(7))
    assert torch.equal(first, again)


def test_nothing_routed_gives_empty_assignments():
    drawn = assignment.sample(assignment.uniform(0, 3, 1), 2, torch.Generator())
    assert drawn.shape == (2, 0, 3)


def test_mode_takes_the_first_of_equals():
    assert assignment.mode(assignment.uniform(2, 2, 3)).tolist() == [[0, 0], [0, 0]]


def test_entropy_is_log_k_when_uniform_and_zero_when_certain():
    assert math.isclose(assignment.mean_entropy(assignment.uniform(2, 3, 4)), math.log(4))
    certain = torch.zeros(1, 2, 3, dtype=torch.float64)
    certain[:, :, 1] = 1
    assert assignment.mean_entropy(certain) == 0


def test_floor_then_renormalise_may_end_a_hair_under_the_floor():
    pi = torch.tensor([[[1.0, 0.0, 0.0]]], dtype=torch.float64)
    raised = assignment.floor_and_renormalise(pi, 0.001)
    torch.testing.assert_close(raised, torch.tensor([[[1, 0.001, 0.001]]]).double() / 1.002)
