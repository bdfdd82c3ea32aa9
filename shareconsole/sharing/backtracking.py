"""Backtracking: shorten a step until it brings enough of the decrease that the slope promises.

Armijo 1966: the step size g is accepted if F(w - g p) <= F(w) - c g <grad F(w), p>; else it is
multiplied by beta < 1 and tried again. What is a trial, and what the slope, is the callers'.

Every trial ends with the host reading whether it was accepted, since what to compute next depends
on it. On a GPU that is one wait per trial and cannot be avoided.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from shareconsole.spec.stepsize.backtracking import LineSearchTable

_LEAST_START = 1e-4
"""Of the initial step size. Where a step changes losses by less than their last digit, each one is
refused, so a search that went on from ever smaller ones would end there for good."""


class LineSearch:
    """What the line searches have in common: one search per batch, with plain SGD's gradients.

    The optimiser only says which weights there are and what its learning rate is: weights are moved
    by whoever searches, along minus the gradient, to the bit as far as was tried.
    """

    def __init__(self, options: LineSearchTable, optimizer: torch.optim.Optimizer) -> None:
        """Start at the initial step size.

        Args:
            options: The rule's options.
            optimizer: Plain SGD.

        Raises:
            ValueError: The optimiser does not move weights along minus the gradient alone.
        """
        (group,) = optimizer.param_groups
        if not isinstance(optimizer, torch.optim.SGD) or group["momentum"] or group["weight_decay"]:
            raise ValueError(f"{options.name} promises a decrease along minus the gradient alone")
        self._optimizer = optimizer
        self._options = options
        learning_rate = float(group["lr"])
        initial = options.initial_step
        self._initial = learning_rate if initial == "learning_rate" else float(initial)
        self._began = 0.0
        self._in_trials = 0.0
        self._trials = 0
        self.reset()

    def reset(self) -> None:
        """Forget where the last search ended."""
        self._first = min(self._initial, self._options.max_step)
        self._values = dict.fromkeys(self._options.columns, math.nan)

    @property
    def longest(self) -> float:
        """The longest step there may be now."""
        return self._options.max_step

    def zero_gradients(self) -> None:
        """Remove all gradients, so that a module nobody uses is skipped."""
        self._optimizer.zero_grad(set_to_none=True)

    def begin(self) -> None:
        """A step begins: what comes from here to `end` is its time."""
        self._began = time.perf_counter()
        self._in_trials = 0.0
        self._trials = 0
        self._next = self.last_tried = min(self._first, self.longest)

    def search(
        self, accepts: Callable[[float], Tensor | bool], again: float | None = None
    ) -> float:
        """Try smaller and smaller steps until one is accepted or the trials are used up.

        Args:
            accepts: Tries a step size and says whether it will do.
            again: The step size to begin with, for a second search in one step.

        Returns:
            The accepted step size, or 0 if all trials were refused.
        """
        began = time.perf_counter()
        if again is not None:
            self._next = again
        found = 0.0
        for _ in range(self._options.max_trials):
            self.last_tried = self._next
            self._next *= self._options.shrink
            self._trials += 1
            if bool(accepts(self.last_tried)):
                found = self.last_tried
                break
        self._in_trials += time.perf_counter() - began
        return found

    def end(self, step_size: float) -> None:
        """The step is made.

        Args:
            step_size: What was accepted in the end; 0 if nothing was.
        """
        options = self._options
        if options.start == "warm" and self._trials:
            least = _LEAST_START * self._initial
            first = step_size / options.shrink if step_size else max(self.last_tried, least)
            self._first = min(first, options.max_step)
        spent = time.perf_counter() - self._began
        values = (step_size, float(self._trials), self._in_trials / spent)
        self._values = dict(zip(options.columns, values, strict=True))

    def scalars(self) -> dict[str, float]:
        """Step size, trials, and the share of the step's time that the trials took."""
        return self._values

    def state_dict(self) -> dict[str, Any]:
        """Where the next search begins."""
        return {"first": self._first}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self._first = state["first"]


def falls_enough(
    options: LineSearchTable,
    step_size: float,
    change: Tensor,
    slopes: Tensor,
    weights: Tensor,
    condition: str = "",
) -> Tensor:
    """Armijo's condition.

    Args:
        options: For c and the condition.
        step_size: The step size tried.
        change: [T] by how much each loss grew.
        slopes: [T] how fast each loss falls at the beginning of the step.
        weights: [T] of the tasks in the sum.
        condition: "sum" or "every_task", in place of that of the options.

    Returns:
        One truth value, on the device; what is not a number is no decrease.
    """
    excess = change + options.armijo * step_size * slopes
    if (condition or options.condition) == "every_task":
        return (excess <= 0).all()
    return (weights * excess).sum() <= 0
