"""Typed values out of a JSON object that anybody may have written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shareconsole.store.atomic import StoreError
from shareconsole.store.clock import moment

_INTEGER_LIMIT = 2**63


class Fields:
    """One JSON object with checked access; every refusal names the file and the key."""

    __slots__ = ("_obj", "_path")

    def __init__(self, obj: Mapping[str, Any], path: object) -> None:
        """``path`` is for messages only."""
        self._obj = obj
        self._path = path

    def refuse(self, key: str, wanted: str) -> StoreError:
        """The error to raise for a value that will not do."""
        problem = f"must be {wanted}" if key in self._obj else "is missing"
        return StoreError(f"{self._path}: {key} {problem}")

    def text(self, key: str) -> str:
        """A text."""
        value = self._obj.get(key)
        if type(value) is not str:
            raise self.refuse(key, "a text")
        return value

    def moment(self, key: str) -> str:
        """A text that is an ISO 8601 time."""
        value = self.text(key)
        try:
            moment(value)
        except ValueError:
            raise self.refuse(key, "an ISO 8601 time") from None
        return value

    def integer(self, key: str, least: int = 0) -> int:
        """A whole number from ``least`` to 2**63 - 1."""
        value = self._obj.get(key)
        if type(value) is not int or not least <= value < _INTEGER_LIMIT:
            raise self.refuse(key, f"a whole number of at least {least}")
        return value

    def optional_integer(self, key: str, least: int = 0) -> int | None:
        """A whole number, or None where it is null or missing."""
        return None if self._obj.get(key) is None else self.integer(key, least)

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._obj.get(key)
        if type(value) is int and abs(value) < _INTEGER_LIMIT:
            return float(value)
        if type(value) is not float or not math.isfinite(value):
            raise self.refuse(key, "a number")
        return value

    def optional_number(self, key: str) -> float | None:
        """A finite number, or None where it is null or missing."""
        return None if self._obj.get(key) is None else self.number(key)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._obj.get(key)
        if type(value) is not bool:
            raise self.refuse(key, "true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._obj.get(key)
        if type(value) is not list or not all(type(item) is str for item in value):
            raise self.refuse(key, "a list of texts")
        return tuple(value)

    def table(self, key: str) -> dict[str, Any]:
        """An object."""
        value = self._obj.get(key)
        if type(value) is not dict:
            raise self.refuse(key, "an object")
        return value
