"""Gumbel allocation agrees with its formulas, written once more in numpy, to 1e-10 in float64.

Nothing of the method is used for the expected values: forward and backward pass of a network of two
mixed dense units, sampling, straight-through gradient, penalties and both Adams are numpy. Only the
uniform numbers and the orders come from generators with the same names and seed.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shareconsole.methods.gumbel_allocation import GumbelAllocation
from shareconsole.networks.mlp import build_mlp
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import BatchSampler, Split
from shareconsole.sharing.method import Stopwatch
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.method.gumbel import GumbelOptions
from shareconsole.spec.networks import MlpOptions
from shareconsole.spec.stepsizes import ConstantStepSizeOptions
from shareconsole.stepsize.constant import ConstantStepSize
from tests.methods.reference import Adam

CLASSES = (3, 2, 4)
L, T, K, B = 2, 3, 3, 5
RATE, ROUTER_RATE = 0.01, 0.03
PLAIN = GumbelOptions(
    name="gumbel",
    components=K,
    initial_probability=0.6,
    temperature=3.0,
    lowest_temperature=1.2,
    router_learning_rate=ROUTER_RATE,
)
PENALISED = PLAIN.model_copy(
    update={
        "budget": 0.5,
        "budget_weight": 0.7,
        "entropy_weight": 0.4,
        "entropy_rounds": 2,
        "entropy_power": 1.5,
        "connection_weight": 0.05,
        "disconnection_weight": 0.6,
        "l2_weight": 0.02,
    }
)


class Reference:
    """Weights, logits, and an Adam for each array."""

    def __init__(self, bank: Bank, options: GumbelOptions) -> None:
        self.options = options
        layers = {(u, k): bank.units[u][k] for u in range(L) for k in range(K)}
        layers |= {("head", t): head for t, head in enumerate(bank.heads)}
        self.adams = {
            (*key, name): Adam(value.numpy())
            for key, module in layers.items()
            for name, value in linear(module).items()
        }
        p0 = options.initial_probability
        self.logits = Adam(np.tile(np.log([p0, 1 - p0]), (L, T, K, 1)))
        self.updates = 0

    def weight(self, *key) -> np.ndarray:
        return self.adams[key].value

    def update(self, task: int, uniform: np.ndarray, x: np.ndarray, y: np.ndarray):
        """One update; returns the loss before it, and the norm of the weights' gradient."""
        options = self.options
        tau = max(options.lowest_temperature, options.temperature / np.sqrt(self.updates + 1))
        noisy = self.logits.value[:, task] - np.log(-np.log(uniform + 1e-20) + 1e-20)
        s = (noisy[..., 0] >= noisy[..., 1]).astype(float)
        total = np.maximum(s.sum(1, keepdims=True), 1)
        w = s / total

        # Forwards.
        h, kept = [x], []
        for u in range(L):
            before = [h[u] @ self.weight(u, k, "weight").T + self.weight(u, k, "bias")
                      for k in range(K)]  # fmt: skip
            kept.append(before)
            h.append(sum(w[u, k] * np.maximum(before[k], 0) for k in range(K)))
        out = h[L] @ self.weight("head", task, "weight").T + self.weight("head", task, "bias")
        soft = np.exp(out) / np.exp(out).sum(1, keepdims=True)
        loss = -np.log(soft[np.arange(B), y]).mean()

        # Backwards.
        gradients = {}
        upstream = (soft - np.eye(CLASSES[task])[y]) / B
        gradients["head", task, "weight"] = upstream.T @ h[L]
        gradients["head", task, "bias"] = upstream.sum(0)
        upstream = upstream @ self.weight("head", task, "weight")
        dw = np.zeros((L, K))
        for u in reversed(range(L)):
            below = np.zeros_like(h[u])
            for k in range(K):
                dw[u, k] = (upstream * np.maximum(kept[u][k], 0)).sum()
                inner = w[u, k] * upstream * (kept[u][k] > 0)
                gradients[u, k, "weight"] = inner.T @ h[u]
                gradients[u, k, "bias"] = inner.sum(0)
                below += inner @ self.weight(u, k, "weight")
            upstream = below
        connected = s.sum(1, keepdims=True) > 0
        ds = dw / total - connected * (dw * s).sum(1, keepdims=True) / total**2
        rounded_from = 1 / (1 + np.exp((noisy[..., 1] - noisy[..., 0]) / tau))
        slope = ds * rounded_from * (1 - rounded_from) / tau
        slope += self.penalty_slope(task)
        router = np.zeros_like(self.logits.value)
        router[:, task] = np.stack([slope, -slope], -1)

        if options.l2_weight:
            for key, adam in self.adams.items():
                if key[2] == "weight":
                    gradients[key] = gradients.get(key, 0) + options.l2_weight * adam.value
        for key, gradient in gradients.items():
            self.adams[key].step(gradient, RATE)
        self.logits.step(router, ROUTER_RATE)  # all rows: those of other tasks move on momentum
        self.updates += 1
        return loss, np.sqrt(sum((g**2).sum() for g in gradients.values()))

    def penalty_slope(self, task: int) -> np.ndarray:
        """Slope of the penalties along the first logit of each connection; minus the second's."""
        o = self.options
        pair = self.logits.value[:, task]
        p = 1 / (1 + np.exp(pair[..., 1] - pair[..., 0]))
        dp = np.full((L, K), o.connection_weight)
        if p.mean() > o.budget:
            dp += o.budget_weight / (L * K)
        ramp = min(1.0, self.updates / (o.entropy_rounds * T)) ** o.entropy_power
        dp += o.entropy_weight * ramp * np.log((1 - p) / p)
        dp -= o.disconnection_weight * np.prod(1 - p, 1, keepdims=True) / (1 - p)
        return dp * p * (1 - p)


def linear(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weight and bias of the one linear layer in a module."""
    (layer,) = [m for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return {"weight": layer.weight.detach(), "bias": layer.bias.detach()}


@pytest.mark.parametrize("options", [PLAIN, PENALISED], ids=["plain", "penalised"])
def test_four_rounds_agree_with_the_formulas(options, monkeypatch):
    generators, same = Generators(7), Generators(7)
    plan = build_mlp(MlpOptions(name="mlp", widths=(6, 4)), (1, 2, 3))
    bank = Bank(plan, ("routed", "routed"), CLASSES, K, generators).double()
    method = GumbelAllocation(options, LoopPopulation(bank), generators)
    g = torch.Generator().manual_seed(5)
    images = tuple(torch.rand(12, 1, 2, 3, generator=g, dtype=torch.float64) for _ in CLASSES)
    split = Split(images, tuple(torch.randint(c, (12,), generator=g) for c in CLASSES))
    sampler = BatchSampler(split, B, torch.float64, generators)
    batches = []
    draw = sampler.next
    monkeypatch.setattr(sampler, "next", lambda: batches.append(draw()) or batches[-1])
    optimizer = torch.optim.Adam(bank.parameters(), lr=RATE)
    step_size = ConstantStepSize(ConstantStepSizeOptions(name="constant"), optimizer)
    reference = Reference(bank, options)
    seen = set()
    for _ in range(4):
        result = method.step(sampler, step_size, Stopwatch())
        losses, norms = np.zeros(T), []
        order = torch.randperm(T, generator=same("gumbel/order")).tolist()
        seen.add(tuple(order))
        for task in order:
            shape = (L, K, 2)
            uniform = torch.rand(shape, generator=same("gumbel/noise"), dtype=torch.float64)
            x, y = batches[-1].inputs[task].flatten(1).numpy(), batches[-1].labels[task].numpy()
            losses[task], norm = reference.update(task, uniform.numpy(), x, y)
            norms.append(norm)
        np.testing.assert_allclose(result.loss_T.numpy(), losses, rtol=0, atol=1e-10)
        assert result.gradient_norm == pytest.approx(np.mean(norms), abs=1e-10)
        found = method.logits_LTK2.detach().numpy()
        np.testing.assert_allclose(found, reference.logits.value, rtol=0, atol=1e-10)
        for (u, k, name), adam in reference.adams.items():
            module = bank.heads[k] if u == "head" else bank.units[u][k]
            np.testing.assert_allclose(linear(module)[name], adam.value, rtol=0, atol=1e-10)
    assert len(seen) > 1
    assert method.num_updates == 4 * T
