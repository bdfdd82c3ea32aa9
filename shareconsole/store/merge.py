"""One table out of the logs of several attempts, and whether they agree where they overlap.

An attempt that resumed from step S made everything above S anew; below it, the attempts before
it stand. An attempt that started from scratch (S = 0) made everything anew, step 0 included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.growing import GrowingRows, Rows
from shareconsole.store.record_reader import RecordReader
from shareconsole.store.schema import LogSchema

CLOCK = ("_seconds", "_share")
"""How names of columns end that no repetition brings back: times, and parts of them."""

_NO_STEP = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Part:
    """One attempt's log with its schema."""

    reader: RecordReader
    schema: LogSchema

    @property
    def last_kept_step(self) -> int:
        """The last step that stays from the attempts before; -1 for none."""
        return self.schema.resume_from_step or -1

    @property
    def intact(self) -> bool:
        """Whether nothing of the log was lost between its first and last good frame."""
        damage = self.reader.damage
        return not damage.skipped_bytes and not damage.unknown_frames


def bounds(parts: list[Part]) -> list[tuple[int, int]]:
    """For each part the steps that stand: above the first number, up to the second."""
    upper = _NO_STEP
    found = []
    for index in range(len(parts) - 1, -1, -1):
        # The oldest log that can be read stands whole, whatever it resumed from.
        lower = parts[index].last_kept_step if index else -1
        found.append((lower, upper))
        upper = min(upper, lower)
    return found[::-1]


def within(steps: NDArray[np.int64], bound: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of ``steps`` lie in a bound."""
    return (steps > bound[0]) & (steps <= bound[1])


class MergedTable:
    """One table over all attempts, extended without a copy as the newest attempt grows."""

    def __init__(self, name: str) -> None:
        """Of no rows yet."""
        self._name = name
        self._key: tuple[tuple[int, ...], ...] = ()
        self._rows = GrowingRows(np.dtype([("step", "<i8")]))
        self._taken = 0

    def rows(self, parts: list[Part]) -> Rows:
        """The merged rows; ``parts`` ascending by attempt."""
        parts = [part for part in parts if self._name in {t.name for t in part.schema.tables}]
        if len(parts) == 1:
            return parts[0].reader.rows(self._name)
        tables = [part.reader.rows(self._name) for part in parts]
        key = tuple(
            (part.schema.attempt, part.reader.generation, len(table))
            for part, table in zip(parts[:-1], tables[:-1], strict=True)
        ) + tuple((part.schema.attempt, part.reader.generation) for part in parts[-1:])
        limits = bounds(parts)
        if key != self._key:
            self._key = key
            self._rows = GrowingRows(_union([table.dtype for table in tables]))
            self._taken = 0
            for table, limit in zip(tables[:-1], limits[:-1], strict=True):
                self._append(table, limit)
        if tables:
            self._append(tables[-1][self._taken :], limits[-1])
            self._taken = len(tables[-1])
        return self._rows.rows()

    def _append(self, table: Rows, limit: tuple[int, int]) -> None:
        kept = table[within(table["step"], limit)]
        self._rows.append_rows(_as_dtype(kept, self._rows.dtype))


def _union(dtypes: list[np.dtype[np.void]]) -> np.dtype[np.void]:
    """All columns, the newest attempt's first; one that not all have must be able to say NaN."""
    kinds: dict[str, str] = {"step": "<i8"}
    for dtype in reversed(dtypes):
        for name in dtype.names or ():
            kind = dtype[name].str
            if kinds.setdefault(name, kind) != kind:
                kinds[name] = "<f8"
    for name in kinds:
        if kinds[name] == "<i8" and any(name not in (dtype.names or ()) for dtype in dtypes):
            kinds[name] = "<f8"
    return np.dtype(list(kinds.items()))


def _as_dtype(rows: Rows, dtype: np.dtype[np.void]) -> Rows:
    if rows.dtype == dtype:
        return rows
    converted: Rows = np.empty(len(rows), dtype)
    for name in dtype.names or ():
        converted[name] = rows[name] if name in (rows.dtype.names or ()) else np.nan
    return converted


@dataclass
class Comparison:
    """What was found where two attempts made the same steps."""

    steps: set[int]
    different: set[int]


def compare_steps(
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    intact: bool,
    optional: frozenset[int] = frozenset(),
) -> tuple[NDArray[np.intp], NDArray[np.intp], set[int]]:
    """Which places of ``old`` and ``new`` to hold against each other, and steps that differ.

    Both lists hold steps above the resumed one. Up to where the shorter one ends, each step must
    be in both if the logs are ``intact``; if they are not, a missing one proves nothing. Nor does
    one of ``optional``: an attempt evaluates at its own last step, another may pass it by.
    """
    if not len(old) or not len(new):
        nothing = np.empty(0, np.intp)
        return nothing, nothing, set()
    end = min(int(old.max()), int(new.max()))
    missing = np.setxor1d(old[old <= end], new[new <= end])
    _, in_old, in_new = np.intersect1d(old, new, return_indices=True)
    lost = {int(step) for step in missing} - optional if intact else set()
    return in_old, in_new, lost


def last_steps(old: Part, new: Part) -> frozenset[int]:
    """The steps that two attempts aimed at, where these are not the same."""
    aims = {part.schema.meta.get("steps") for part in (old, new)}
    return frozenset(aim for aim in aims if isinstance(aim, int)) if len(aims) > 1 else frozenset()


def compare_rows(
    old: Rows, new: Rows, intact: bool, optional: frozenset[int] = frozenset()
) -> Comparison:
    """Hold two attempts' rows of one table against each other, bit for bit.

    Columns ending in ``_seconds`` are wall-clock times, in ``_share`` parts of them; these are left
    out, as are columns that only one of them has.
    """
    in_old, in_new, different = compare_steps(old["step"], new["step"], intact, optional)
    steps = old["step"][in_old]
    unequal = np.zeros(len(steps), np.bool_)
    for name in old.dtype.names or ():
        if name.endswith(CLOCK) or name not in (new.dtype.names or ()):
            continue
        unequal |= _bits(old[name][in_old]) != _bits(new[name][in_new])
    return Comparison(
        {int(step) for step in steps},
        different | {int(step) for step in steps[unequal]},
    )


def _bits(values: NDArray[np.generic]) -> NDArray[np.unsignedinteger]:
    """The values as integers, so that NaN equals NaN and 0 does not equal -0."""
    # Widened to one size first, in case the two attempts declared different ones.
    wide = values.astype("<f8") if values.dtype.kind == "f" else values.astype("<i8")
    return wide.view("<u8")
