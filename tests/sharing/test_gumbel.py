"""Binary Gumbel variables, against formulas worked out in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from shareconsole.sharing import gumbel


def random_logits(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*shape, 2, generator=generator, dtype=torch.float64).requires_grad_()


def test_logits_start_at_the_logarithms_of_the_probability():
    logits = gumbel.initial_logits((2, 3), 0.97)
    assert logits.shape == (2, 3, 2)
    assert logits.dtype == torch.float64
    np.testing.assert_allclose(logits[1, 2], [math.log(0.97), math.log(0.03)], rtol=1e-14)
    torch.testing.assert_close(
        gumbel.connection_probability(logits), torch.full((2, 3), 0.97).double()
    )


def test_noise_has_the_gumbel_distribution_and_is_finite_at_the_edges(monkeypatch):
    drawn = gumbel.noise((50_000,), torch.Generator().manual_seed(0)).numpy()
    assert drawn.mean() == pytest.approx(np.euler_gamma, abs=0.02)
    assert drawn.var() == pytest.approx(math.pi**2 / 6, abs=0.04)
    edges = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *rest, **more: edges)
    found = gumbel.noise((3,), torch.Generator())
    np.testing.assert_allclose(found[:2], [-math.log(-math.log(1e-20)), -math.log(math.log(2))])
    assert found.isfinite().all()


@pytest.mark.parametrize(
    ("updates", "expected"),
    [(0, 50.0), (3, 25.0), (99, 5.0), (9_998, 0.50002500), (9_999, 0.5), (1_000_000, 0.5)],
)
def test_the_temperature_falls_with_the_square_root_until_it_is_low(updates, expected):
    assert gumbel.temperature(updates, 50.0, 0.5) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.97])
def test_samples_are_connected_as_often_as_the_probability_says(probability):
    logits = gumbel.initial_logits((20_000,), probability)
    noise = gumbel.noise(logits.shape, torch.Generator().manual_seed(3))
    for tau in (0.5, 50.0):
        connected = gumbel.sample(logits, noise, tau)
        assert set(connected.tolist()) == {0.0, 1.0}
        assert float(connected.mean()) == pytest.approx(probability, abs=0.012)


@pytest.mark.parametrize("tau", [0.5, 7.0])
def test_forwards_the_sample_is_hard_and_backwards_it_is_soft(tau):
    logits = random_logits(4, 5)
    noise = gumbel.noise(logits.shape, torch.Generator().manual_seed(2))
    upstream = torch.linspace(-1, 2, 20, dtype=torch.float64).view(4, 5)
    connected = gumbel.sample(logits, noise, tau)
    noisy = (logits.detach() + noise).numpy()
    assert np.array_equal(connected.detach().numpy(), noisy[..., 0] >= noisy[..., 1])
    (gradient,) = torch.autograd.grad((connected * upstream).sum(), logits)
    soft = 1 / (1 + np.exp((noisy[..., 1] - noisy[..., 0]) / tau))
    slope = upstream.numpy() * soft * (1 - soft) / tau
    np.testing.assert_allclose(gradient, np.stack([slope, -slope], -1), rtol=1e-10)


def test_a_tie_counts_as_connected():
    tied = torch.zeros(3, 2, dtype=torch.float64)
    assert gumbel.allocation(tied).all()
    assert gumbel.sample(tied, torch.ones(3, 2).double(), 1.0).eq(1).all()
    assert not gumbel.allocation(torch.tensor([[0.0, 1e-9]], dtype=torch.float64)).any()


@pytest.mark.parametrize("connected", [(0, 0, 0, 0), (0, 1, 0, 0), (1, 0, 1, 1), (1, 1, 1, 1)])
def test_weights_average_the_connected_and_pass_the_gradient_from_one_on(connected):
    s = torch.tensor(connected, dtype=torch.float64, requires_grad=True)
    weights = gumbel.mixing_weights(s)
    total = sum(connected)
    np.testing.assert_allclose(weights.detach(), np.array(connected) / max(total, 1))
    upstream = np.array([0.3, -1.0, 2.0, 0.7])
    (gradient,) = torch.autograd.grad((weights * torch.from_numpy(upstream)).sum(), s)
    # d(s_k / S) / ds_j = [j = k] / S - s_k / S^2, and with nothing connected S is constantly 1.
    through = upstream @ connected / total**2 if total else 0.0
    np.testing.assert_allclose(gradient, upstream / max(total, 1) - through)


def test_of_one_connected_component_torch_maximum_would_halve_the_gradient():
    """The reason for clamp: the two agree everywhere but at a sum of exactly one."""
    s = torch.tensor([1.0, 0.0], requires_grad=True)
    (clamped,) = torch.autograd.grad(s.sum().clamp(min=1), s)
    (halved,) = torch.autograd.grad(torch.maximum(s.sum(), torch.ones(())), s)
    assert (clamped.tolist(), halved.tolist()) == ([1.0, 1.0], [0.5, 0.5])


def test_penalties_are_those_of_the_probabilities():
    logits = random_logits(3, 4).detach()
    values = logits.numpy()
    p = 1 / (1 + np.exp(values[..., 1] - values[..., 0]))
    np.testing.assert_allclose(gumbel.connection_probability(logits), p)
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    np.testing.assert_allclose(gumbel.entropy(logits), entropy)
    np.testing.assert_allclose(gumbel.disconnection(logits), np.prod(1 - p, 1))
    low = p.mean() - 0.1
    assert float(gumbel.over_budget(logits, low)) == pytest.approx(0.1)
    assert float(gumbel.over_budget(logits, p.mean() + 0.1)) == 0
