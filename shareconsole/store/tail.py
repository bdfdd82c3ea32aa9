"""Where a run stands by the end of its records, without reading all of them.

For lists, where the hint in ``status.json`` is missing or may be old. ``store.reader`` reads
everything and is the one to ask where exactness matters.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from shareconsole.store.atomic import StoreError, open_regular
from shareconsole.store.folder import RunFolder, attempt_numbers
from shareconsole.store.scan import (
    HEADER,
    MAGIC,
    ROW_FRAME,
    SCHEMA_FRAME,
    VERSION,
    FrameRules,
    Incomplete,
    frame_at,
)
from shareconsole.store.schema import DTYPES, PREFIX, LogSchema

# The end of a log that is looked at; more only where it holds no row, as a frame may be large.
_WINDOWS = (64 * 1024, 512 * 1024, 4 * 1024 * 1024)
_NO_LIMIT = 2**63
_ANYTHING = FrameRules()


@dataclass(frozen=True)
class Tail:
    """The last step on record, and errors as fractions; None where none was found."""

    step: int | None = None
    macro_error: float | None = None
    micro_error: float | None = None


def read_tail(folder: RunFolder, names: list[str], *, errors: bool = False) -> Tail:
    """Look at the end of the newest log that holds rows. Never raises.

    Args:
        folder: the run.
        names: the names in it.
        errors: also look for the last evaluation, which takes longer.
    """
    step: int | None = None
    limit = _NO_LIMIT
    for number in reversed(attempt_numbers(names, "metrics")):
        log = _End(os.path.join(folder.path, f"metrics.{number:04d}.rec"))
        if step is None:
            # An attempt that opened its log and made no step stands where it resumed.
            step = log.last_step if log.last_step is not None else log.resumed_from
        if not errors:
            if step is not None:
                break
            continue
        found = log.last_errors(limit)
        if found is not None:
            return Tail(step, *found)
        if log.resumed_from is not None:
            # What older attempts made above this was made anew.
            limit = min(limit, log.resumed_from)
    return Tail(step)


class _End:
    """The last bytes of one log."""

    def __init__(self, path: str) -> None:
        self._data = b""
        self._head = b""
        self.last_step: int | None = None
        try:
            fd = open_regular(path)
        except (FileNotFoundError, StoreError):
            return
        try:
            self._read(fd)
        except OSError:
            # A device that fails shows as a step that is not known; the report says why.
            self._data = b""
        finally:
            os.close(fd)

    def _read(self, fd: int) -> None:
        size = os.fstat(fd).st_size
        for window in _WINDOWS:
            self._data = os.pread(fd, window, max(0, size - window))
            for kind, payload in self._backwards():
                if kind == ROW_FRAME and len(payload) >= PREFIX.size:
                    self.last_step = PREFIX.unpack_from(payload)[1]
                    break
            if self.last_step is not None or window >= size:
                break
        self._head = os.pread(fd, _WINDOWS[0], 0)

    def _backwards(self) -> Iterator[tuple[int, bytes]]:
        """Yield type and payload of each whole frame, the last one first."""
        at = len(self._data)
        while (at := self._data.rfind(MAGIC, 0, at)) >= 0:
            try:
                frame = frame_at(self._data, at, _ANYTHING)
            except Incomplete:
                continue
            if frame is not None and frame[1] == VERSION:
                yield frame[0], self._data[at + HEADER.size : frame[2]]

    @property
    def resumed_from(self) -> int | None:
        """The step of the checkpoint it went on from, None where its beginning is damaged."""
        schema = self._schema()
        return None if schema is None else schema.resume_from_step

    def _schema(self) -> LogSchema | None:
        try:
            frame = frame_at(self._head, 0, _ANYTHING)
        except Incomplete:
            return None
        if frame is None or frame[:2] != (SCHEMA_FRAME, VERSION):
            return None
        return _parsed(self._head[HEADER.size : frame[2]])

    def last_errors(self, limit: int) -> tuple[float | None, float | None] | None:
        """Macro and micro error of the last evaluation up to step ``limit``, if it is near."""
        schema = self._schema()
        for kind, payload in self._backwards():
            if kind == SCHEMA_FRAME:
                schema = schema or _parsed(payload)
            elif kind == ROW_FRAME and schema is not None and len(payload) >= PREFIX.size:
                index, step = PREFIX.unpack_from(payload)
                if index < len(schema.tables) and step <= limit:
                    found = _errors(schema, index, payload)
                    if found is not None:
                        return found
        return None


def _parsed(payload: bytes) -> LogSchema | None:
    try:
        return LogSchema.from_bytes(payload)
    except ValueError:
        return None


def _errors(
    schema: LogSchema, index: int, payload: bytes
) -> tuple[float | None, float | None] | None:
    table = schema.tables[index]
    if table.name != "evaluation" or len(payload) != table.payload_length:
        return None
    layout = "<" + "".join(DTYPES[kind] for _, kind in table.columns)
    values = struct.unpack_from(layout, payload, PREFIX.size)
    row = dict(zip((name for name, _ in table.columns), values, strict=True))
    macro, micro = (row.get(name, math.nan) for name in ("macro_error", "micro_error"))
    return (
        macro if math.isfinite(macro) else None,
        micro if math.isfinite(micro) else None,
    )
