"""The form of the four catalogues (methods, networks, data sets, step sizes) and looking up a name.

A catalogue is a literal table: its names cost nothing, only the entry that a run needs is imported,
and only by the trainer.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from shareconsole.errors import UsageError
from shareconsole.spec.fields import Table

OptionsT = TypeVar("OptionsT", bound=Table, covariant=True)


@dataclass(frozen=True)
class Entry(Generic[OptionsT]):
    """One thing that a preset can name.

    Attributes:
        name: what a preset writes as ``name``.
        target: ``"package.module:attribute"``; the trainer alone resolves it.
        options: the model of the table that names it.
        summary: one line for lists and help.
    """

    name: str
    target: str
    options: type[OptionsT]
    summary: str


def lookup(table: Mapping[str, Entry[OptionsT]], name: str) -> Entry[OptionsT]:
    """Return the entry called ``name``.

    Raises:
        UsageError: there is none; the message lists the known names and the nearest one.
    """
    if name in table:
        return table[name]
    near = nearest(name, table)
    hint = f" (did you mean {near}?)" if near else ""
    raise UsageError(f'"{name}" is not known; known: {", ".join(table)}{hint}')


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like ``name``, or an empty string where none is like it."""
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in known}
    # A long name is nobody's typing error, and the comparison takes quadratic time.
    wanted = name[:80].casefold().replace("-", "_")
    matches = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""
