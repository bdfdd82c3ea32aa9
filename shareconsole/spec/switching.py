"""``--set method.name=full_sharing``: a table that an override made one of another kind.

What the file says of options that only its own kind has would all be unknown keys, and nobody
could run a preset's data and network under another method. So these are left out, and a note tells
which. Options that both kinds have keep the file's values: whoever changes the name alone means
the rest as it stands, such as the number of training images or the bounds of a line search. A value
that the new kind does not take is an error like any other. So is what neither kind knows, which is
a mistake of the file, and what an override asks for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

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
        if old is None or new is None or (key, "name") not in given:
            continue
        lost = old.options.model_fields.keys() - new.options.model_fields.keys()
        dropped = [name for name in data[key] if name in lost and (key, name) not in given]
        if dropped:
            fitting[key] = {k: value for k, value in data[key].items() if k not in dropped}
            notes.append(
                f"{key}.name={new.name} leaves out the file's options of {old.name}: "
                f"{', '.join(dropped)}"
            )
    return fitting, notes


def _kind(catalogue: Mapping[str, Entry[Table]], table: Any) -> Entry[Table] | None:
    name = table.get("name") if isinstance(table, dict) else None
    return catalogue.get(name) if isinstance(name, str) else None
