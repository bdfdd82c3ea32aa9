"""Whether a run that has ended may be restarted, and what to say before it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareconsole.errors import LockedError, ShareconsoleError, UsageError
from shareconsole.headless.commands import command
from shareconsole.headless.requests import HELD, RESTARTABLE
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError, read_bytes
from shareconsole.store.checkpoints import (
    all_damaged,
    checkpoint_directories,
    newest_checkpoint,
    without_them,
)
from shareconsole.store.identity import read_identity
from shareconsole.store.lock import probe

if TYPE_CHECKING:
    from shareconsole.spec.preset import Preset
    from shareconsole.store.folder import RunFolder
    from shareconsole.store.status import State


def check_restart(folder: RunFolder, state: State, steps: int | None) -> list[str]:
    """Check that a trainer may be started for a run; return what the person should know first.

    Args:
        folder: the run.
        state: how it stands; not paused.
        steps: the step to train to, None for the one it aimed at.

    Raises:
        LockedError: somebody else trains it.
        UsageError: there is nothing to restart, nothing left to train, or a file of its data set is
            missing or damaged.
    """
    held = probe(folder)
    if state.word in HELD or held:
        word = state.word if state.word in HELD else "held by another trainer"
        raise LockedError(f"cannot resume {folder.id}: it is {word}{_process(state)}")
    preset = _require_whole(folder, state)
    ended = state.attempt.exit if state.attempt else None
    # Also where its records are lost since.
    finished = ended is not None and ended.reason == "finished"
    if finished and steps is None:
        again = f"'{command('resume', folder.path, '--steps', 'N')}'"
        raise UsageError(f"{folder.id} is finished; {again} trains it longer, to step N")
    if state.word not in RESTARTABLE | {"finished", "unreadable"}:
        raise UsageError(f"cannot resume {folder.id}: it is {state.word}{_why(state)}")
    saved = newest_checkpoint(folder)
    if saved is None and checkpoint_directories(folder, broken=True):
        raise UsageError(f"cannot resume: {all_damaged(folder)}; {without_them(folder)}")
    if steps is not None and saved is not None and steps <= saved:
        raise UsageError(f"{folder.id} is at step {saved:,}; --steps must be more than that")
    preset.data.check_files()
    notes = []
    if state.word == "lost":
        notes.append(f"taking over {folder.id}: {state.reason}; nobody holds its lock")
    if state.word == "unreadable":
        where = "starting" if saved is None else "resuming from the newest checkpoint"
        notes.append(f"warning: {state.reason}; {where} all the same")
    if steps is not None and state.attempt is not None and steps < state.attempt.steps:
        notes.append(f"{folder.id} now ends with step {steps:,}, not with {state.attempt.steps:,}")
    if saved is None and state.attempt is not None:
        notes.append(f"there is no checkpoint of {folder.id}: it starts again from step 0")
    return notes


def _require_whole(folder: RunFolder, state: State) -> Preset:
    """Return the run's preset; raise UsageError unless what a trainer starts from can be read."""
    from shareconsole.spec.toml import parse_resolved

    try:
        read_identity(folder)
        return parse_resolved(read_bytes(folder.resolved_toml).decode("utf-8"))
    except FileNotFoundError:
        why = f"{folder.resolved_toml.name} is missing"
    except UnicodeDecodeError:
        why = f"{folder.resolved_toml.name} is not UTF-8"
    except StoreError as error:
        # Without run.json the state says so in fewer words.
        why = state.reason if state.word == "unreadable" else str(error)
    except ShareconsoleError as error:
        why = safe_text(error)
    raise UsageError(f"cannot resume {folder.id}: {why}")


def _why(state: State) -> str:
    return f" ({state.reason})" if state.reason else ""


def _process(state: State) -> str:
    attempt = state.attempt
    return f" (process {attempt.pid} on {attempt.host})" if attempt else ""
