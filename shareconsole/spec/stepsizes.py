"""The step-size rules a preset can name, and their options."""

from __future__ import annotations

from typing import Literal

from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import Table, option


class ConstantStepSizeOptions(Table):
    """The optimiser's learning rate stays as it is."""

    name: Literal["constant"] = option(
        "how the step size of the weights changes over a run", unit="name", default="constant"
    )


# A union over all rules, like MethodOptions, once there is a second one.
StepSizeOptions = ConstantStepSizeOptions

STEP_SIZES: dict[str, Entry[Table]] = {
    "constant": Entry(
        "constant",
        "shareconsole.stepsize.constant:ConstantStepSize",
        ConstantStepSizeOptions,
        "the learning rate stays as it is",
    ),
}
