"""Everything a run has logged, over all its attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.folder import RunFolder, attempt_numbers
from shareconsole.store.growing import Rows
from shareconsole.store.merge import (
    Comparison,
    MergedTable,
    Part,
    bounds,
    compare_rows,
    compare_steps,
    last_steps,
    within,
)
from shareconsole.store.record_reader import Damage, RecordReader

STEP_TABLE = "step"
"""The table with one row per training step."""


@dataclass(frozen=True)
class ResumeCheck:
    """Whether a resumed attempt made the same records as the one that it took over from.

    Attributes:
        attempt: number of the attempt that resumed.
        from_step: the step of its checkpoint.
        overlap_steps: how many rows of the table "step" both made; 0 means that no step was made
            twice.
        identical: no bit of any table or tensor differs but in wall-clock columns.
        first_difference: the first step that differs.
        seamless: ``from_step`` is the last step on record of the attempts before.
    """

    attempt: int
    from_step: int
    overlap_steps: int
    identical: bool
    first_difference: int | None
    seamless: bool = False


class RunLog:
    """The numbers and tensors of a run. Call ``refresh`` first, and again to see what is new.

    Damage is counted, never raised. Tensor logs are opened when a tensor is first asked for.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Touches no disk."""
        self.folder = folder
        self._metrics: dict[int, RecordReader] = {}
        self._tensors: dict[int, RecordReader] = {}
        self._wants_tensors = False
        self._final = False
        self._merged: dict[str, MergedTable] = {}

    def refresh(self, final: bool = False) -> None:
        """Read what is new. ``final``: no trainer writes any more, so an unfinished end is torn."""
        self._final = final
        self._poll("metrics")
        if self._wants_tensors:
            self._poll("tensors")

    def _poll(self, kind: str) -> None:
        readers = self._metrics if kind == "metrics" else self._tensors
        path = self.folder.metrics if kind == "metrics" else self.folder.tensors
        numbers = attempt_numbers(self.folder.names(), kind)
        for number in numbers:
            reader = readers.setdefault(number, RecordReader(path(number)))
            # Only one trainer at a time can hold the lock, so older attempts are over.
            reader.poll(final=self._final or number != numbers[-1])

    def _parts(self) -> list[Part]:
        return _with_schema(self._metrics)

    def _tensor_parts(self) -> list[Part]:
        if not self._wants_tensors:
            self._wants_tensors = True
            self._poll("tensors")
        return _with_schema(self._tensors)

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the newest attempt says of the run: tasks, units and so on; empty before it does."""
        parts = self._parts()
        return parts[-1].schema.meta if parts else {}

    @property
    def damage(self) -> Damage:
        """What could not be read, over the logs opened so far."""
        readers = [*self._metrics.values(), *self._tensors.values()]
        return sum((reader.damage for reader in readers), Damage())

    @property
    def problems(self) -> list[str]:
        """Logs that cannot be read at all, and why."""
        readers = [*self._metrics.values(), *self._tensors.values()]
        return [reader.problem for reader in readers if reader.problem]

    def table(self, name: str) -> Rows:
        """A table over all attempts: structured, ``step`` (i8) first, read-only.

        Empty, with ``step`` alone, if there is no such table.
        """
        return self._merged.setdefault(name, MergedTable(name)).rows(self._parts())

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns of a table but for ``step``."""
        return (self.table(name).dtype.names or ())[1:]

    def tensor_steps(self, kind: str) -> NDArray[np.int64]:
        """The steps at which a kind of tensor was logged, [N]."""
        found = [steps[places] for _, steps, places in self._standing(kind)]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def tensor(self, kind: str, index: int = -1) -> NDArray[Any]:
        """A tensor by its place in ``tensor_steps``; the newest by default.

        Raises:
            IndexError: there is no such tensor.
            StoreError: its log was damaged or removed since it was first read.
        """
        standing = self._standing(kind)
        count = sum(len(places) for _, _, places in standing)
        place = index + count if index < 0 else index
        if not 0 <= place < count:
            raise IndexError(f"run {self.folder.id} has {count} tensors {kind!r}, none at {index}")
        for part, _, places in standing:
            if place < len(places):
                return part.reader.tensor(kind, int(places[place]))
            place -= len(places)
        raise AssertionError("unreachable")

    def tensor_axes(self, kind: str) -> tuple[tuple[str, ...], ...]:
        """The names along each axis of a kind of tensor; empty if there is no such kind."""
        for part in reversed(self._tensor_parts()):
            for tensor in part.schema.tensors:
                if tensor.name == kind:
                    return tensor.axes
        return ()

    def _standing(self, kind: str) -> list[tuple[Part, NDArray[np.int64], NDArray[np.intp]]]:
        """Per attempt its steps, and the places among them that no later attempt made anew."""
        parts = self._tensor_parts()
        found = []
        for part, limit in zip(parts, bounds(parts), strict=True):
            steps = part.reader.tensor_steps(kind)
            found.append((part, steps, np.flatnonzero(within(steps, limit))))
        return found

    @property
    def resumes(self) -> list[ResumeCheck]:
        """One check per attempt that followed another, over all tables and tensors."""
        parts = self._parts()
        if len(parts) < 2:
            return []
        tensor_parts = {part.schema.attempt: part for part in self._tensor_parts()}
        checks = []
        for index in range(1, len(parts)):
            found = _compare_tables(parts, index)
            numbers = [part.schema.attempt for part in parts[: index + 1]]
            chain = [tensor_parts[number] for number in numbers if number in tensor_parts]
            if len(chain) > 1 and chain[-1].schema.attempt == numbers[-1]:
                found.different |= _compare_tensors(chain)
            from_step = parts[index].schema.resume_from_step
            checks.append(
                ResumeCheck(
                    attempt=parts[index].schema.attempt,
                    from_step=from_step,
                    overlap_steps=len(found.steps),
                    identical=not found.different,
                    first_difference=min(found.different, default=None),
                    seamless=_last_step(parts[:index]) == from_step,
                )
            )
        return checks


def _with_schema(readers: Mapping[int, RecordReader]) -> list[Part]:
    ordered = (readers[number] for number in sorted(readers))
    return [Part(reader, reader.schema) for reader in ordered if reader.schema is not None]


def _last_step(parts: list[Part]) -> int | None:
    """The last step on record of some attempts, None if they made none."""
    found = []
    for part, limit in zip(parts, bounds(parts), strict=True):
        steps = part.reader.rows(STEP_TABLE)["step"]
        found += steps[within(steps, limit)][-1:].tolist()
    return max(found, default=None)


def _remade(parts: list[Part]) -> list[tuple[Part, tuple[int, int]]]:
    """The parts before the last one, and which of their steps the last one made anew."""
    start = parts[-1].last_kept_step
    return [
        (part, (max(lower, start), upper))
        for part, (lower, upper) in zip(parts[:-1], bounds(parts[:-1]), strict=True)
    ]


def _compare_tables(parts: list[Part], index: int) -> Comparison:
    newest = parts[index]
    found = Comparison(set(), set())
    for table in newest.schema.tables:
        for part, limit in _remade(parts[: index + 1]):
            old, new = part.reader.rows(table.name), newest.reader.rows(table.name)
            old = old[within(old["step"], limit)]
            new = new[within(new["step"], limit)]
            optional = last_steps(part, newest)
            compared = compare_rows(old, new, part.intact and newest.intact, optional)
            found.different |= compared.different
            # A step is made twice where its row is; other records come with some steps only, and
            # one of step 0 before any step.
            found.steps |= compared.steps if table.name == STEP_TABLE else set()
    return found


def _compare_tensors(parts: list[Part]) -> set[int]:
    """The steps whose tensors the last of the parts made differently."""
    newest = parts[-1]
    found: set[int] = set()
    for kind in (tensor.name for tensor in newest.schema.tensors):
        new = newest.reader.tensor_steps(kind)
        for part, limit in _remade(parts):
            old = part.reader.tensor_steps(kind)
            old_places = np.flatnonzero(within(old, limit))
            new_places = np.flatnonzero(within(new, limit))
            intact = part.intact and newest.intact
            in_old, in_new, different = compare_steps(
                old[old_places], new[new_places], intact, last_steps(part, newest)
            )
            found |= different
            for i, j in zip(old_places[in_old], new_places[in_new], strict=True):
                one, other = part.reader.tensor(kind, int(i)), newest.reader.tensor(kind, int(j))
                if (one.dtype, one.shape, one.tobytes()) != (
                    other.dtype,
                    other.shape,
                    other.tobytes(),
                ):
                    found.add(int(old[i]))
    return found
