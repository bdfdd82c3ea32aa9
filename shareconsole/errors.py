"""Errors that people see, and the exit code each one ends a command with.

Anything raised outside this tree is a defect in shareconsole and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shareconsole.safe_text import safe_text


class ShareconsoleError(Exception):
    """Something went wrong that the message explains to a person."""

    exit_code = 1


class UsageError(ShareconsoleError):
    """The request cannot be carried out as it was made."""

    exit_code = 2


class DataMissing(UsageError):
    """A file of a data set is not there; the message says where it was looked for."""


class DataDamaged(UsageError):
    """A file of a data set is not what it should be."""


class LockedError(ShareconsoleError):
    """Somebody else holds what is needed: try again later."""

    exit_code = 3


class RunFailedError(ShareconsoleError):
    """The run ended in failure."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a preset, and where.

    Attributes:
        file: the preset as the user named it, or ``--set`` for an override.
        line: 1-based line, None where no place in the file can be named.
        column: 1-based column in characters, None where it is not known.
        key: dotted key, empty where the whole file is meant.
        problem: what is wrong.
        allowed: what would be right.
        suggestion: the nearest thing that would be right.
    """

    file: str
    line: int | None
    column: int | None
    key: str
    problem: str
    allowed: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        """Return ``file:line:col  key  problem  allowed  (did you mean x?)``, printable."""
        place = ":".join(
            str(part) for part in (self.file, self.line, self.column) if part is not None
        )
        hint = f"(did you mean {self.suggestion}?)" if self.suggestion else ""
        parts = (place, self.key, self.problem, self.allowed, hint)
        return "  ".join(safe_text(part) for part in parts if part)


class PresetError(UsageError):
    """A preset is not usable; ``problems`` holds all that is wrong with it, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems; there is at least one."""
        if not problems:
            raise ValueError("a PresetError needs at least one problem")
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return one printable line per problem."""
        return "\n".join(str(problem) for problem in self.problems)
