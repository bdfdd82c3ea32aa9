"""Unfoldings, trace norms and their subgradients, against autograd and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shareconsole.sharing import trace_norm as tn

SHAPES = [(3, 20), (20, 3), (6, 6), (5, 9), (1, 7), (4, 8)]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=g, dtype=torch.float64)


def test_the_paper_s_example_has_the_matrices_the_paper_names():
    """A convolution 5x5x3x32 in 7 tasks (section 2)."""
    W = torch.arange(5 * 5 * 3 * 32 * 7).view(5, 5, 3, 32, 7)
    kinds = ("laf", "tucker", "tt")
    shapes = {kind: [tuple(X.shape) for X in tn.unfold(W, kind)] for kind in kinds}
    assert shapes == {
        "laf": [(7, 2400)],
        "tucker": [(5, 3360), (5, 3360), (3, 5600), (32, 525), (7, 2400)],
        "tt": [(5, 3360), (25, 672), (75, 224), (2400, 7)],
    }
    row, column, channel, out, task = index = (4, 2, 1, 30, 5)
    value = W[index]
    (laf,), tucker, tt = (tn.unfold(W, kind) for kind in kinds)
    assert value in laf[task]
    for matrix, place in zip(tucker, index, strict=True):
        assert value in matrix[place]
    assert tt[2][(row * 5 + column) * 3 + channel, out * 7 + task] == value
    # Both contain the unfolding by tasks, and they begin alike.
    assert torch.equal(tucker[-1], laf)
    assert torch.equal(tt[-1], laf.T)
    assert torch.equal(tt[0], tucker[0])


@pytest.mark.parametrize("shape", [(6, 4, 3, 5), (6, 4)])
def test_weights_are_stacked_in_the_paper_s_order_and_come_back(shape):
    weights = [random(*shape, seed=seed) for seed in range(3)]
    W = tn.stack(weights)
    if len(shape) == 4:
        assert W.shape == (3, 5, 4, 6, 3)
        assert W[2, 4, 1, 5, 0] == weights[0][5, 1, 2, 4]
    else:
        assert W.shape == (4, 6, 3)
        assert W[1, 5, 2] == weights[2][5, 1]
    for weight, back in zip(weights, tn.unstack(W), strict=True):
        assert torch.equal(weight, back)


@pytest.mark.parametrize(("kind", "times"), [("laf", 1), ("tucker", 4), ("tt", 3)])
def test_folding_puts_everything_back(kind, times):
    W = random(3, 2, 5, 4)
    torch.testing.assert_close(tn.fold(tn.unfold(W, kind), W.shape, kind), times * W)


@pytest.mark.parametrize("gram_from", [1, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_subgradient_is_that_of_autograd(shape, gram_from, monkeypatch):
    monkeypatch.setattr(tn, "_GRAM_FROM", gram_from)
    X = random(*shape).requires_grad_()
    norm, gradient = tn.trace_norm(X.detach())
    expected = torch.linalg.svdvals(X).sum()
    expected.backward()
    torch.testing.assert_close(norm, expected.detach())
    torch.testing.assert_close(gradient, X.grad, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_subgradient_is_that_of_finite_differences(shape):
    X, direction, h = random(*shape), random(*shape, seed=1), 1e-5
    _, gradient = tn.trace_norm(X)
    above, below = (np.linalg.norm(X + s * h * direction, "nuc") for s in (1, -1))
    assert float((gradient * direction).sum()) == pytest.approx((above - below) / (2 * h), rel=1e-6)


@pytest.mark.parametrize("gram_from", [1, 1000])
def test_without_full_rank_it_is_the_subgradient_of_least_norm(gram_from, monkeypatch):
    """All subgradients have <G, X> = |X|_* and no singular value above 1; this one has rank 2."""
    monkeypatch.setattr(tn, "_GRAM_FROM", gram_from)
    X = random(5, 2) @ random(2, 12, seed=1)
    norm, gradient = tn.trace_norm(X)
    assert float((gradient * X).sum()) == pytest.approx(float(norm))
    values = torch.linalg.svdvals(gradient).tolist()
    assert values == pytest.approx([1, 1, 0, 0, 0], abs=1e-7)
    norm, gradient = tn.trace_norm(torch.zeros(3, 9))
    assert norm == 0
    assert not gradient.any()


def test_small_singular_values_survive_the_gram_matrix_in_single_precision():
    U, _ = torch.linalg.qr(random(4, 4))
    V, _ = torch.linalg.qr(random(50, 4, seed=1))
    X = (U * torch.tensor([1, 1e-2, 1e-3, 1e-4])) @ V.T
    norm, gradient = tn.trace_norm(X.float())
    assert float(norm) == pytest.approx(1.0111, rel=1e-5)
    torch.testing.assert_close(gradient.double(), U @ V.T, rtol=0, atol=2e-3)


@pytest.mark.parametrize("shape", [(3, 20), (4, 4)])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_stays_so(shape, bad):
    X = random(*shape)
    X[1, 2] = bad
    norm, gradient = tn.trace_norm(X)
    assert norm.isnan()
    assert gradient.shape == X.shape
    assert gradient.isnan().all()
    assert tn.spectrum(X.T[:, None]).isnan().all()


def test_similarity_and_spectrum():
    first, second = random(4, 5), random(4, 5, seed=1)
    W = torch.stack([first, -2 * first, second, 0 * first], dim=-1)
    cosine = float((first * second).sum() / first.norm() / second.norm())
    expected = [[1, -1, cosine, 0], [-1, 1, -cosine, 0], [cosine, -cosine, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(tn.similarity(W), expected, atol=1e-12)
    np.testing.assert_allclose(
        tn.spectrum(W), np.linalg.svd(W.reshape(20, 4), compute_uv=False), atol=1e-6
    )
