"""The test errors: how each task stands, and how it got there. In per cent, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shareconsole.safe_text import safe_text
from shareconsole.store.growing import Rows

TREND = 32
"""How many of the last evaluations a trend shows."""
_ERROR = "test_error."
_RAND = "rand_index."


@dataclass(frozen=True)
class ErrorRow:
    """One task. All values are per cent; None before the first evaluation, NaN as logged.

    Attributes:
        task: safe text.
        error: at the last evaluation.
        best: the least so far.
        trend: the last evaluations, at most TREND, oldest first.
    """

    task: str
    error: float | None
    best: float | None
    trend: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """The evaluations of a run.

    Attributes:
        rows: one per task in the order of the log.
        macro, micro: means over tasks and over images, per cent; None where not known.
        macro_trend: as a row's trend.
        best_macro: the least so far, per cent.
        rand_index: per unit, agreement with the known groups, in [-1, 1]; empty where none is
            logged.
        steps: [N] int64, the steps of all evaluations.
        version: another number whenever anything in here changed.
    """

    rows: tuple[ErrorRow, ...]
    macro: float | None
    micro: float | None
    macro_trend: tuple[float, ...]
    best_macro: float | None
    rand_index: Mapping[str, float]
    steps: NDArray[np.int64]
    version: int


class ErrorBuilder:
    """Makes the table out of the run's evaluations."""

    def __init__(self) -> None:
        """No evaluation seen yet."""
        self._table: ErrorTable | None = None
        self._version = 0

    def update(self, rows: Rows, fresh: Rows, anew: bool) -> ErrorTable | None:
        """Return the table; the same object if nothing changed, None without errors in the log.

        Args:
            rows: all evaluations; there are few of them, so all are looked at when one is new.
            fresh: those that are new.
            anew: whether others were replaced.
        """
        if self._table is not None and not anew and not len(fresh):
            return self._table
        names = rows.dtype.names or ()
        tasks = [name for name in names if name.startswith(_ERROR)]
        if not tasks and "macro_error" not in names:
            self._table = None
            return None
        self._version += 1
        macro = _stand(rows, "macro_error")
        last = rows[-1] if len(rows) else None
        self._table = ErrorTable(
            rows=tuple(
                ErrorRow(safe_text(name.removeprefix(_ERROR)), *_stand(rows, name))
                for name in tasks
            ),
            macro=macro[0],
            micro=_stand(rows, "micro_error")[0],
            macro_trend=macro[2],
            best_macro=macro[1],
            rand_index={
                safe_text(name.removeprefix(_RAND)): float(last[name])
                for name in names
                if name.startswith(_RAND) and last is not None
            },
            steps=np.ascontiguousarray(rows["step"]),
            version=self._version,
        )
        return self._table


def _stand(rows: Rows, name: str) -> tuple[float | None, float | None, tuple[float, ...]]:
    """Last, least and last few values of a column, in per cent."""
    if name not in (rows.dtype.names or ()) or not len(rows):
        return None, None, ()
    values = rows[name].astype(np.float64) * 100
    known = values[~np.isnan(values)]
    least = float(known.min()) if len(known) else None
    return float(values[-1]), least, tuple(values[-TREND:].tolist())
