"""The singular values of each layer's weights over tasks: how many numbers tell tasks apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.console.viewmodel.tensor_log import Found, TensorLog
from shareconsole.headless.kinds import effective_rank

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SpectrumView:
    """The newest singular values of L layers, R each.

    Attributes:
        units: names of the layers, safe text.
        values: [L, R] float32, as they were logged: the largest first.
        ranks: [L] float64, effective rank of each; NaN where not known.
        step: when they were recorded.
        mean_ranks: [N] float64, the mean of the effective ranks, over time.
        version: another number whenever anything in here changed.
    """

    units: tuple[str, ...]
    values: NDArray[np.float32]
    ranks: NDArray[np.float64]
    step: int
    mean_ranks: NDArray[np.float64]
    version: int


class SpectrumLog(TensorLog[SpectrumView]):
    """Makes views of the newest spectrum of one run's log."""

    kind = "spectrum"
    num_axes = 2

    def measure(self, values: NDArray[Any]) -> float:
        """The mean effective rank."""
        ranks = effective_rank(values)
        known = ranks[~np.isnan(ranks)]
        return float(known.mean()) if known.size else float("nan")

    def look(self, found: Found) -> SpectrumView:
        """The values, and what they amount to."""
        return SpectrumView(
            units=found.axes[0],
            values=found.values,
            ranks=effective_rank(found.values),
            step=found.step,
            mean_ranks=found.measures,
            version=found.version,
        )
