"""What is wrong with one key of a table, in words, from what pydantic found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import ErrorDetails

from shareconsole.spec.fields import Issue, Path, Table
from shareconsole.spec.nearest import nearest
from shareconsole.spec.preset import PLAIN_TABLES
from shareconsole.spec.wording import allowed, is_kind, shown


def explain(key: str, model: type[Table], path: Path, errors: list[ErrorDetails]) -> Issue:
    """Return the issue for all that pydantic says of one key.

    Args:
        key: the table's name.
        model: the table's model.
        path: the key inside the table.
        errors: at least one; several where a field takes one of several types.
    """
    first = errors[0]
    if first["type"] == "extra_forbidden":
        return _unknown_key((key, *path), model)
    limits = allowed_at(model, path)
    if first["type"] == "missing":
        return Issue((key, *path), "missing", limits, "", True)
    wrong = first["input"]
    problem = _problem(wrong, {error["type"] for error in errors})
    return Issue((key, *path), problem, limits, _suggestion(wrong, _schema_at(model, path)))


def allowed_at(model: type[Table], path: Path) -> str:
    """Return in words what a key of a table admits; nothing for a key that is unknown."""
    schema = _schema_at(model, path)
    if "pattern" in schema:
        # A regular expression is no explanation; elements have none of their own, their list has.
        return str(_schema_at(model, path[:1])["description"])
    return allowed(schema) if schema else ""


def home_of(key: str) -> str:
    """Return ``table.key`` for a key written in the wrong table, or an empty string."""
    homes = (table for table, model in PLAIN_TABLES.items() if key in model.model_fields)
    return next((f"{home}.{key}" for home in homes if key != "name"), "")


def _unknown_key(path: Path, model: type[Table]) -> Issue:
    known = list(model.model_fields)
    # Where the options depend on a name, say whose options these are.
    names = _choices(_properties(model).get("name", {}))
    whose = f" for {shown(names[0])}" if names else ""
    unknown = str(path[-1])
    suggestion = nearest(unknown, known) or home_of(unknown)
    return Issue(path, "unknown key", f"known{whose}: {', '.join(known)}", suggestion, True)


def _problem(wrong: object, kinds: set[str]) -> str:
    if kinds & {"greater_than", "greater_than_equal"}:
        return f"{shown(wrong)} is too small"
    if kinds & {"less_than", "less_than_equal"}:
        return f"{shown(wrong)} is too large"
    if "string_too_long" in kinds:
        return f"has {len(str(wrong))} characters, too many"
    if "string_too_short" in kinds:
        return "is empty"
    if "too_long" in kinds and isinstance(wrong, list):
        return f"has {len(wrong)} elements, too many"
    if isinstance(wrong, str) and kinds & {"literal_error", "string_pattern_mismatch"}:
        return f"{shown(wrong)} is not known"
    return is_kind(wrong)


def _suggestion(wrong: object, schema: Mapping[str, Any]) -> str:
    choices = _choices(schema)
    if isinstance(wrong, str):
        near = nearest(wrong, choices)
        return f'"{near}"' if near else ""
    if schema.get("type") == "string" and not choices and isinstance(wrong, int | float):
        return f'"{shown(wrong)}"'
    return ""


@cache
def _properties(model: type[Table]) -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return properties


def _schema_at(model: type[Table], path: Path) -> dict[str, Any]:
    """Return the JSON Schema of a key, or of the elements of a list, or an empty one."""
    schema = _properties(model).get(str(path[0]), {}) if path else {}
    for part in path[1:]:
        choices = schema.get("anyOf", [schema])
        schema = next((choice for choice in choices if "items" in choice), {})
        schema = schema.get("items", {}) if isinstance(part, int) else {}
    return schema


def _choices(schema: Mapping[str, Any]) -> list[str]:
    """Return the words that a key admits."""
    found = [str(choice) for choice in schema.get("enum", [])]
    if "const" in schema:
        found.append(str(schema["const"]))
    for choice in schema.get("anyOf", []):
        found += _choices(choice)
    return found
