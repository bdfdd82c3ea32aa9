"""The framed, checksummed record log: one file per attempt, written by one process.

A frame is ``c5 5a | type u8 | version u8 | length u32 | crc32 u32 | payload``, little endian, the
CRC over type, version, length and payload. Types: 1 schema (JSON), 2 row (u16 table, i64 step,
packed values), 3 tensor (u16 kind, i64 step, values); a reader skips the types it does not know.
The first frame is a schema, and it may be repeated.

Raw floats, because JSON has no NaN and a diverged run would look like missing data; one ``write``
per frame, because then a killed process loses nothing that it had handed in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from shareconsole.store.append import AppendOnlyFile
from shareconsole.store.record_reader import Damage, RecordReader
from shareconsole.store.scan import MAGIC, ROW_FRAME, SCHEMA_FRAME, TENSOR_FRAME, VERSION
from shareconsole.store.schema import (
    DTYPES,
    PREFIX,
    LogSchema,
    TableSchema,
    TensorSchema,
)

__all__ = [
    "Damage",
    "LogSchema",
    "RecordReader",
    "RecordWriter",
    "TableSchema",
    "TensorSchema",
]

DEFAULT_BACKLOG_CAP = 16 * 1024 * 1024


def frame(kind: int, payload: bytes, version: int = VERSION) -> bytes:
    """One whole frame."""
    head = struct.pack("<BBI", kind, version, len(payload))
    return MAGIC + head + struct.pack("<I", crc32(payload, crc32(head))) + payload


class _RowPacker:
    """Packs the rows of one table; everything that does not depend on the row is done once."""

    def __init__(self, index: int, table: TableSchema) -> None:
        length = table.payload_length
        head = struct.pack("<BBI", ROW_FRAME, VERSION, length)
        self._before = MAGIC + head
        self._crc_of_head = crc32(head)
        self._index = index
        self._codes = "".join(DTYPES[dtype] for _, dtype in table.columns)
        self._kinds = [dtype for _, dtype in table.columns]
        self._pack = struct.Struct("<Hq" + self._codes).pack
        self._pack_crc = struct.Struct("<I").pack
        self.name = table.name

    def __call__(self, step: int, values: Sequence[float]) -> bytes:
        try:
            payload = self._pack(self._index, step, *values)
        except (OverflowError, struct.error):
            payload = self._pack_slowly(step, values)
        return b"".join((self._before, self._pack_crc(crc32(payload, self._crc_of_head)), payload))

    def _pack_slowly(self, step: int, values: Sequence[float]) -> bytes:
        """A loss beyond the range of f4 is an infinity, not an error; a wrong value is one."""
        if len(values) != len(self._kinds):
            raise ValueError(f"table {self.name} has {len(self._kinds)} columns, not {len(values)}")
        parts = [PREFIX.pack(self._index, step)]
        with np.errstate(over="ignore"):
            for value, kind in zip(values, self._kinds, strict=True):
                if kind == "i8" and int(value) != value:
                    raise ValueError(f"table {self.name}: {value} is not a whole number")
                parts.append(np.asarray(value).astype(f"<{kind}").tobytes())
        return b"".join(parts)


class RecordWriter:
    """Writes one new log. Nothing handed in is dropped while the process lives.

    ``sync`` may be called from another thread; everything else belongs to one thread.
    """

    def __init__(
        self, path: Path, schema: LogSchema, *, backlog_cap: int = DEFAULT_BACKLOG_CAP
    ) -> None:
        """Create the file and write the schema.

        Raises:
            FileExistsError: the file is there; one attempt never touches another's log.
            OSError: the file cannot be created.
        """
        self._schema_frame = frame(SCHEMA_FRAME, schema.to_bytes())
        self._tables = {t.name: _RowPacker(i, t) for i, t in enumerate(schema.tables)}
        self._tensors = {t.name: (i, t) for i, t in enumerate(schema.tensors)}
        self._cap = backlog_cap
        self._file = AppendOnlyFile(path)
        self._write: Callable[[bytes], bool] = self._file.write
        self._write(self._schema_frame)

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait in memory because the file system did not take them."""
        return self._file.backlog_bytes

    @property
    def blocked(self) -> bool:
        """Whether more than the cap waits; the caller should pause and call ``retry``."""
        return self._file.backlog_bytes > self._cap

    @property
    def last_error(self) -> OSError | None:
        """Why bytes wait, or why the last sync failed; None once all is well."""
        return self._file.last_error

    def row(self, table: str, step: int, values: Sequence[float]) -> None:
        """Append a row: the values in the order of the table's columns.

        Raises:
            KeyError: no such table.
            ValueError: the wrong number of values, or the log is closed.
        """
        self._write(self._tables[table](step, values))

    def tensor(self, kind: str, step: int, array: ArrayLike) -> None:
        """Append a tensor of the declared shape, cast to the declared dtype.

        Raises:
            KeyError: no such kind.
            ValueError: another shape, or the log is closed.
        """
        index, schema = self._tensors[kind]
        values = np.ascontiguousarray(array, dtype=f"<{schema.dtype}")
        if values.shape != schema.shape:
            raise ValueError(f"{kind} has the shape {schema.shape}, not {values.shape}")
        self._write(frame(TENSOR_FRAME, PREFIX.pack(index, step) + values.tobytes()))

    def repeat_schema(self) -> None:
        """Write the schema again, so that the log outlives damage to its first frame."""
        self._write(self._schema_frame)

    def retry(self) -> bool:
        """Try to write what waits; True if nothing waits any more."""
        return self._file.retry()

    def sync(self) -> bool:
        """Make the log survive a power cut; True if all that was handed in now does."""
        return self._file.sync()

    def close(self) -> bool:
        """Write what waits and close; False if the file system still refused some of it."""
        return self._file.close()

    def __enter__(self) -> RecordWriter:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
