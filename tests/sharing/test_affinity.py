"""Dissimilarity matrices and rank correlations against numpy and scipy, and what they ignore."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from shareconsole.sharing import affinity as af


def random(*shape: int, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def affinity_of(*features: torch.Tensor) -> torch.Tensor:
    return af.affinity(torch.stack([af.ranks(af.rdm(x)) for x in features]))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((12, 7), torch.float64),
        ((9, 3, 4, 5), torch.float32),
        ((6, 5000), torch.float32),  # more features than are taken at a time
    ],
)
def test_an_rdm_is_one_minus_pearson_above_the_diagonal(shape, dtype):
    features = random(*shape, dtype=dtype) + 100
    found = af.rdm(features)
    correlation = np.corrcoef(features.double().flatten(1).numpy())
    expected = (1 - correlation)[np.triu_indices(shape[0], 1)]
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found, np.round(expected * 2**20) / 2**20)


def test_distances_that_are_equal_but_for_rounding_errors_share_a_rank():
    features = torch.eye(5, dtype=torch.float64)[[0, 1, 2, 3, 0, 1]] * random(6, 1).abs()
    distances = af.rdm(features)
    assert sorted(set(distances.tolist())) == [0, 1.25]
    assert torch.equal(af.rdm(features + 1e-12 * random(6, 5, seed=1)), distances)


def test_an_image_without_any_variation_is_as_far_from_all():
    features = random(4, 6)
    features[1] = 0.1  # a number whose mean over features is not itself in floating point
    features[3] = 0
    distances = af.rdm(features).tolist()
    expected = 1 - float(torch.corrcoef(features[[0, 2]])[0, 1])
    assert distances.pop(1) == pytest.approx(expected, abs=1e-6)
    assert distances == [1] * 5


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_features_that_are_not_finite_are_refused(bad):
    features = random(4, 6)
    features[2, 1] = bad
    with pytest.raises(ValueError, match="not finite"):
        af.rdm(features)


def test_equal_values_share_the_mean_of_their_ranks():
    for seed in range(5):
        values = torch.from_numpy(np.random.default_rng(seed).integers(0, 8, 30) / 8)
        np.testing.assert_array_equal(af.ranks(values), stats.rankdata(values.numpy()))
    assert af.ranks(torch.tensor([5.0, 5.0, 5.0])).tolist() == [2, 2, 2]
    assert af.ranks(torch.tensor([3.0, -1.0, 2.0])).tolist() == [3, 1, 2]


def test_affinity_is_spearman_s_correlation_with_ties_and_without():
    tasks = np.random.default_rng(0).integers(0, 9, (5, 40)) / 4.0
    tasks[0] = np.random.default_rng(1).normal(size=40)
    found = af.affinity(torch.stack([af.ranks(torch.from_numpy(task)) for task in tasks]))
    np.testing.assert_allclose(found, stats.spearmanr(tasks.T).statistic, atol=1e-12)
    assert torch.equal(found, found.mT)
    assert torch.equal(found.diagonal(), torch.ones(5, dtype=torch.float64))


def test_distances_that_are_all_equal_correlate_with_nothing():
    ranks = torch.stack([torch.full((6,), 3.5), torch.arange(1.0, 7.0), -torch.arange(6.0)])
    expected = [[1, 0, 0], [0, 1, -1], [0, -1, 1]]
    np.testing.assert_allclose(af.affinity(ranks), expected, atol=1e-12)


def test_single_precision_ranks_lose_nothing():
    values = random(2, 3000)
    exact = torch.stack([af.ranks(task) for task in values])
    assert torch.equal(af.affinity(exact), af.affinity(exact.float()))


def rotation(size: int, *, keeps_means: bool) -> torch.Tensor:
    """A random orthogonal matrix; that keeps the mean of a vector's entries, if so asked."""
    if not keeps_means:
        return torch.linalg.qr(random(size, size, seed=3)).Q
    first = torch.ones(size, 1, dtype=torch.float64)
    basis = torch.linalg.qr(torch.cat([first, random(size, size - 1, seed=4)], 1)).Q
    inner = torch.block_diag(torch.ones(1, 1).double(), rotation(size - 1, keeps_means=False))
    return basis @ inner @ basis.T


def test_what_correlation_distances_do_not_see():
    features, other = random(10, 8), random(10, 8, seed=1)
    scaled = features * torch.linspace(0.5, 3, 10)[:, None] + torch.linspace(-4, 9, 10)[:, None]
    turned = features @ rotation(8, keeps_means=True)
    shuffled = features[:, torch.randperm(8, generator=torch.Generator().manual_seed(2))]
    for same in (scaled, turned, shuffled, torch.cat([features, features], 1)):
        torch.testing.assert_close(af.rdm(same), af.rdm(features), rtol=0, atol=1e-12)
        torch.testing.assert_close(affinity_of(same, other), affinity_of(features, other))
    # The mean over features is taken out, so a rotation that moves it is seen.
    tilted = features @ rotation(8, keeps_means=False)
    assert not torch.allclose(af.rdm(tilted), af.rdm(features), atol=0.05)


def test_affinity_sees_the_order_of_distances_alone():
    first, second = (af.rdm(random(10, 8, seed=seed)) for seed in range(2))
    plain = af.affinity(torch.stack([af.ranks(first), af.ranks(second)]))
    bent = af.affinity(torch.stack([af.ranks(first.exp()), af.ranks(second**3)]))
    assert torch.equal(plain, bent)


def test_networks_that_see_alike_are_alike():
    images = random(30, 10)
    near = images + 0.1 * random(30, 10, seed=1)
    A = affinity_of(images, near, random(30, 10, seed=2))
    assert A[0, 1] > 0.9
    assert A[0, 2].abs() < 0.3
