"""The test errors: how each task stands, and how it got there. In per cent, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.stages import StageMark
from shareconsole.safe_text import safe_text
from shareconsole.store.best import of_last_stage
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
        best: the least so far of the stage that was evaluated last.
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
        best_macro: the least so far of the stage that was evaluated last, per cent.
        rand_index: per unit, agreement with the known groups, in [-1, 1]; empty where none is
            logged.
        steps: [N] int64, the steps of all evaluations.
        version: another number whenever anything in here changed.
        stage: the one that ``best`` is of, safe text; empty for the first, or without stages.
        since: for each stage that follows another one, how many of the evaluations are from there
            on; descending, 0 left out.
    """

    rows: tuple[ErrorRow, ...]
    macro: float | None
    micro: float | None
    macro_trend: tuple[float, ...]
    best_macro: float | None
    rand_index: Mapping[str, float]
    steps: NDArray[np.int64]
    version: int
    stage: str = ""
    since: tuple[int, ...] = ()


class ErrorBuilder:
    """Makes the table out of the run's evaluations."""

    def __init__(self) -> None:
        """No evaluation seen yet."""
        self._table: ErrorTable | None = None
        self._version = 0

    def update(
        self, rows: Rows, fresh: Rows, anew: bool, stages: tuple[StageMark, ...] = ()
    ) -> ErrorTable | None:
        """Return the table; the same object if nothing changed, None without errors in the log.

        Args:
            rows: all evaluations; there are few of them, so all are looked at when one is new.
            fresh: those that are new.
            anew: whether others were replaced.
            stages: those that follow another one; if they change, all is ``anew``.
        """
        if self._table is not None and not anew and not len(fresh):
            return self._table
        names = rows.dtype.names or ()
        tasks = [name for name in names if name.startswith(_ERROR)]
        if not tasks and "macro_error" not in names:
            self._table = None
            return None
        self._version += 1
        counted = of_last_stage(rows, [stage.start for stage in stages])
        macro = _stand(rows, counted, "macro_error")
        last = rows[-1] if len(rows) else None
        self._table = ErrorTable(
            rows=tuple(
                ErrorRow(safe_text(name.removeprefix(_ERROR)), *_stand(rows, counted, name))
                for name in tasks
            ),
            macro=macro[0],
            micro=_stand(rows, counted, "micro_error")[0],
            macro_trend=macro[2],
            best_macro=macro[1],
            rand_index={
                safe_text(name.removeprefix(_RAND)): float(last[name])
                for name in names
                if name.startswith(_RAND) and last is not None
            },
            steps=np.ascontiguousarray(rows["step"]),
            version=self._version,
            stage=_stage_of(rows, stages),
            since=tuple(
                count for stage in stages if (count := int((rows["step"] > stage.start).sum()))
            ),
        )
        return self._table


def _stage_of(rows: Rows, stages: tuple[StageMark, ...]) -> str:
    begun = [stage.name for stage in stages if len(rows) and stage.start < rows["step"][-1]]
    return begun[-1] if begun else ""


def _stand(
    rows: Rows, counted: Rows, name: str
) -> tuple[float | None, float | None, tuple[float, ...]]:
    """Last value of a column, the least of those that count, and the last few, in per cent."""
    if name not in (rows.dtype.names or ()) or not len(rows):
        return None, None, ()
    values = rows[name].astype(np.float64) * 100
    known = counted[name].astype(np.float64) * 100
    known = known[~np.isnan(known)]
    least = float(known.min()) if len(known) else None
    return float(values[-1]), least, tuple(values[-TREND:].tolist())
