"""Options of trace norm regularisation (Yang & Hospedales 2017, arXiv 1606.04038)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.method.table import MethodTable

Strength = Annotated[float, Field(ge=0, le=1000)]
Strengths = Annotated[tuple[Strength, ...], Field(strict=False, max_length=200)] | Strength


class TraceNormOptions(MethodTable):
    """Train a network per task and pull corresponding weights towards a common low rank."""

    name: Literal["trace_norm"] = option("the method", unit="name")
    unfolding: Literal["laf", "tucker", "tt"] = option(
        "which matrices of a layer's stacked weights are pulled towards low rank: tasks against "
        'all else ("laf"), each axis against the others ("tucker"), or the first axes against the '
        'last, at every cut ("tt")',
        unit="name",
        default="laf",
    )
    strength: Strengths = option(
        "gamma, the weight of the trace norms in the loss; one number for all routed units or a "
        "list with one per unit",
        unit="1",
        default=0.01,
    )
    reduction: Literal["sum", "mean"] = option(
        'how the trace norms are put together: their "sum" (the paper), or the "mean" over a '
        "layer's matrices, then over layers (the released code of 2016)",
        unit="name",
        default="sum",
    )

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return one copy per task."""
        return num_tasks

    def records(self, num_routed: int, num_tasks: int) -> tuple[int, ...]:
        """Return the numbers of the similarities and of the spectrum, one layer in each unit."""
        return num_routed * num_tasks**2, num_routed * num_tasks

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units."""
        if num_routed == 0:
            return [
                Issue(
                    ("name",),
                    "trace_norm has nothing to regularise: the network routes no unit",
                    'mark at least one unit "routed" in [network]',
                )
            ]
        if isinstance(self.strength, tuple) and len(self.strength) != num_routed:
            return [
                Issue(
                    ("strength",),
                    f"has {len(self.strength)} numbers for {num_routed} routed units",
                    f"a list of {num_routed}, or one number",
                )
            ]
        return []
