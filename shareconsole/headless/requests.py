"""Ask a trainer for something and wait a moment for the answer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from shareconsole.errors import ShareconsoleError, UsageError
from shareconsole.store.atomic import StoreError, read_json
from shareconsole.store.clock import FolderClock
from shareconsole.store.control import request
from shareconsole.store.process import is_alive
from shareconsole.store.status import State, derive_state

if TYPE_CHECKING:
    from pathlib import Path

    from shareconsole.store.folder import RunFolder

WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.05
_LIVE = frozenset({"starting", "running", "paused", "stopping", "stalled"})
# What can be restarted from its last checkpoint, or from the beginning where it has none.
RESTARTABLE = frozenset({"stopped", "failed", "crashed", "lost", "queued"})
# States in which a trainer has the run and does not wait to be continued.
HELD = _LIVE - {"paused"}
# States in which a trainer can act on a request, and what to say in the others.
FITTING: dict[str, frozenset[str]] = {
    "stop": _LIVE,
    "pause": frozenset({"starting", "running", "stalled"}),
    "checkpoint": frozenset({"starting", "running", "paused", "stalled"}),
    "resume": frozenset({"paused"}),
}


def ask(folder: RunFolder, verb: str, **data: object) -> Path:
    """File a request and return its file, which disappears once the trainer has acted on it.

    Raises:
        ShareconsoleError: the request cannot be written.
    """
    try:
        return request(folder, verb, **data)
    except OSError as error:
        reason = error.strerror or error
        raise ShareconsoleError(f"cannot ask {folder.id} to {verb}: {reason}") from error


def ask_to_stop(folder: RunFolder, *, now: bool) -> None:
    """Ask for a stop: by file or, where none can be written (a full disk), by signal.

    Raises:
        ShareconsoleError: neither is possible; the trainer runs on another machine, or is gone.
    """
    try:
        ask(folder, "stop", now=now)
    except ShareconsoleError:
        attempt = derive_state(folder).attempt
        if attempt is None or not is_alive(attempt.process):
            raise
        os.kill(attempt.pid, signal.SIGTERM)
        if now:
            # The second signal means at once; the pause keeps the system from merging the two.
            time.sleep(_POLL_SECONDS)
            os.kill(attempt.pid, signal.SIGTERM)


def answer(filed: Path) -> str | None:
    """Return what the trainer noted when it acted on a request, None before it has.

    An empty text means that it acted and could note nothing (a full disk).
    """
    if filed.exists():
        return None
    try:
        return str(read_json(filed.with_name(f"{filed.name}.done")).get("result", ""))
    except StoreError:
        return ""


def require_run(folder: RunFolder, verb: str) -> None:
    """Refuse a folder that is no run.

    Raises:
        UsageError: it has no run.json.
    """
    if "run.json" not in folder.names():
        raise UsageError(f"cannot {verb} {folder.id}: it has no run.json, so it is not a run (yet)")


def require_state(folder: RunFolder, verb: str) -> State:
    """Return the state of the run if the request makes sense in it.

    A trainer that is coming up drops what lies in its inbox, so its attempt is waited for first.

    Raises:
        UsageError: it does not; the message says how the run stands.
    """
    require_run(folder, verb)
    state = wait_until(folder, _has_attempt)
    require_fit(folder, verb, state)
    return state


def require_fit(folder: RunFolder, verb: str, state: State) -> None:
    """Refuse what a trainer cannot do as it stands.

    Raises:
        UsageError: it cannot; the message says how the run stands.
    """
    if state.word in FITTING[verb]:
        return
    already = {("pause", "paused"): "is paused already", ("resume", "running"): "is running"}
    what = already.get((verb, state.word), f"is {state.word}")
    why = f" ({state.reason})" if state.reason else ""
    raise UsageError(f"cannot {verb} {folder.id}: it {what}{why}")


def _has_attempt(state: State) -> bool:
    attempt = state.attempt
    return state.word != "starting" or (attempt is not None and attempt.exit is None)


def wait_until(
    folder: RunFolder, done: Callable[[State], bool], seconds: float = WAIT_SECONDS
) -> State:
    """Return the run's state once ``done`` says so, or after ``seconds``."""
    until = time.monotonic() + seconds
    clock = FolderClock(folder.path.parent)
    while True:
        state = derive_state(folder, clock=clock)
        if done(state) or time.monotonic() >= until:
            return state
        time.sleep(_POLL_SECONDS)
