"""What a person can ask of a run. Runs in threads; waits no longer than somebody wants to know."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.errors import RunFailedError, ShareconsoleError, UsageError
from shareconsole.headless.requests import (
    FITTING,
    RESTARTABLE,
    answer,
    ask,
    ask_to_stop,
    require_fit,
    require_run,
)
from shareconsole.safe_text import safe_text
from shareconsole.store.status import derive_state

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder

ShouldStop = Callable[[], bool]
_WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.05


def fits(verb: str, state: str) -> bool:
    """Return whether asking a run in this state to stop, pause, resume or save makes sense."""
    return state in FITTING.get(verb, ()) or (verb == "resume" and state in RESTARTABLE)


def pause(folder: RunFolder, name: str, should_stop: ShouldStop) -> str:
    """Ask a trainer to rest; returns what came of it.

    Raises:
        ShareconsoleError: it cannot be asked in its state, or not at all.
    """
    _require(folder, "pause")
    ask(folder, "pause")
    if _wait(should_stop, lambda: derive_state(folder).word in ("paused", *_ENDED)):
        return f"{name} is {derive_state(folder).word}"
    return f"{name} has been asked to pause"


def resume(folder: RunFolder, name: str, should_stop: ShouldStop) -> str:
    """Let a paused run go on, or restart an ended one from its last checkpoint.

    Raises:
        ShareconsoleError: it is in no state for that, or its trainer did not come up or refused.
    """
    require_run(folder, "resume")
    state = derive_state(folder)
    if state.word == "paused":
        ask(folder, "resume")
        return f"{name} goes on"
    from shareconsole.headless.resuming import check_restart
    from shareconsole.launch import start

    notes = check_restart(folder, state, None)
    started = start(folder)
    _wait(should_stop, lambda: derive_state(folder).word != "starting")
    refused = derive_state(folder).refused
    if refused and refused.exit and refused.number == started.attempt.number:
        raise UsageError(f"{name} stays {derive_state(folder).word}: {refused.exit.error}")
    return "\n".join([*notes, f"{name} goes on as attempt {started.attempt.number}"])


def stop(folder: RunFolder, name: str, *, now: bool) -> str:
    """Ask a trainer to end, with a checkpoint unless ``now``.

    Raises:
        ShareconsoleError: it cannot be asked in its state, or not at all.
    """
    _require(folder, "stop")
    ask_to_stop(folder, now=now)
    return f"{name} has been asked to stop{' at once' if now else ''}"


def checkpoint(folder: RunFolder, name: str, should_stop: ShouldStop) -> str:
    """Ask for a checkpoint and wait until it is there.

    Raises:
        ShareconsoleError: it cannot be asked in its state, or could not save one.
    """
    _require(folder, "checkpoint")
    filed = ask(folder, "checkpoint")
    _wait(should_stop, lambda: answer(filed) is not None or derive_state(folder).word in _ENDED)
    result = answer(filed)
    if result == "failed":
        raise RunFailedError(f"{name} could not save a checkpoint; its log says why")
    return f"{name} saved a checkpoint" if result is not None else f"{name} has been asked to save"


def start_preset(runs_dir: Path, preset: str, run_name: str, seed: str) -> RunFolder:
    """Make a run of a preset and start its trainer; empty texts leave the preset's own.

    Raises:
        ShareconsoleError: the preset is wrong, there is no room, or the trainer did not come up.
    """
    from shareconsole.console.viewmodel.presets import preset_overrides
    from shareconsole.launch import check_room, create_run, start
    from shareconsole.spec.toml import load_preset

    loaded = load_preset(preset, preset_overrides(run_name.strip() or None, seed.strip() or None))
    check_room(loaded.preset, runs_dir, file=preset)
    loaded.preset.data.check_files()
    folder = create_run(loaded, runs_dir)
    start(folder)
    return folder


_ENDED = ("finished", "stopped", "failed", "crashed", "lost", "unreadable")


def _require(folder: RunFolder, verb: str) -> None:
    require_run(folder, verb)
    state = derive_state(folder)
    attempt = state.attempt
    if state.word == "starting" and (attempt is None or attempt.exit is not None):
        # A trainer that comes up drops what lies in its inbox.
        raise UsageError(f"cannot {verb} {folder.id}: it is still coming up")
    require_fit(folder, verb, state)


def _wait(should_stop: ShouldStop, done: Callable[[], bool]) -> bool:
    until = time.monotonic() + _WAIT_SECONDS
    while not should_stop() and time.monotonic() < until:
        if done():
            return True
        time.sleep(_POLL_SECONDS)
    return False


def reason_of(error: ShareconsoleError | OSError) -> str:
    """Return what to tell a person, safe, with the line feeds of a log's end kept."""
    text = f"{error.strerror or error}" if isinstance(error, OSError) else str(error)
    return safe_text(text, multi_line=True).replace(os.linesep, "\n")
