"""``--set table.key=value``: changes to a preset from the command line."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import tomli
import tomlkit

from shareconsole.errors import Problem
from shareconsole.spec.fields import Path

FILE = "--set"
_FORM = "--set table.key=value, for example --set train.steps=200"


def as_override(key: str, value: object) -> str:
    """Return the override that sets ``key`` to ``value``, whatever characters the value holds."""
    return f"{key}={tomlkit.item(value).as_string()}"


def apply_overrides(
    data: dict[str, Any], overrides: Sequence[str]
) -> tuple[dict[str, Any], set[Path], list[Problem]]:
    """Return a copy of ``data`` with the overrides in it, later ones winning.

    The value is read as TOML; what is no TOML value is text as it stands: ``run.name=first
    try`` needs no quotes.

    Returns:
        The copy, the keys that an override gave, and the overrides that cannot be read.
    """
    data = {key: copy.copy(value) for key, value in data.items()}
    given: set[Path] = set()
    problems = []
    for override in overrides:
        text, equals, value = override.partition("=")
        path = _key(text) if equals else None
        if path is None:
            problems.append(Problem(FILE, None, None, override, "is not an override", _FORM))
        elif not _is_unicode(value):
            name = ".".join(path)
            problems.append(Problem(FILE, None, None, name, "is not valid UTF-8", "UTF-8 text"))
        else:
            table = data.setdefault(path[0], {})
            if not isinstance(table, dict):
                data[path[0]] = table = {}
            table[path[1]] = _value(value)
            given.add(path)
    return data, given, problems


def _key(text: str) -> tuple[str, str] | None:
    if "\n" in text or not _is_unicode(text):
        return None
    try:
        parsed = tomli.loads(f"{text} = 0")
    except (tomli.TOMLDecodeError, RecursionError):
        return None
    match parsed:
        case {**tables} if len(tables) == 1:
            [(table, inside)] = tables.items()
        case _:
            return None
    if not isinstance(inside, dict) or len(inside) != 1:
        return None
    [(key, value)] = inside.items()
    return (table, key) if value == 0 and isinstance(value, int) else None


def _value(text: str) -> Any:
    try:
        parsed = tomli.loads(f"value = {text}")
    except (ValueError, RecursionError):
        # Also thousands of digits or nesting without end: the field's type will object.
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
