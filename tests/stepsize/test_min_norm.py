"""The shortest mixture of some vectors against a grid and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from shareconsole.sharing.min_norm import min_norm_weights


def gram(vectors: torch.Tensor) -> torch.Tensor:
    return vectors @ vectors.T


def random_vectors(count: int, size: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count, size, generator=generator, dtype=torch.float64)
    # A direction in common, so that the minimum is not always inside, nor always at a corner.
    common = torch.randn(size, generator=generator, dtype=torch.float64)
    return vectors * torch.rand(count, 1, generator=generator).double() * 3 + common


@pytest.mark.parametrize("seed", range(20))
def test_two_vectors_against_a_grid(seed):
    vectors = random_vectors(2, 3, seed)
    first, second = min_norm_weights(gram(vectors)).tolist()
    assert first + second == pytest.approx(1)
    assert first >= 0 <= second
    grid = torch.linspace(0, 1, 20_001, dtype=torch.float64)[:, None]
    lengths = (grid * vectors[0] + (1 - grid) * vectors[1]).norm(dim=1)
    assert first == pytest.approx(float(grid[lengths.argmin()]), abs=5.1e-5)


def test_the_closed_form_of_two_reaches_both_corners_and_the_middle():
    for vectors, weights in (
        ([[1.0, 0], [3, 0]], (1, 0)),
        ([[3.0, 0], [1, 1]], (0, 1)),
        ([[2.0, 0], [0, 2]], (0.5, 0.5)),
        ([[1.0, 1], [1, 1]], (0.5, 0.5)),
        ([[0.0, 0], [1, 1]], (1, 0)),
        ([[1.0, 0], [-3, 0]], (0.75, 0.25)),
    ):
        found = min_norm_weights(gram(torch.tensor(vectors, dtype=torch.float64)))
        torch.testing.assert_close(found, torch.tensor(weights, dtype=torch.float64))


@pytest.mark.parametrize("count", [3, 5, 12])
@pytest.mark.parametrize("size", [2, 8, 40])
def test_more_vectors_against_scipy(count, size):
    for seed in range(4):
        vectors = random_vectors(count, size, 100 * count + size + seed)
        G = gram(vectors)
        weights = min_norm_weights(G)
        assert float(weights.min()) >= 0
        assert float(weights.sum()) == pytest.approx(1)
        found = float(weights @ G @ weights)
        # No vector is shorter along the mixture than the mixture is: the condition of optimality.
        assert float((G @ weights).min()) >= found - 1e-9 * float(G.diagonal().max())
        scipy = minimize(
            lambda a, G: a @ G @ a,
            np.full(count, 1 / count),
            (G.numpy(),),
            jac=lambda a, G: 2 * G @ a,
            bounds=[(0, 1)] * count,
            constraints={
                "type": "eq",
                "fun": lambda a: a.sum() - 1,
                "jac": np.ones_like,
            },
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert found == pytest.approx(scipy.fun, rel=1e-6, abs=1e-9)


def test_many_vectors_in_a_plane_and_twice_the_same():
    vectors = random_vectors(3, 2, 7)
    doubled = torch.cat([vectors, vectors, -vectors])
    weights = min_norm_weights(gram(doubled))
    assert float((weights @ doubled).norm()) < 1e-6


def test_orthogonal_vectors_weigh_by_one_over_their_square():
    lengths = torch.tensor([1.0, 2, 4, 8], dtype=torch.float64)
    weights = min_norm_weights((lengths**2).diag())
    expected = lengths**-2 / (lengths**-2).sum()
    torch.testing.assert_close(weights, expected)


def test_one_vector_has_all_the_weight_and_nothing_finite_comes_of_nan():
    assert min_norm_weights(torch.tensor([[3.0]])).tolist() == [1]
    for count in (2, 3):
        assert min_norm_weights(torch.full((count, count), torch.nan)).isnan().all()
