"""A run's numbers as CSV or JSON lines: one row per step, ``step`` first.

The columns of the table of steps, then those of the evaluations, empty where there was none. An
evaluation's column whose name the steps use too is called ``evaluation.NAME``. NaN and infinities
are spelt out (JSON has no numbers for them, and null would look like a missing value).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.growing import Rows
from shareconsole.store.reader import RunLog

_BLOCK = 4096
_NOT_JSON = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"', "": "null"}


def write_csv(log: RunLog, stream: TextIO) -> None:
    """Write the log as CSV with a header. Call ``log.refresh`` first."""
    joined = _Joined(log)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(joined.header)
    for columns in joined.blocks():
        writer.writerows(zip(*columns, strict=True))


def write_jsonl(log: RunLog, stream: TextIO) -> None:
    """Write the log as one JSON object a line. Call ``log.refresh`` first."""
    joined = _Joined(log)
    keys = [json.dumps(name) for name in joined.header]
    for columns in joined.blocks():
        for values in zip(*columns, strict=True):
            items = (
                f"{key}: {_NOT_JSON.get(value, value)}"
                for key, value in zip(keys, values, strict=True)
            )
            stream.write("{" + ", ".join(items) + "}\n")


class _Joined:
    """Steps and evaluations side by side, as texts, a block of rows at a time."""

    def __init__(self, log: RunLog) -> None:
        self._tables = [_unique(log.table("step")), _unique(log.table("evaluation"))]
        self.steps: NDArray[np.int64] = np.union1d(*(table["step"] for table in self._tables))
        names, evaluated = ((table.dtype.names or ())[1:] for table in self._tables)
        taken = {"step", *names}
        renamed = [f"evaluation.{name}" if name in taken else name for name in evaluated]
        self.header = ["step", *names, *renamed]

    def blocks(self) -> Iterator[list[list[str]]]:
        for start in range(0, len(self.steps), _BLOCK):
            steps = self.steps[start : start + _BLOCK]
            columns = [[str(step) for step in steps.tolist()]]
            for table in self._tables:
                columns += self._columns(table, steps)
            yield columns

    def _columns(self, table: Rows, steps: NDArray[np.int64]) -> Iterator[list[str]]:
        place = np.searchsorted(table["step"], steps)
        has = np.isin(steps, table["step"])
        for name in (table.dtype.names or ())[1:]:
            # The shortest text that reads back as the same f4 or f8.
            texts = iter(table[name][place[has]].astype(str).tolist())
            yield [next(texts) if known else "" for known in has.tolist()]


def _unique(rows: Rows) -> Rows:
    """Rows in the order of their steps; of a step that was logged twice, the later row."""
    _, from_end = np.unique(rows["step"][::-1], return_index=True)
    return rows[len(rows) - 1 - from_end]
