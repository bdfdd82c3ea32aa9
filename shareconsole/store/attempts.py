"""``attempt.NNNN.json``: which process trained, from where, and how it ended.

Written once when the trainer comes up and once more, whole, when it ends. A process that was
killed leaves the file without an exit; ``store.status`` makes the word "crashed" of that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from shareconsole.store.atomic import (
    StoreError,
    create_bytes,
    encode_json,
    read_json,
    write_json,
)
from shareconsole.store.fields import Fields
from shareconsole.store.folder import RunFolder
from shareconsole.store.process import ProcessIdentity

REFUSED = "refused"
"""The trainer would not take the run on, and left it as it was before this attempt."""

EXIT_REASONS = ("finished", "stopped", "failed", REFUSED)


@dataclass(frozen=True)
class AttemptExit:
    """How an attempt ended: exit code, one of EXIT_REASONS, last whole step, ISO 8601 UTC.

    ``inexact``: it was refused only because it would not be exact, which can be allowed.
    """

    code: int
    reason: str
    step: int
    error: str
    ended: str
    inexact: bool = False


@dataclass(frozen=True)
class Attempt:
    """One trainer process. ``steps`` is the total it aims at; times are ISO 8601 UTC."""

    number: int
    pid: int
    boot_id: str
    start_ticks: int
    host: str
    argv: tuple[str, ...]
    started: str
    steps: int
    resume_from_step: int | None = 0
    allow_inexact: bool = False
    device: str = ""
    threads: int = 1
    torch: str = ""
    exit: AttemptExit | None = None

    @property
    def process(self) -> ProcessIdentity:
        """The process, in the form that ``store.process`` can look for."""
        return ProcessIdentity(self.pid, self.boot_id, self.start_ticks, self.host)

    def to_json(self) -> dict[str, Any]:
        """The object as it stands in the file."""
        return {"schema": 1} | asdict(self) | {"argv": list(self.argv)}

    @property
    def refused(self) -> bool:
        """Whether the trainer refused: how the run stands is then what the one before says."""
        return self.exit is not None and self.exit.reason == REFUSED

    @classmethod
    def from_json(cls, obj: Mapping[str, Any], path: object = "attempt") -> Attempt:
        """Checked; keys that we do not know are left alone.

        Raises:
            StoreError: a key is missing or of the wrong kind.
        """
        fields = Fields(obj, path)
        return cls(
            number=fields.integer("number", 1),
            pid=fields.integer("pid", 1),
            boot_id=fields.text("boot_id"),
            start_ticks=fields.integer("start_ticks"),
            host=fields.text("host"),
            argv=fields.texts("argv"),
            started=fields.moment("started"),
            steps=fields.integer("steps"),
            resume_from_step=fields.optional_integer("resume_from_step"),
            allow_inexact=fields.flag("allow_inexact"),
            device=fields.text("device"),
            threads=fields.integer("threads"),
            torch=fields.text("torch"),
            exit=None if obj.get("exit") is None else _exit(fields.table("exit"), path),
        )


def _exit(obj: Mapping[str, Any], path: object) -> AttemptExit:
    fields = Fields(obj, f"{path}: exit")
    reason = fields.text("reason")
    if reason not in EXIT_REASONS:
        raise fields.refuse("reason", f"one of {', '.join(EXIT_REASONS)}")
    return AttemptExit(
        code=fields.integer("code", -255),
        reason=reason,
        step=fields.integer("step"),
        error=fields.text("error"),
        ended=fields.moment("ended"),
        inexact="inexact" in obj and fields.flag("inexact"),
    )


def create_attempt(folder: RunFolder, attempt: Attempt) -> None:
    """Claim the attempt's number and record the process.

    Raises:
        FileExistsError: the number is taken.
        OSError: the file cannot be written.
    """
    create_bytes(folder.attempt_json(attempt.number), encode_json(attempt.to_json()))


def update_attempt(folder: RunFolder, attempt: Attempt) -> None:
    """Replace what our own attempt recorded, e.g. once the step to resume from is known.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    write_json(folder.attempt_json(attempt.number), attempt.to_json())


def end_attempt(folder: RunFolder, attempt: Attempt, end: AttemptExit) -> Attempt:
    """Record how our own attempt ended; returns the attempt with its exit.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    ended = replace(attempt, exit=end)
    update_attempt(folder, ended)
    return ended


def read_attempt(folder: RunFolder, number: int) -> Attempt:
    """What attempt ``number`` recorded.

    Raises:
        StoreError: the file is missing or damaged.
    """
    path = os.path.join(folder.path, f"attempt.{number:04d}.json")
    attempt = Attempt.from_json(read_json(path), path)
    if attempt.number != number:
        raise StoreError(f"{path}: number is {attempt.number}, which is not in the file's name")
    return attempt


def read_attempts(folder: RunFolder) -> list[Attempt]:
    """All attempts that can be read, ascending."""
    found = []
    for number in folder.attempts():
        try:
            found.append(read_attempt(folder, number))
        except StoreError:
            # The damaged one is reported where it matters: as the state of the run.
            continue
    return found
