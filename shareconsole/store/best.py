"""The best errors of the networks that a run has, from its records: as tested, or as validated.

A stage may train other networks than the one before it: those that came first are gone. So only
evaluations of the stage count that the last evaluation belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shareconsole.store.folder import RunFolder
from shareconsole.store.growing import Rows
from shareconsole.store.reader import RunLog
from shareconsole.store.stages import stage_starts, start_of

EVALUATION_TABLE = "evaluation"
"""The table with one row per test of the run."""
_COLUMN = "macro_error"
_VALIDATION = "validation_macro_error"


class Best(NamedTuple):
    """The least macro test error of a stage.

    Attributes:
        error: a fraction; None where no evaluation of the stage found one.
        start: the step after which the stage begins; 0 without stages, and before any evaluation.
    """

    error: float | None = None
    start: int = 0

    def after(self, error: float, start: int) -> Best:
        """Return the best once another evaluation has found ``error``, NaN for nothing.

        Args:
            error: a fraction.
            start: the step after which the stage of that evaluation begins.
        """
        known = [self.error] if self.error is not None and self.start == start else []
        if np.isfinite(error):
            known.append(error)
        return Best(min(known, default=None), start)


class Chosen(NamedTuple):
    """An evaluation that the validation images choose, which no test image had a say in.

    Attributes:
        step: when it was made.
        validation_macro_error: a fraction, the least of its stage.
        macro_error: of the test images then; a fraction, NaN for nothing.
        micro_error: likewise.
    """

    step: int
    validation_macro_error: float
    macro_error: float
    micro_error: float


def of_last_stage(rows: Rows, starts: Sequence[int]) -> Rows:
    """Return the evaluations of the stage that the last one belongs to.

    Args:
        rows: evaluations, ascending by step.
        starts: the steps after which stages begin.
    """
    start = start_of(starts, int(rows["step"][-1])) if len(rows) else 0
    return rows[rows["step"] > start] if start else rows


def best_macro_error(log: RunLog) -> float | None:
    """The least macro test error on record of the last stage; None where there is none.

    What a later attempt made anew counts as that attempt made it.

    Args:
        log: the run's records, refreshed.
    """
    starts = [start for _, start in stage_starts(log.meta)]
    return _best(log.table(EVALUATION_TABLE), starts).error


def chosen_on_validation(log: RunLog) -> Chosen | None:
    """The evaluation of the last stage with the least macro validation error, the first of equals.

    None without validation images, or where no evaluation of them came to a number.

    Args:
        log: the run's records, refreshed.
    """
    rows = log.table(EVALUATION_TABLE)
    if not len(rows) or not {*Chosen._fields} <= {*(rows.dtype.names or ())}:
        return None
    rows = of_last_stage(rows, [start for _, start in stage_starts(log.meta)])
    rows = rows[np.isfinite(rows[_VALIDATION])]
    if not len(rows):
        return None
    row = rows[np.argmin(rows[_VALIDATION])]
    return Chosen(int(row["step"]), *(float(row[name]) for name in Chosen._fields[1:]))


def best_on_record(folder: RunFolder, *, until: int, starts: Sequence[int]) -> Best:
    """The best of a run that goes on after step ``until``, whose records it reads.

    A record that was damaged may have been the best one. Then the next best counts, for this as
    for every other reader.

    Args:
        folder: the run.
        until: the last step that counts.
        starts: the steps after which stages begin, by the run's preset: the records of an older
            version say nothing of them.
    """
    log = RunLog(folder)
    log.refresh(final=True)
    rows = log.table(EVALUATION_TABLE)
    return _best(rows[rows["step"] <= until], starts)


def _best(rows: Rows, starts: Sequence[int]) -> Best:
    if not len(rows) or _COLUMN not in (rows.dtype.names or ()):
        return Best()
    errors = of_last_stage(rows, starts)[_COLUMN]
    errors = errors[np.isfinite(errors)]
    start = start_of(starts, int(rows["step"][-1]))
    return Best(float(errors.min()) if len(errors) else None, start)
