"""Options of multi-layer perceptrons."""

from __future__ import annotations

from math import prod
from typing import Literal

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.network.dense import dense_activations, dense_units, dense_work
from shareconsole.spec.network.table import (
    SHARING,
    Mark,
    Marks,
    NetworkTable,
    UnitActivations,
    UnitSize,
    Widths,
    each,
    mark_issues,
)


class MlpOptions(NetworkTable):
    """Dense units (ReLU) on the flattened image."""

    unit_lists = (("widths", ("sharing",)),)

    name: Literal["mlp"] = option("the network", unit="name")
    widths: Widths = option("width of each dense unit", unit="features", default=(64, 64))
    sharing: Marks = option(SHARING, unit="name", default="routed")

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The mark of each unit."""
        return each(self.sharing, len(self.widths))

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        return tuple(dense_units(self.widths, self.marks, prod(input_shape)))

    def work(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the multiply-adds that one image costs in each unit; see ``NetworkTable``."""
        return dense_work(self.widths, prod(input_shape))

    def activations(
        self, input_shape: tuple[int, ...], num_classes: int
    ) -> tuple[UnitActivations, ...]:
        """Return what one image brings to each unit and to a head; see ``NetworkTable``."""
        inputs = prod(input_shape)
        copies = input_shape[0] > 1 and inputs > input_shape[0]
        widths = (*self.widths, num_classes)
        return tuple(dense_activations(widths, inputs, inputs, copies=copies))

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        return self.widths[-1]

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together."""
        found = mark_issues("sharing", self.sharing, len(self.widths))
        if not self.widths:
            found.append(Issue(("widths",), "the network has no unit", "at least one width"))
        return found
