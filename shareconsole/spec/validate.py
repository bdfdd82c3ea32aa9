"""From plain TOML values to a ``Preset``, with everything that is wrong said at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shareconsole.spec.catalog import Entry
from shareconsole.spec.checks import cross_issues
from shareconsole.spec.datasets import DATASETS
from shareconsole.spec.explain import allowed_at, explain, home_of
from shareconsole.spec.fields import Issue, Path, Table
from shareconsole.spec.methods import METHODS
from shareconsole.spec.nearest import nearest
from shareconsole.spec.networks import NETWORKS
from shareconsole.spec.preset import PLAIN_TABLES, Preset
from shareconsole.spec.stepsizes import STEP_SIZES
from shareconsole.spec.wording import is_kind, shown

CATALOGUES: dict[str, Mapping[str, Entry[Table]]] = {
    "data": DATASETS,
    "network": NETWORKS,
    "method": METHODS,
    "step_size": STEP_SIZES,
}
"""The tables that say by ``name`` of which kind they are, and the kinds."""

_REQUIRED = ("data", "network", "method")
_DEFAULT_NAMES = {"step_size": "constant"}
TABLES = tuple(Preset.model_fields)


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
            nearest(key, TABLES) or home_of(key),
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
    issues += cross_issues(tables)
    if issues:
        return None, issues
    return Preset.model_validate(tables), []


def _table(key: str, value: Any) -> tuple[Table | None, list[Issue]]:
    if value is None and key in _REQUIRED:
        known = ", ".join(f'"{name}"' for name in CATALOGUES[key])
        return None, [Issue((key,), "missing table", f"[{key}] with a name: {known}", "", True)]
    if value is None:
        value = {}
    if not isinstance(value, dict):
        return None, [Issue((key,), is_kind(value), f"a table, written [{key}]")]
    if key in PLAIN_TABLES:
        return _validated(key, PLAIN_TABLES[key], value)
    catalogue = CATALOGUES[key]
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
        Issue((key, *path), problem, allowed_at(model, path))
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
                issues.append(explain(key, model, path, group))
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
