"""What a step size rule that searches came to in the last steps of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from shareconsole.headless.figures import count, percent
from shareconsole.headless.styles import HEADING, QUIET

if TYPE_CHECKING:
    from shareconsole.headless.tables import Page
    from shareconsole.store.reader import RunLog

LAST_STEPS = 100
_COLUMNS = ("step_size", "trials", "trial_share")


@dataclass(frozen=True)
class StepSizeFacts:
    """The search over the last steps.

    Attributes:
        steps: how many steps these are.
        step_size: median of the accepted step sizes; None if none was accepted.
        trials: mean number of trials.
        trial_share: mean share of a step's time that its trials took.
        refused: steps of which every trial was refused.
    """

    steps: int
    step_size: float | None
    trials: float
    trial_share: float
    refused: int

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``show --json`` prints."""
        return asdict(self)


def read_step_size(log: RunLog) -> StepSizeFacts | None:
    """Return what the rule did; None for a run whose rule does not search."""
    rows = log.table("step")[-LAST_STEPS:]
    if not len(rows) or not {*_COLUMNS} <= {*(rows.dtype.names or ())}:
        return None
    sizes, trials, shares = (rows[name].astype(np.float64) for name in _COLUMNS)
    accepted = sizes[sizes > 0]
    return StepSizeFacts(
        steps=len(rows),
        step_size=float(np.median(accepted)) if len(accepted) else None,
        trials=float(trials.mean()),
        trial_share=float(shares.mean()),
        refused=len(rows) - len(accepted),
    )


def print_step_size(page: Page, facts: StepSizeFacts) -> None:
    """Print it in one line."""
    steps = "last step" if facts.steps == 1 else f"last {count(facts.steps)} steps"
    size = "none accepted" if facts.step_size is None else f"median {facts.step_size:.3g}"
    text = f"{size}, {facts.trials:.2g} trials a step, {percent(facts.trial_share)} % of the time"
    if facts.refused and facts.step_size is not None:
        text += f", {count(facts.refused)} refused"
    page.line(Text.assemble(("Step size", HEADING), (f", {steps}: ", QUIET), text))
