"""The best test error that a run has reached, from its records."""

from __future__ import annotations

import numpy as np

from shareconsole.store.folder import RunFolder
from shareconsole.store.reader import RunLog

EVALUATION_TABLE = "evaluation"
"""The table with one row per test of the run."""
_COLUMN = "macro_error"


def best_macro_error(log: RunLog, *, until: int | None = None) -> float | None:
    """The least macro test error on record, a fraction; None where no evaluation found one.

    What a later attempt made anew counts as that attempt made it.

    Args:
        log: the run's records, refreshed.
        until: the last step that counts; all of them if None.
    """
    rows = log.table(EVALUATION_TABLE)
    if _COLUMN not in (rows.dtype.names or ()):
        return None
    errors = rows[_COLUMN] if until is None else rows[_COLUMN][rows["step"] <= until]
    errors = errors[np.isfinite(errors)]
    return float(errors.min()) if len(errors) else None


def best_on_record(folder: RunFolder, *, until: int) -> float | None:
    """``best_macro_error`` of a run that goes on after step ``until``, whose records it reads.

    A record that was damaged may have been the best one. Then the next best counts, for this as
    for every other reader.
    """
    log = RunLog(folder)
    log.refresh(final=True)
    return best_macro_error(log, until=until)
