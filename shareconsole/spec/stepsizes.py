"""The step size rules a preset can name, and their options.

Adding one takes an options model in `shareconsole.spec.stepsize`, its place in
``StepSizeOptions`` and a line in ``STEP_SIZES``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import option
from shareconsole.spec.stepsize.backtracking import BacktrackingOptions, LatentBacktrackingOptions
from shareconsole.spec.stepsize.table import StepSizeTable


class ConstantStepSizeOptions(StepSizeTable):
    """The optimiser's learning rate stays as it is."""

    name: Literal["constant"] = option(
        "how the step size of the weights changes over a run", unit="name", default="constant"
    )


StepSizeOptions = Annotated[
    ConstantStepSizeOptions | BacktrackingOptions | LatentBacktrackingOptions,
    Field(discriminator="name"),
]

STEP_SIZES: dict[str, Entry[StepSizeTable]] = {
    "constant": Entry(
        "constant",
        "shareconsole.stepsize.constant:ConstantStepSize",
        ConstantStepSizeOptions,
        "the learning rate stays as it is",
    ),
    "backtracking": Entry(
        "backtracking",
        "shareconsole.stepsize.backtracking:Backtracking",
        BacktrackingOptions,
        "shorten each step until the losses fall enough, by passes of the whole network",
    ),
    "latent_backtracking": Entry(
        "latent_backtracking",
        "shareconsole.stepsize.latent_backtracking:LatentBacktracking",
        LatentBacktrackingOptions,
        "the same by passes of the heads alone (Filatov & Merkulov 2021)",
    ),
}
