"""Follows the assignment tensors of a run."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from shareconsole.console.viewmodel.assignment import (
    KIND,
    AssignmentView,
    likeliest,
    mean_entropy,
)
from shareconsole.console.viewmodel.tensor_log import Found, TensorLog


class AssignmentLog(TensorLog[AssignmentView]):
    """Makes views of the newest assignment of one run's log."""

    kind = KIND
    num_axes = 3

    def measure(self, values: NDArray[Any]) -> float:
        """The mean entropy, in nats."""
        return mean_entropy(values)

    def look(self, found: Found) -> AssignmentView:
        """Probabilities [L, T, K] and the likeliest modules."""
        units, tasks, modules = found.axes
        return AssignmentView(
            units=units,
            tasks=tasks,
            modules=modules,
            probabilities=found.values,
            likeliest=likeliest(found.values),
            step=found.step,
            entropy_steps=found.steps,
            entropy=found.measures,
            version=found.version,
        )
