"""The form of the four catalogues (methods, networks, data sets, step sizes) and looking up a name.

A catalogue is a literal table: its names cost nothing, only the entry that a run needs is imported,
and only by the trainer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from shareconsole.errors import UsageError
from shareconsole.spec.fields import Table
from shareconsole.spec.nearest import nearest

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
