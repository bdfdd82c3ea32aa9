"""Learning which components each task uses, with binary Gumbel variables and plain SGD.

Maziarz, Kokiopoulou, Gesmundo, Sbaiz, Bartok, Berent, "Flexible Multi-task Networks by Learning
Parameter Allocation" (first called "Gumbel-Matrix Routing for Flexible Multi-task Learning"),
2019/20, arXiv 1910.04915; what is not said there is as in the released code.

Every routed unit has K components, and every (unit, task, component) two logits, for "connected"
and "not". One step is a round: all tasks in random order, one batch and one update each. An update
of task t:

1. Sample its connections once for the whole batch, hard forwards, soft backwards.
2. The output of a routed unit is the mean of its connected components, zero if there is none. All
   components are evaluated, since those not connected give their logits a gradient too.
3. Cross-entropy, plus terms that are off by default: budget, entropy, number of connections,
   probability of no connection, all of t's own logits, and L2 of the weights.
4. One step of the weights' optimiser, one of the logits' own Adam. The temperature falls with the
   number of updates.

To test, a component is used if its probability is 1/2 or more.

The logits' Adam is dense, as in the release: an update of one task also moves the logits of the
others, by the momentum that their own updates left behind.

Deviations from the released code, which runs TensorFlow 1:

* A weight without a gradient is left alone. In the release the heads of other tasks have gradients
  of zero, so that Adam's momentum moves them. With the L2 term on, which is over the weights of all
  tasks, they have a gradient in every update here as well.
* A sampled connection is 0 or 1 exactly; in the release it can be off by a rounding error, which
  the maximum in the mean then turns into another gradient.
* Adam adds its 1e-8 after the correction of the moments, and gradients are those of the mean loss
  over a batch, not the sum, to which Adam is indifferent but for that 1e-8.
* The entropy term is at its full weight after `entropy_rounds`; in the release at the end of the
  run. Here a run trained longer repeats the shorter one.
* Weights start as torch's layers do. There is no gradient clipping (off in the paper's runs).
* Networks with batch-norm are our own idea: `sharing.mixtures` says what their statistics are of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from shareconsole.sharing import gumbel
from shareconsole.sharing.data import MISSING
from shareconsole.sharing.method import StepResult
from shareconsole.sharing.mixtures import Mixtures
from shareconsole.sharing.readback import Readback

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.data import Batch, BatchSampler
    from shareconsole.sharing.method import StepSize, Stopwatch
    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.population import Population
    from shareconsole.sharing.seeding import Generators
    from shareconsole.spec.method.gumbel import GumbelOptions


class GumbelAllocation:
    """Learns logits [L, T, K, 2] by gradient descent, along with the weights."""

    population_size = 0

    @staticmethod
    def marks(options: GumbelOptions, plan: NetworkPlan) -> tuple[Mark, ...]:
        """Routed units stay routed."""
        del options
        return tuple(unit.mark for unit in plan.units)

    @staticmethod
    def num_modules(options: GumbelOptions, num_tasks: int) -> int:
        """K as the preset says; by default one component per task."""
        return options.candidates(num_tasks)

    def __init__(
        self, options: GumbelOptions, population: Population, generators: Generators
    ) -> None:
        """Start with the same probability for every connection."""
        bank = population.bank
        self.options = options
        self.num_updates = 0
        # On the CPU whatever the device, so that all devices sample the same connections. The
        # price is that an update waits for the gradient of the [L, K] weights.
        shape = (bank.num_routed, bank.num_tasks, bank.num_modules)
        self.logits_LTK2 = gumbel.initial_logits(shape, options.initial_probability)
        self.logits_LTK2.requires_grad_()
        self.router = torch.optim.Adam([self.logits_LTK2], lr=options.router_learning_rate)
        self._bank = bank
        self._mixtures = Mixtures(bank)
        self._pulled = _pulled_to_zero(bank) if options.l2_weight else []
        self._noise_generator = generators("gumbel/noise")
        self._order_generator = generators("gumbel/order")

    @property
    def temperature(self) -> float:
        """Temperature of the next update."""
        options = self.options
        return gumbel.temperature(self.num_updates, options.temperature, options.lowest_temperature)

    def step(self, sampler: BatchSampler, step_size: StepSize, watch: Stopwatch) -> StepResult:
        """One round: an update for every task that has a labelled image in its batch.

        The gradient norm is the mean over the updates.
        """
        with watch.part("data"):
            batch = sampler.next()
        with watch.part("sgd"):
            self._bank.train()
            losses = [batch.inputs.new_zeros(()) for _ in batch.num_labelled]
            norms = []
            for task in torch.randperm(len(losses), generator=self._order_generator).tolist():
                if batch.num_labelled[task]:
                    losses[task], norm = self._update(task, batch, step_size)
                    norms.append(norm)
            mean = torch.stack(norms).mean() if norms else losses[0]
            measured = Readback(torch.stack([*losses, mean]))
        return StepResult(measured, batch.num_labelled)

    def _update(self, task: int, batch: Batch, step_size: StepSize) -> tuple[Tensor, Tensor]:
        """Train on one task's images; returns its loss before the update, and the gradient's norm.

        The loss is the cross-entropy alone.
        """
        step_size.zero_gradients()
        self.router.zero_grad()
        logits_LK2 = self.logits_LTK2[:, task]
        noise = gumbel.noise(logits_LK2.shape, self._noise_generator)
        connected_LK = gumbel.sample(logits_LK2, noise, self.temperature)
        weights_LK = gumbel.mixing_weights(connected_LK)
        outputs = self._mixtures.train(task, weights_LK, batch.task_inputs(task))
        loss = cross_entropy(outputs, batch.labels[task], ignore_index=MISSING)
        # torch.autograd offers loss.backward() untyped
        loss.backward()  # type: ignore[no-untyped-call]
        penalty = self.penalty(self.logits_LTK2[:, task])
        if penalty is not None:
            penalty.backward()  # type: ignore[no-untyped-call]
        self._add_l2_gradient()
        norm = self._bank.gradient_norm()
        step_size.step()
        self.router.step()
        self.num_updates += 1
        return loss.detach(), norm

    def penalty(self, logits_LK2: Tensor) -> Tensor | None:
        """The terms of one task's logits at this point of the run; None if all are off.

        Args:
            logits_LK2: [L, K, 2].
        """
        options = self.options
        terms: list[Tensor] = []
        if options.budget_weight:
            excess = gumbel.over_budget(logits_LK2, options.budget)
            terms.append(options.budget_weight * excess)
        if options.entropy_weight:
            updates = options.entropy_rounds * self.logits_LTK2.shape[1]
            ramp = min(1.0, self.num_updates / updates) ** options.entropy_power
            terms.append(options.entropy_weight * ramp * gumbel.entropy(logits_LK2).sum())
        if options.connection_weight:
            expected = gumbel.connection_probability(logits_LK2).sum()
            terms.append(options.connection_weight * expected)
        if options.disconnection_weight:
            alone = gumbel.disconnection(logits_LK2).sum()
            terms.append(options.disconnection_weight * alone)
        return torch.stack(terms).sum() if terms else None

    def _add_l2_gradient(self) -> None:
        """Add the gradient of l2_weight * sum of w^2 / 2, which is l2_weight * w."""
        if not self._pulled:
            return
        gradients: list[Tensor] = []
        for parameter in self._pulled:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        weights = [parameter.detach() for parameter in self._pulled]
        torch._foreach_add_(gradients, weights, alpha=self.options.l2_weight)

    def logits(self, task: int, inputs: Tensor) -> Tensor:
        """Logits [N, classes] of a task's network: the mean of the components it uses."""
        self._bank.eval()
        return self._mixtures.infer(task, self.allocation()[:, task].tolist(), inputs)

    def modules_of(self, task: int) -> tuple[tuple[int, ...], ...]:
        """The components in use of each routed unit."""
        rows = self.allocation()[:, task].tolist()
        return tuple(tuple(k for k, used in enumerate(row) if used) for row in rows)

    def allocation(self) -> Tensor:
        """Which components each task is tested with, [L, T, K] bool."""
        return gumbel.allocation(self.logits_LTK2.detach())

    def assignment(self) -> Tensor:
        """[L, T]: for each task the first one that uses the same components in that unit."""
        used_LTK = self.allocation()
        same_LTT = (used_LTK[:, :, None] == used_LTK[:, None]).all(-1)
        return same_LTT.int().argmax(-1)

    def tensors(self) -> dict[str, Tensor]:
        """The components in use, and the probability of every connection."""
        p_LTK = gumbel.connection_probability(self.logits_LTK2.detach())
        return {"allocation": self.allocation().to(torch.float64), "connection": p_LTK}

    def tensor_axes(self) -> dict[str, tuple[str | tuple[str, ...], ...]]:
        """See `Method.tensor_axes`."""
        axes = ("unit", "task", "module")
        return {"allocation": axes, "connection": axes}

    def scalars(self) -> dict[str, float]:
        """Components in use and entropy in nats, both means, and the next update's temperature."""
        return {
            "active_components": float(self.allocation().sum(-1).double().mean()),
            "entropy": float(gumbel.entropy(self.logits_LTK2.detach()).mean()),
            "temperature": self.temperature,
        }

    def state_dict(self) -> dict[str, Any]:
        """Logits, their optimiser, and the number of updates."""
        return {
            "logits": self.logits_LTK2.detach().clone(),
            "router": self.router.state_dict(),
            "num_updates": self.num_updates,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        with torch.no_grad():
            self.logits_LTK2.copy_(state["logits"])
        self.router.load_state_dict(state["router"])
        self.num_updates = state["num_updates"]


def _pulled_to_zero(bank: Bank) -> list[nn.Parameter]:
    """All weights but the biases; scale and shift of normalisation layers count as weights."""
    norms = (nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d)
    return [
        parameter
        for layer in bank.modules()
        for name, parameter in layer.named_parameters(recurse=False)
        if name != "bias" or isinstance(layer, norms)
    ]
