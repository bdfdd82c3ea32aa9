"""Paths in presets, made absolute: a run finds its data whatever folder it is started in."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path
from typing import Any

from shareconsole.spec.datasets import DATASETS
from shareconsole.spec.fields import Path as KeyPath
from shareconsole.spec.fields import Table


def absolute_paths(
    data: dict[str, Any], given: Set[KeyPath], folder: Path, cwd: Path
) -> dict[str, Any]:
    """Return a preset's values with every path in [data] absolute.

    Args:
        data: the tables as written, overrides applied; anything may be wrong with them.
        given: the keys that an override gave.
        folder: the preset's folder, where paths in it start.
        cwd: where paths in overrides start.
    """
    table = data.get("data")
    if not isinstance(table, dict):
        return data
    name = table.get("name")
    entry = DATASETS.get(name) if isinstance(name, str) else None
    if entry is None:
        return data
    whole = dict(table)
    for key in _path_keys(entry.options):
        value = whole.get(key)
        # An empty text would become the preset's own folder.
        if isinstance(value, str) and value:
            start = cwd if ("data", key) in given else folder
            whole[key] = os.path.abspath(os.path.join(start, os.path.expanduser(value)))
    return {**data, "data": whole}


def _path_keys(options: type[Table]) -> list[str]:
    return [
        key
        for key, field in options.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra["unit"] == "path"
    ]
