"""From plain TOML values to a ``Preset``, with everything that is wrong said at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shareconsole.spec.catalog import Entry, nearest
from shareconsole.spec.checks import cross_issues
from shareconsole.spec.datasets import DATASETS
from shareconsole.spec.fields import Path, Table
from shareconsole.spec.methods import METHODS
from shareconsole.spec.networks import NETWORKS
from shareconsole.spec.preset import DeviceTable, Preset, RunTable, TrainTable
from shareconsole.spec.stepsizes import STEP_SIZES
from shareconsole.spec.wording import allowed, is_kind, shown

_PLAIN: dict[str, type[Table]] = {"run": RunTable, "train": TrainTable, "device": DeviceTable}
_CATALOGUES: dict[str, Mapping[str, Entry[Table]]] = {
    "data": DATASETS,
    "network": NETWORKS,
    "method": METHODS,
    "step_size": STEP_SIZES,
}
_REQUIRED = ("data", "network", "method")
_DEFAULT_NAMES = {"step_size": "constant"}
TABLES = tuple(Preset.model_fields)


class Issue(NamedTuple):
    """One thing wrong, at a key.

    Attributes:
        path: the key, for example ``("network", "conv", 1)``.
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


def validate(data: Mapping[str, Any]) -> tuple[Preset | None, list[Issue]]:
    """Return the preset, or None and everything that is wrong with ``data``.

    The tables that are right by themselves are checked against each other even where another table
    is wrong, so that one round of corrections is enough.
    """
    issues = [
        Issue(
            (key,),
            "unknown table",
            f"known: {', '.join(TABLES)}",
            nearest(key, TABLES) or _elsewhere(key),
            True,
        )
        for key in data
        if key not in TABLES
    ]
    tables: dict[str, Table] = {}
    for key in TABLES:
        table, found = _table(key, data.get(key))
        issues += found
        if table is not None:
            tables[key] = table
    issues += [Issue(*issue) for issue in cross_issues(tables)]
    if issues:
        return None, issues
    return Preset.model_validate(tables), []


def _table(key: str, value: Any) -> tuple[Table | None, list[Issue]]:
    if value is None and key in _REQUIRED:
        known = ", ".join(f'"{name}"' for name in _CATALOGUES[key])
        return None, [Issue((key,), "missing table", f"[{key}] with a name: {known}", "", True)]
    if value is None:
        value = {}
    if not isinstance(value, dict):
        return None, [Issue((key,), is_kind(value), f"a table, written [{key}]")]
    if key in _PLAIN:
        return _validated(key, _PLAIN[key], value)
    catalogue = _CATALOGUES[key]
    known = "one of " + ", ".join(f'"{name}"' for name in catalogue)
    name = value.get("name", _DEFAULT_NAMES.get(key))
    if name is None:
        return None, [Issue((key, "name"), "missing", known, "", True)]
    if not isinstance(name, str):
        return None, [Issue((key, "name"), is_kind(name), known)]
    if name not in catalogue:
        near = nearest(name, catalogue)
        hint = f'"{near}"' if near else ""
        return None, [Issue((key, "name"), f"{shown(name)} is not known", known, hint)]
    return _validated(key, catalogue[name].options, value)


def _validated(
    key: str, model: type[Table], value: dict[str, Any]
) -> tuple[Table | None, list[Issue]]:
    issues = [
        Issue((key, *path), problem, _field_allowed(model, path))
        for path, problem in _unfit_numbers(value)
        if path[0] in model.model_fields
    ]
    blamed = {issue.path[:2] for issue in issues}
    try:
        table = model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        for path, group in _grouped(details, value).items():
            if (key, *path)[:2] not in blamed:
                issues.append(_issue(key, model, path, group, value))
        return None, issues
    return (None, issues) if issues else (table, [])


def _grouped(details: list[ErrorDetails], value: dict[str, Any]) -> dict[Path, list[ErrorDetails]]:
    """Gather the errors by the key in the file that they are about.

    Where a field takes one of several types, each type reports its own error, at a location that
    ends in names of types; those names are cut off again.
    """
    groups: dict[Path, list[ErrorDetails]] = {}
    for detail in details:
        path: Path = ()
        inside: Any = value
        for depth, part in enumerate(detail["loc"]):
            if isinstance(inside, list) and isinstance(part, int) and part < len(inside):
                inside = inside[part]
            elif isinstance(inside, dict) and (part in inside or depth == 0):
                inside = inside.get(part)
            else:
                continue
            path = (*path, part)
        groups.setdefault(path, []).append(detail)
    # An element that is wrong says more than the list around it that therefore is.
    return {
        path: group
        for path, group in groups.items()
        if not any(len(other) > len(path) and other[: len(path)] == path for other in groups)
    }


def _issue(
    key: str, model: type[Table], path: Path, group: list[ErrorDetails], value: dict[str, Any]
) -> Issue:
    first = group[0]
    if first["type"] == "extra_forbidden":
        known = list(model.model_fields)
        name = value.get("name")
        whose = f" of {shown(name)}" if "name" in known and isinstance(name, str) else ""
        if key == "run":
            whose = ""
        unknown = str(path[-1])
        listing = f"known{whose}: {', '.join(known)}"
        near = nearest(unknown, known) or _elsewhere(unknown)
        return Issue((key, *path), "unknown key", listing, near, True)
    limits = _field_allowed(model, path)
    if first["type"] == "missing":
        return Issue((key, *path), "missing", limits, "", True)
    wrong = first["input"]
    kinds = {detail["type"] for detail in group}
    problem = _problem(wrong, kinds)
    suggestion = ""
    if isinstance(wrong, str):
        choices = _choices(_field_schema(model, path))
        near = nearest(wrong, choices)
        suggestion = f'"{near}"' if near else ""
        if choices and not suggestion and limits.startswith(("an integer", "a number")):
            problem = f"{shown(wrong)} is text"
    elif _takes_text_only(_field_schema(model, path)) and isinstance(wrong, int | float):
        suggestion = f'"{shown(wrong)}"'
    return Issue((key, *path), problem, limits, suggestion)


def _elsewhere(key: str) -> str:
    """Return the dotted key of the table that has ``key``, for a key put in the wrong place."""
    homes = (table for table, model in _PLAIN.items() if key in model.model_fields)
    return next((f"{home}.{key}" for home in homes if key != "name"), "")


def _problem(wrong: object, kinds: set[str]) -> str:
    if kinds & {"greater_than", "greater_than_equal"}:
        return f"{shown(wrong)} is too small"
    if kinds & {"less_than", "less_than_equal"}:
        return f"{shown(wrong)} is too large"
    if kinds & {"string_too_long"}:
        return f"has {len(str(wrong))} characters, too many"
    if kinds & {"string_too_short"}:
        return "is empty"
    if "too_long" in kinds and isinstance(wrong, list):
        return f"has {len(wrong)} elements, too many"
    if isinstance(wrong, str) and kinds & {"literal_error", "string_pattern_mismatch"}:
        return f"{shown(wrong)} is not known"
    return is_kind(wrong)


@cache
def _properties(model: type[Table]) -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return properties


def _field_schema(model: type[Table], path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = _properties(model).get(str(path[0]), {}) if path else {}
    for part in path[1:]:
        choices = schema.get("anyOf", [schema])
        schema = next((choice for choice in choices if "items" in choice), {})
        schema = schema.get("items", {}) if isinstance(part, int) else {}
    return schema


def _field_allowed(model: type[Table], path: Path) -> str:
    schema = _field_schema(model, path)
    if "pattern" in schema:
        return str(schema["description"])
    return allowed(schema) if schema else ""


def _choices(schema: Mapping[str, Any]) -> list[str]:
    found = [str(choice) for choice in schema.get("enum", [])]
    if "const" in schema:
        found.append(str(schema["const"]))
    for choice in schema.get("anyOf", []):
        found += _choices(choice)
    return found


def _takes_text_only(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and "enum" not in schema and "const" not in schema


def _unfit_numbers(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield numbers no field can take: not finite, or integers beyond 64 bits.

    Nothing deeper than a list in a table is looked at: no field is.
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield path, f"{value} is not a finite number"
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield path, f"{shown(value)} does not fit in 64 bits"
    elif isinstance(value, dict) and not path:
        for key, inside in value.items():
            yield from _unfit_numbers(inside, (key,))
    elif isinstance(value, list) and len(path) == 1:
        for index, inside in enumerate(value):
            yield from _unfit_numbers(inside, (*path, index))
