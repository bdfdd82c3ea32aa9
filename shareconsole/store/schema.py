"""What a record log declares about itself in its schema frames, and what follows from it."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SCHEMA = 1
DTYPES = {"f4": "f", "f8": "d", "i8": "q"}
PREFIX = struct.Struct("<Hq")
"""What opens the payload of a row or tensor frame: index of the table or tensor, step."""
MAX_FRAME = 64 * 1024 * 1024
"""Bytes of the largest payload; a longer length is a damaged header."""


@dataclass(frozen=True)
class TableSchema:
    """A table of numbers: columns are (name, dtype), dtype one of f4, f8, i8."""

    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def payload_length(self) -> int:
        """Bytes in the payload of a row frame of this table."""
        return PREFIX.size + sum(int(dtype[1]) for _, dtype in self.columns)

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The structured dtype of a row: ``step`` (i8), then the columns, packed."""
        # Here, so that who only asks for steps and lengths need not load it.
        import numpy as np

        return np.dtype([("step", "<i8"), *((name, f"<{kind}") for name, kind in self.columns)])


@dataclass(frozen=True)
class TensorSchema:
    """A kind of tensor: dtype one of f4, f8, i8; ``axes`` names every index of every axis."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    axes: tuple[tuple[str, ...], ...]

    @property
    def payload_length(self) -> int:
        """Bytes in the payload of a frame of this kind."""
        return PREFIX.size + int(self.dtype[1]) * math.prod(self.shape)


@dataclass(frozen=True)
class LogSchema:
    """All of one log: its attempt, where that resumed, its tables and tensors, and the run's meta.

    Raises:
        ValueError: names repeat, a dtype is unknown, or axes do not fit a shape.
    """

    attempt: int
    resume_from_step: int
    tables: tuple[TableSchema, ...] = ()
    tensors: tuple[TensorSchema, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything that a reader relies on."""
        if self.attempt < 1 or not 0 <= self.resume_from_step < 2**63:
            raise ValueError("attempts count from 1 and steps from 0")
        _distinct("tables", [table.name for table in self.tables])
        _distinct("tensors", [tensor.name for tensor in self.tensors])
        for table in self.tables:
            _distinct(f"columns of {table.name}", ["step", *(name for name, _ in table.columns)])
            _known(table.name, [dtype for _, dtype in table.columns], table)
        for tensor in self.tensors:
            if tuple(map(len, tensor.axes)) != tensor.shape:
                raise ValueError(f"{tensor.name}: axes do not name the shape {tensor.shape}")
            _known(tensor.name, [tensor.dtype], tensor)

    def to_bytes(self) -> bytes:
        """The payload of a schema frame."""
        obj = {
            "schema": SCHEMA,
            "attempt": self.attempt,
            "resume_from_step": self.resume_from_step,
            "tables": [[table.name, table.columns] for table in self.tables],
            "tensors": [[t.name, t.dtype, t.shape, t.axes] for t in self.tensors],
            "meta": self.meta,
        }
        return json.dumps(obj, allow_nan=False, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, payload: bytes) -> LogSchema:
        """The reverse of ``to_bytes``.

        Raises:
            ValueError: whatever is wrong with the payload.
        """
        try:
            obj = json.loads(payload)
            if obj["schema"] != SCHEMA or not isinstance(obj["meta"], dict):
                raise ValueError("not a schema that this version reads")
            return cls(
                attempt=_whole(obj["attempt"]),
                resume_from_step=_whole(obj["resume_from_step"]),
                tables=tuple(
                    TableSchema(_text(name), tuple((_text(c), _text(d)) for c, d in columns))
                    for name, columns in obj["tables"]
                ),
                tensors=tuple(
                    TensorSchema(
                        _text(name),
                        _text(dtype),
                        tuple(_whole(length) for length in shape),
                        tuple(tuple(_text(label) for label in axis) for axis in axes),
                    )
                    for name, dtype, shape, axes in obj["tensors"]
                ),
                meta=obj["meta"],
            )
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not a schema: {error!r}") from None


def _distinct(what: str, names: list[str]) -> None:
    if not all(names) or len(set(names)) != len(names):
        raise ValueError(f"{what}: names must be distinct, not empty, and no column may be 'step'")
    if len(names) > 65536:
        raise ValueError(f"{what}: too many")


def _known(name: str, dtypes: list[str], schema: TableSchema | TensorSchema) -> None:
    unknown = sorted(set(dtypes) - set(DTYPES))
    if unknown:
        raise ValueError(f"{name}: dtype {unknown[0]!r} is not one of {', '.join(DTYPES)}")
    if schema.payload_length > MAX_FRAME:
        raise ValueError(f"{name}: a frame would be larger than {MAX_FRAME:,} bytes")


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError(f"{value!r} is not a text")
    return value


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a whole number")
    return value
