"""Reads a record log while it is being written, and whatever is left of a damaged one.

* A frame with a good CRC is taken; one that the schema contradicts is damage all the same.
* A frame that is not whole yet, at the end of the file, is waited for.
* Anything else is damage: reading goes on at the next whole frame and the bytes between are
  counted. Only a later whole frame proves damage; until one appears, or the caller says that the
  log is final, the reader waits, because on a network mount the end of a file may first show up
  as zeros.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shareconsole.store.atomic import StoreError, open_regular
from shareconsole.store.bursts import rows_at
from shareconsole.store.growing import GrowingRows, Rows
from shareconsole.store.scan import (
    HEADER,
    ROW_FRAME,
    SCHEMA_FRAME,
    TENSOR_FRAME,
    VERSION,
    FrameRules,
    Incomplete,
    find_frame,
    frame_at,
)
from shareconsole.store.schema import MAX_FRAME, PREFIX, LogSchema, TensorSchema

_WINDOW = 2 * 1024 * 1024
# No frame that starts in the first half of so large a window can go on beyond it.
_LARGEST_WINDOW = 2 * (MAX_FRAME + HEADER.size)
# How many rows just like one another are looked for at once, and how few make that too costly.
_FIRST_BURST, _LARGEST_BURST, _SHORT_BURST, _SINGLES = 16, 65536, 4, 32


@dataclass(frozen=True)
class Damage:
    """What could not be read.

    Attributes:
        skipped_bytes: bytes between good frames, or in frames that contradict the schema.
        torn_bytes: bytes of an unfinished frame at the end of a log that is final.
        unknown_frames: undamaged frames of a type or version that we do not know.
    """

    skipped_bytes: int = 0
    torn_bytes: int = 0
    unknown_frames: int = 0

    def __add__(self, other: Damage) -> Damage:
        """The damage of two logs together."""
        return Damage(
            self.skipped_bytes + other.skipped_bytes,
            self.torn_bytes + other.torn_bytes,
            self.unknown_frames + other.unknown_frames,
        )


class _TensorIndex:
    """Where the tensors of one kind lie in the file; they are read when asked for."""

    def __init__(self, schema: TensorSchema) -> None:
        self.schema = schema
        self.steps: list[int] = []
        self.offsets: list[int] = []


class RecordReader:
    """One log. Never raises on damage; ``problem`` says why a file cannot be read at all.

    The file is opened anew at each poll: that is what makes a network mount show the newest
    data, and it notices a file that was replaced by a longer copy.
    """

    def __init__(self, path: Path) -> None:
        """Touches no disk."""
        self.path = path
        self.problem = ""
        self.generation = 0
        self._forget()

    def _forget(self) -> None:
        self.generation += 1
        self.schema: LogSchema | None = None
        self._schema_payload = b""
        self._rules = FrameRules()
        self._tables: list[GrowingRows] = []
        self._tensors: list[_TensorIndex] = []
        self._before_schema: list[tuple[int, bytes, int]] = []
        self._position = self._size = 0
        self._skipped = self._torn = self._unknown = 0
        self._stamp: tuple[int, ...] = ()
        self._bursts: list[int] = []
        self._singles: list[int] = []

    @property
    def damage(self) -> Damage:
        """What could not be read so far; rows whose schema is not known count as skipped."""
        homeless = sum(len(payload) + HEADER.size for _, payload, _ in self._before_schema)
        return Damage(self._skipped + homeless, self._torn, self._unknown)

    def rows(self, table: str) -> Rows:
        """The rows of a table in file order, ``step`` first; empty if there is no such table."""
        if self.schema is not None:
            for schema, rows in zip(self.schema.tables, self._tables, strict=True):
                if schema.name == table:
                    return rows.rows()
        return np.empty(0, np.dtype([("step", "<i8")]))

    def tensor_steps(self, kind: str) -> NDArray[np.int64]:
        """The steps of the tensors of a kind, [N] in file order; empty if there is no such kind."""
        index = self._tensor_index(kind)
        return np.array([] if index is None else index.steps, np.int64)

    def tensor(self, kind: str, index: int) -> NDArray[Any]:
        """One tensor of a kind, by its place in ``tensor_steps``.

        Raises:
            IndexError: there is no such tensor.
            StoreError: it was there but cannot be read any more.
        """
        entry = self._tensor_index(kind)
        if entry is None:
            raise IndexError(f"{self.path} has no tensors {kind!r}")
        schema, offset = entry.schema, entry.offsets[index]
        fd = self._open_again()
        try:
            data = os.pread(fd, HEADER.size + schema.payload_length, offset)
            whole = frame_at(data, 0, self._rules)
        except (OSError, Incomplete) as error:
            raise StoreError(f"{self.path}: cannot be read at byte {offset} ({error})") from None
        finally:
            os.close(fd)
        if whole is None:
            raise StoreError(f"{self.path}: was damaged at byte {offset} since it was first read")
        body = data[HEADER.size + PREFIX.size :]
        return np.frombuffer(body, f"<{schema.dtype}").reshape(schema.shape)

    def _open_again(self) -> int:
        try:
            return open_regular(self.path)
        except FileNotFoundError:
            raise StoreError(f"{self.path}: is gone") from None

    def _tensor_index(self, kind: str) -> _TensorIndex | None:
        return next((entry for entry in self._tensors if entry.schema.name == kind), None)

    def poll(self, final: bool = False) -> int:
        """Take what is new; returns the number of rows and tensors taken.

        ``final`` says that nobody writes the log any more, so that an unfinished frame at its
        end is torn rather than on its way.
        """
        before = self._taken()
        try:
            fd = open_regular(self.path)
        except FileNotFoundError:
            return 0
        except StoreError as error:
            self.problem = str(error)
            return 0
        try:
            found = os.fstat(fd)
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns, final)
            if stamp != self._stamp:
                if found.st_size < self._position:
                    self._forget()
                    before = 0
                self._read(fd, found.st_size, final)
                self._stamp = stamp
            self.problem = ""
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror}"
        finally:
            os.close(fd)
        return self._taken() - before

    def _taken(self) -> int:
        return sum(map(len, self._tables)) + sum(len(entry.steps) for entry in self._tensors)

    def _read(self, fd: int, size: int, final: bool) -> None:
        self._size = size
        window = _WINDOW
        while self._position < size:
            wanted = min(window, size - self._position)
            data = os.pread(fd, wanted, self._position)
            at_end = len(data) < wanted or self._position + wanted == size
            used = self._scan(data, at_end)
            self._position += used
            if at_end:
                break
            window = _WINDOW if used else min(2 * window, _LARGEST_WINDOW)
        self._torn = size - self._position if final else 0

    def _scan(self, data: bytes, at_end: bool) -> int:
        """Take the frames in ``data``; returns how many bytes are done with."""
        at = 0
        while at < len(data):
            try:
                found = frame_at(data, at, self._rules)
            except Incomplete:
                if not at_end:
                    return at
                found = None
            if found is not None:
                at = self._take(data, at, *found)
                continue
            good = find_frame(data, at + 1, self._rules)
            if good < 0:
                if at_end or len(data) - at < _LARGEST_WINDOW:
                    return at
                good = at + MAX_FRAME
            self._skipped += good - at
            at = good
        return at

    def _take(self, data: bytes, at: int, kind: int, version: int, end: int) -> int:
        """Take the good frame at ``at``, and rows just like it that follow; returns the end."""
        body = at + HEADER.size
        if version != VERSION or kind not in (SCHEMA_FRAME, ROW_FRAME, TENSOR_FRAME):
            self._unknown += 1
        elif kind == SCHEMA_FRAME:
            self._take_schema(data[body:end])
        elif self.schema is None:
            self._before_schema.append((kind, data[body:end], self._position + at))
        elif kind == TENSOR_FRAME:
            self._take_one(kind, data[body:end], self._position + at)
        else:
            return self._take_rows(data, at, end)
        return end

    def _take_rows(self, data: bytes, at: int, end: int) -> int:
        body = at + HEADER.size
        index = PREFIX.unpack_from(data, body)[0]
        if not self._rules.consistent(ROW_FRAME, end - body, index):
            self._skipped += end - at
            return end
        if self._singles[index]:
            self._singles[index] -= 1
            self._take_one(ROW_FRAME, data[body:end], self._position + at)
            return end
        burst = self._bursts[index]
        block = rows_at(data, at, end - body, burst)
        taken = len(block) * (end - at)
        rows = self._tables[index]
        if len(rows) > _LARGEST_BURST // 64 and 2 * len(rows) * (end - at) > self._position + at:
            # Mostly such rows so far, so probably to the end; unused memory is never touched.
            rows.reserve((self._size - self._position - at) // (end - at))
        rows.append(block[:, HEADER.size + 2 :])
        if len(block) == burst:
            self._bursts[index] = min(4 * burst, _LARGEST_BURST)
        else:
            self._bursts[index] = max(2 * len(block), _FIRST_BURST)
            if len(block) < _SHORT_BURST and burst == _FIRST_BURST:
                # Where tables alternate, looking ahead for equal frames costs more than it saves.
                self._singles[index] = _SINGLES
        return at + taken

    def _take_one(self, kind: int, payload: bytes, offset: int) -> None:
        if len(payload) < PREFIX.size or not self._rules.consistent(
            kind, len(payload), index := PREFIX.unpack_from(payload)[0]
        ):
            self._skipped += HEADER.size + len(payload)
        elif kind == ROW_FRAME:
            self._tables[index].append(np.frombuffer(payload, np.uint8, offset=2).reshape(1, -1))
        else:
            self._tensors[index].steps.append(PREFIX.unpack_from(payload)[1])
            self._tensors[index].offsets.append(offset)

    def _take_schema(self, payload: bytes) -> None:
        if self.schema is not None:
            if payload != self._schema_payload:
                self._skipped += HEADER.size + len(payload)
            return
        try:
            self.schema = LogSchema.from_bytes(payload)
            self._tables = [GrowingRows(table.dtype) for table in self.schema.tables]
            self._bursts = [_FIRST_BURST] * len(self._tables)
            self._singles = [0] * len(self._tables)
        except ValueError:
            self.schema = None
            self._skipped += HEADER.size + len(payload)
            return
        self._schema_payload = payload
        self._rules = FrameRules(self.schema)
        self._tensors = [_TensorIndex(tensor) for tensor in self.schema.tensors]
        waiting, self._before_schema = self._before_schema, []
        for frame in waiting:
            self._take_one(*frame)
