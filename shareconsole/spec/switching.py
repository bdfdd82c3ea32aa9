"""``--set method.name=full_sharing``: a table that an override made one of another kind.

What the file says of options that only its own kind has would all be unknown keys, and nobody could
run a preset's data and network under another method. So these are left out, and a note tells which.
Options that both kinds declare alike keep the file's values: whoever changes the name alone means
the rest as it stands, such as the bounds of a line search. Options that have but their name in
common, such as the budgets of two methods, are left out too. What neither kind knows is a mistake
of the file, and an error, as is what an override asks for itself. The file's notes on the run speak
of what it was, and go.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from pydantic.fields import FieldInfo

from shareconsole.spec.catalog import Entry
from shareconsole.spec.fields import Path, Table


def fit_switched(
    written: Mapping[str, Any],
    data: Mapping[str, Any],
    given: Set[Path],
    catalogues: Mapping[str, Mapping[str, Entry[Table]]],
) -> tuple[dict[str, Any], list[str]]:
    """Return a preset's tables without what only the file's kinds know, and a note on each table.

    Args:
        written: the tables as in the file; anything may be wrong with them.
        data: the same with overrides applied.
        given: the keys that an override gave.
        catalogues: the kinds of each table that has a ``name``.
    """
    fitting, notes = dict(data), []
    for key, catalogue in catalogues.items():
        old = _kind(catalogue, written.get(key))
        new = _kind(catalogue, data.get(key))
        if old is None or new is None or old is new or (key, "name") not in given:
            continue
        known = new.options.model_fields
        lost = {
            name
            for name, field in old.options.model_fields.items()
            if name != "name" and (name not in known or not _alike(field, known[name]))
        }
        dropped = [name for name in data[key] if name in lost and (key, name) not in given]
        if dropped:
            fitting[key] = {k: value for k, value in data[key].items() if k not in dropped}
            notes.append(
                f"{key}.name={new.name} leaves out the file's options of {old.name}: "
                f"{', '.join(dropped)}"
            )
        run = fitting.get("run")
        if isinstance(run, dict) and "notes" in run and ("run", "notes") not in given:
            fitting["run"] = {k: value for k, value in run.items() if k != "notes"}
    return fitting, notes


def _alike(one: FieldInfo, other: FieldInfo) -> bool:
    """Whether two options mean the same and take the same values."""
    return all(
        getattr(one, part) == getattr(other, part)
        for part in ("description", "annotation", "metadata")
    )


def _kind(catalogue: Mapping[str, Entry[Table]], table: Any) -> Entry[Table] | None:
    name = table.get("name") if isinstance(table, dict) else None
    return catalogue.get(name) if isinstance(name, str) else None
