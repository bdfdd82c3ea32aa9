"""How a preset's tables are declared: the strict base model and one way to write a field.

Every field states its description, unit, range and default, because the JSON Schema that editors
complete from, the error messages and the documentation all read them from here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Path = tuple[str | int, ...]


class Table(BaseModel):
    """A table of a preset: immutable, no unknown keys, no conversion of one type into another."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


class Issue(NamedTuple):
    """One thing wrong, at a key; where that is written is found out later.

    Attributes:
        path: the key, for example ``("network", "conv", 1)``, or without the table's name where a
            table speaks of itself.
        problem: what is wrong.
        allowed: what would be right.
        suggestion: the nearest right thing.
        at_key: the key itself is wrong (unknown, missing), rather than its value.
    """

    path: Path
    problem: str
    allowed: str = ""
    suggestion: str = ""
    at_key: bool = False


def option(description: str, *, unit: str, default: Any = ..., **limits: Any) -> Any:
    """Declare a field.

    Args:
        description: what it does, a phrase without a full stop.
        unit: what it counts ("steps", "images", "fraction") or the kind of text it is ("name").
        default: its value where a preset leaves it out; without one the key is required.
        limits: pydantic's constraints (``ge``, ``gt``, ``le``, ``lt``, ``max_length`` ...).
    """
    return Field(default, description=description, json_schema_extra={"unit": unit}, **limits)
