"""The list of runs, read from their folders alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shareconsole.errors import UsageError
from shareconsole.store.atomic import StoreError
from shareconsole.store.clock import FolderClock, iso, moment
from shareconsole.store.folder import RUN_ID, RunFolder
from shareconsole.store.heartbeat import read_heartbeat
from shareconsole.store.identity import RunIdentity, read_identity
from shareconsole.store.status import State, Status, derive_state, read_status
from shareconsole.store.tail import Tail, read_tail

# States of runs whose trainer left no last word: what it recorded tells more than any hint.
_SPEECHLESS = ("crashed", "lost", "unreadable")
_CANDIDATES = 8


@dataclass(frozen=True)
class RunSummary:
    """One row of the list. Errors are fractions, times ISO 8601 UTC; None is not known (yet).

    ``best_macro_error`` is the least one so far of the stage that was evaluated last. It is not
    known of runs that an older version trained.
    """

    id: str
    name: str
    state: str
    preset: str | None
    method: str | None
    data: str | None
    seed: int | None
    tags: tuple[str, ...]
    step: int | None
    steps: int | None
    macro_error: float | None
    micro_error: float | None
    best_macro_error: float | None
    created: str | None
    updated: str | None
    reason: str = ""
    approximate: bool = False

    def to_json(self) -> dict[str, Any]:
        """The row as ``ls --json`` prints it; the reason is left to ``show``."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "preset": self.preset,
            "method": self.method,
            "data": self.data,
            "seed": self.seed,
            "tags": list(self.tags),
            "step": self.step,
            "steps": self.steps,
            "macro_error": self.macro_error,
            "micro_error": self.micro_error,
            "best_macro_error": self.best_macro_error,
            "created": self.created,
            "updated": self.updated,
        }


def summarise(folder: RunFolder, *, clock: FolderClock | None = None) -> RunSummary:
    """One run's row. Never raises: what cannot be read is state ``unreadable`` with a reason."""
    try:
        names = os.listdir(folder.path)
    except OSError as error:
        return _bare(folder, "unreadable", f"{folder.path}: {error.strerror}")
    state = derive_state(folder, clock=clock, names=names)
    try:
        identity = read_identity(folder)
    except StoreError as error:
        if "run.json" not in names:
            return _bare(folder, state.word, state.reason)
        return _bare(folder, "unreadable", str(error))
    status = read_status(folder) if "status.json" in names else None
    tail = Tail()
    if status is None or state.word in _SPEECHLESS:
        tail = read_tail(folder, names, errors=status is None)
    errors = status or tail
    return RunSummary(
        id=folder.id,
        name=identity.name,
        state=state.word,
        preset=identity.preset,
        method=identity.method,
        data=identity.data,
        seed=identity.seed,
        tags=identity.tags,
        step=_step(folder, state, status, tail),
        steps=state.attempt.steps if state.attempt else identity.steps,
        macro_error=errors.macro_error,
        micro_error=errors.micro_error,
        best_macro_error=status.best_macro_error if status else None,
        created=identity.created,
        updated=_updated(identity, state, status),
        reason=state.reason,
        approximate=state.approximate,
    )


def _step(folder: RunFolder, state: State, status: Status | None, tail: Tail) -> int | None:
    """The exact step where the attempt recorded its end, else the best that is known."""
    attempt = state.attempt
    if attempt and attempt.exit:
        return attempt.exit.step
    if state.beat:
        return state.beat.step
    if attempt is None and state.word != "unreadable":
        return 0
    if state.word in _SPEECHLESS and tail.step is not None:
        return tail.step
    if status and (attempt is None or status.attempt == attempt.number):
        return status.step
    if state.word in _SPEECHLESS:
        beat = read_heartbeat(folder)
        return beat.step if beat else None
    # Before an attempt's first step a run stands where the attempt took it over.
    return (attempt.resume_from_step or 0) if attempt else 0


def _updated(identity: RunIdentity, state: State, status: Status | None) -> str:
    attempt = state.attempt
    if attempt is None:
        return identity.created
    if attempt.exit:
        return attempt.exit.ended
    if status and status.attempt == attempt.number:
        return status.updated
    return attempt.started


def _bare(folder: RunFolder, state: str, reason: str) -> RunSummary:
    return RunSummary(
        id=folder.id,
        name=folder.id,
        state=state,
        preset=None,
        method=None,
        data=None,
        seed=None,
        tags=(),
        step=None,
        steps=None,
        macro_error=None,
        micro_error=None,
        best_macro_error=None,
        created=_created_from(folder.id),
        updated=None,
        reason=reason,
    )


def _created_from(run_id: str) -> str | None:
    """The start that a run's id tells, for runs that cannot tell otherwise."""
    try:
        return iso(datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC))
    except ValueError:
        return None


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """The run folders in ``runs_dir``, in no order; links and other names are left out.

    Raises:
        UsageError: ``runs_dir`` is there but cannot be listed.
    """
    try:
        with os.scandir(runs_dir) as entries:
            return [
                RunFolder(runs_dir / entry.name)
                for entry in entries
                if RUN_ID.match(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"runs folder {runs_dir}: {error.strerror}") from None


def other_folders(runs_dir: Path) -> int:
    """How many folders in ``runs_dir`` cannot be runs by their names; hidden ones do not count."""
    try:
        with os.scandir(runs_dir) as entries:
            return sum(
                not RUN_ID.match(entry.name)
                and not entry.name.startswith(".")
                and entry.is_dir(follow_symlinks=False)
                for entry in entries
            )
    except OSError:
        return 0


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """All runs, newest first; empty if there is no runs folder.

    Raises:
        UsageError: ``runs_dir`` is there but cannot be listed.
    """
    clock = FolderClock(runs_dir)
    rows = [summarise(folder, clock=clock) for folder in run_folders(runs_dir)]
    return sorted(rows, key=lambda row: (_seconds(row.created), row.id), reverse=True)


def _seconds(created: str | None) -> float:
    """Seconds since the epoch; texts with different offsets do not compare as texts."""
    return 0.0 if created is None else moment(created).timestamp()


def resolve(runs_dir: Path, name: str) -> RunFolder:
    """The run that ``name`` means: an id, a unique beginning of one, or ``latest``.

    Raises:
        UsageError: it means none or several; the text names the candidates.
    """
    folders = {folder.id: folder for folder in run_folders(runs_dir)}
    if name in folders:
        return folders[name]
    if not folders:
        raise UsageError(f"there are no runs in {runs_dir} yet")
    if name == "latest":
        return max(folders.values(), key=lambda folder: (_made(folder), folder.id))
    meant = sorted(run_id for run_id in folders if name and run_id.startswith(name))
    if len(meant) == 1:
        return folders[meant[0]]
    if not meant:
        near = sorted(run_id for run_id in folders if name and name in run_id)
        hint = f"; did you mean {_some(near)}?" if near else ""
        raise UsageError(f"no run in {runs_dir} has an id that begins with {name!r}{hint}")
    raise UsageError(f"{name!r} could mean {len(meant)} runs: {_some(meant)}")


def _made(folder: RunFolder) -> float:
    try:
        return _seconds(read_identity(folder).created)
    except StoreError:
        return _seconds(_created_from(folder.id))


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - _CANDIDATES} more" if len(ids) > _CANDIDATES else ""
    return ", ".join(ids[:_CANDIDATES]) + more
