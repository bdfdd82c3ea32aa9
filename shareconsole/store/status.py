"""What a run is doing: a stored hint for lists, and the state, which is derived and never stored.

queued → starting → running ⇄ paused → stopping → stopped | finished | failed, and without
anybody's doing: crashed (the process is gone and said nothing), lost (another machine's, and its
heartbeat stopped), stalled (alive, but no step for long), unreadable.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from shareconsole.store.atomic import StoreError, read_json, write_json
from shareconsole.store.attempts import Attempt, read_attempt
from shareconsole.store.clock import FolderClock, Reading
from shareconsole.store.fields import Fields
from shareconsole.store.folder import RunFolder, attempt_numbers, launch_logs
from shareconsole.store.heartbeat import Beat, Flag, read_heartbeat
from shareconsole.store.lock import probe
from shareconsole.store.process import boot_id, host_name, is_alive

LAUNCH_SECONDS = 30.0
LOST_SECONDS = 60.0
STALL_SECONDS = 60.0
STALL_MEDIANS = 20.0
# run.json is written last, so a folder without it and this young may be on its way.
MAKING_SECONDS = 10.0
STATES = (
    "queued",
    "starting",
    "running",
    "paused",
    "stopping",
    "stopped",
    "finished",
    "failed",
    "crashed",
    "lost",
    "stalled",
    "unreadable",
)
NO_RUN_JSON = "no run.json"
NO_PRESET = "preset.resolved.toml is missing"
# States from which a run goes on only if a trainer is started, which reads the preset.
_AT_REST = frozenset({"queued", "stopped", "finished", "failed", "crashed", "lost"})
# Kinds of files that only an attempt on record makes.
_RECORDS = ("metrics", "tensors", "events")
DISK_FULL = "the disk is full; records wait in memory"


@dataclass(frozen=True)
class Status:
    """``status.json``: a hint that may be a second old. Errors are fractions.

    ``best_macro_error`` is the least one of the evaluations that count (``store.best``), None also
    where an older version wrote the file.
    """

    step: int
    steps: int
    attempt: int
    macro_error: float | None
    micro_error: float | None
    steps_per_second: float | None
    updated: str
    best_macro_error: float | None = None


def write_status(folder: RunFolder, status: Status) -> None:
    """Replace ``status.json``; not synced, as it is a hint.

    Raises:
        ValueError: a number is not finite.
        OSError: it cannot be written.
    """
    write_json(folder.status_json, asdict(status), durable=False)


def read_status(folder: RunFolder) -> Status | None:
    """The hint, None if there is none that can be read."""
    path = os.path.join(folder.path, "status.json")
    try:
        fields = Fields(read_json(path), path)
        return Status(
            step=fields.integer("step"),
            steps=fields.integer("steps"),
            attempt=fields.integer("attempt"),
            macro_error=fields.optional_number("macro_error"),
            micro_error=fields.optional_number("micro_error"),
            steps_per_second=fields.optional_number("steps_per_second"),
            updated=fields.moment("updated"),
            best_macro_error=fields.optional_number("best_macro_error"),
        )
    except StoreError:
        return None


@dataclass(frozen=True)
class State:
    """The state's word and why.

    ``attempt`` is the newest one that was not refused. ``approximate``: the age of a heartbeat had
    to be judged by our own clock. ``beat`` is the heartbeat of a live trainer, where it was read.
    ``refused`` is the attempt that came last, if its trainer refused to take the run on.
    """

    word: str
    reason: str = ""
    attempt: Attempt | None = None
    approximate: bool = False
    beat: Beat | None = None
    refused: Attempt | None = None


def derive_state(
    folder: RunFolder, *, clock: FolderClock | None = None, names: list[str] | None = None
) -> State:
    """What the run is doing now. Never raises; writes nothing into the run.

    Args:
        folder: the run.
        clock: the clock of the runs folder; give one to judge many runs by the same reading.
        names: the names in the folder, where the caller has them already.
    """
    clock = clock or FolderClock(folder.path.parent)
    if names is None:
        try:
            names = os.listdir(folder.path)
        except OSError as error:
            return State("unreadable", f"{folder.path}: {error.strerror}")
    if "run.json" not in names:
        return _nameless(folder, attempt_numbers(names, "attempt"), launch_logs(names), clock)
    state = _whole(folder, names, clock)
    if folder.resolved_toml.name not in names and state.word in _AT_REST:
        return replace(state, word="unreadable", reason=NO_PRESET)
    return state


def _whole(folder: RunFolder, names: list[str], clock: FolderClock) -> State:
    """The state of a run by its attempts."""
    launches = launch_logs(names)
    numbers = attempt_numbers(names, "attempt")
    if _unclaimed(names, numbers):
        # Listed again: a trainer that has just come up may have made the one between the others.
        names = folder.names()
        launches, numbers = launch_logs(names), attempt_numbers(names, "attempt")
    missing = _unclaimed(names, numbers)
    if missing and not _coming_up(folder, launches, clock):
        name = folder.attempt_json(missing).name
        return State(
            "unreadable", f"{name} is missing: what became of attempt {missing} is not known"
        )
    if not numbers:
        return _before_the_first(folder, launches, clock)
    try:
        newest = read_attempt(folder, numbers[-1])
        attempt = _standing(folder, numbers, newest)
        if attempt is None:
            before = folder.attempt_json(numbers[0] - 1).name
            return State("unreadable", f"{before} is missing: an attempt on it was refused")
        refused = newest if newest.refused else None
        state = _ended(attempt) or _without_exit(folder, attempt, clock, over=refused is not None)
    except StoreError as error:
        return State("unreadable", str(error))
    if newest.exit and launches and _newer(folder, launches, newest) and probe(folder):
        return State("starting", "a new attempt is coming up", attempt)
    lost = _lost_records(folder, attempt, names)
    if lost:
        state = State("unreadable", lost, attempt)
    return replace(state, refused=refused)


def _standing(folder: RunFolder, numbers: list[int], newest: Attempt) -> Attempt | None:
    """The newest attempt that was not refused: those changed nothing.

    Raises:
        StoreError: what one of them became of cannot be read.
    """
    if not newest.refused:
        return newest
    for number in reversed(numbers[:-1]):
        attempt = read_attempt(folder, number)
        if not attempt.refused:
            return attempt
    return None


def _unclaimed(names: list[str], numbers: list[int]) -> int:
    """The newest attempt, if it left records but not the file that says what became of it; or 0.

    Every trainer puts its attempt on record before anything else, so that file was lost since. A
    log does not count: it has its name a moment earlier.
    """
    recorded = [n for kind in _RECORDS for n in attempt_numbers(names, kind)]
    newest = max(recorded, default=0)
    return newest if newest > max(numbers, default=0) else 0


def _lost_records(folder: RunFolder, attempt: Attempt, names: list[str]) -> str:
    """Why an attempt's steps cannot be told, if it made some and their records are gone; or ""."""
    path = folder.metrics(attempt.number)
    made = attempt.exit is not None and attempt.exit.step > (attempt.resume_from_step or 0)
    # Looked for itself: a listing over a network may be older than the attempt's end.
    if not made or path.name in names or os.path.lexists(path):
        return ""
    return f"{path.name} is missing: the steps of attempt {attempt.number} are lost"


def _ended(attempt: Attempt) -> State | None:
    if attempt.exit is None:
        return None
    return State(attempt.exit.reason, attempt.exit.error, attempt)


def _nameless(
    folder: RunFolder, numbers: list[int], launches: list[str], clock: FolderClock
) -> State:
    """Without run.json it is no run: a moment old and still empty, or never to become one."""
    if not numbers and not launches:
        age = clock.age(_modified(folder.path))
        if age.seconds < MAKING_SECONDS:
            return State("queued", "being made", approximate=age.approximate)
    try:
        newest = read_attempt(folder, numbers[-1]) if numbers else None
        attempt = _standing(folder, numbers, newest) if newest else None
    except StoreError:
        attempt = None
    return State("unreadable", NO_RUN_JSON, attempt)


def _before_the_first(folder: RunFolder, launches: list[str], clock: FolderClock) -> State:
    if not launches:
        return State("queued", "not started yet")
    approximate = _launched(folder, launches, clock).approximate
    if _coming_up(folder, launches, clock):
        return State("starting", "the trainer is coming up", approximate=approximate)
    return State("crashed", "the trainer did not come up", approximate=approximate)


def _coming_up(folder: RunFolder, launches: list[str], clock: FolderClock) -> bool:
    """Whether a trainer was launched that may still claim an attempt."""
    if not launches:
        return False
    return _launched(folder, launches, clock).seconds < LAUNCH_SECONDS or probe(folder)


def _launched(folder: RunFolder, launches: list[str], clock: FolderClock) -> Reading:
    return clock.age(max(_modified(folder.path / name) for name in launches))


def _newer(folder: RunFolder, launches: list[str], attempt: Attempt) -> bool:
    """Whether a trainer was launched after the attempt ended; older logs are failed launches."""
    latest = max(_modified(folder.path / name) for name in launches)
    return latest > _modified(folder.attempt_json(attempt.number))


def _modified(path: Path) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0


def _without_exit(folder: RunFolder, attempt: Attempt, clock: FolderClock, *, over: bool) -> State:
    """An attempt that left no word (yet). ``over``: another one had the run's lock since."""
    if over:
        if is_alive(attempt.process) is None:
            return State("lost", f"no sign of life from {attempt.host}", attempt)
        return State("crashed", _crash_reason(attempt), attempt)
    beat = read_heartbeat(folder)
    if beat is not None and beat.modified < _modified(folder.attempt_json(attempt.number)):
        # Left by the attempt before; this one has not beaten yet.
        beat = None
    alive = is_alive(attempt.process)
    if not alive and probe(folder):
        # Beyond our sight (another machine, another namespace), but the lock is held.
        alive = True
    if alive:
        return _alive(attempt, beat, clock)
    # It may have recorded its exit between our two looks.
    ended = _ended(read_attempt(folder, attempt.number))
    if ended is not None:
        return ended
    if alive is None:
        return _elsewhere(folder, attempt, beat, clock)
    return State("crashed", _crash_reason(attempt), attempt)


def _crash_reason(attempt: Attempt) -> str:
    if attempt.boot_id != boot_id():
        return f"{attempt.host} was restarted while it trained"
    return f"process {attempt.pid} is gone and left no word (killed, or out of memory)"


def _elsewhere(folder: RunFolder, attempt: Attempt, beat: Beat | None, clock: FolderClock) -> State:
    last = beat.modified if beat else _modified(folder.attempt_json(attempt.number))
    age = clock.age(last)
    if age.seconds <= LOST_SECONDS:
        return _alive(attempt, beat, clock)
    about = "about " if age.approximate else ""
    silent = f"no sign of life from {attempt.host} for {about}{age.seconds:.0f} s"
    return State("lost", f"{silent} (this is {host_name()})", attempt, age.approximate)


def _alive(attempt: Attempt, beat: Beat | None, clock: FolderClock) -> State:
    if beat is None:
        return State("starting", "the trainer is coming up", attempt)
    if Flag.STARTING in beat.flags and Flag.STOPPING not in beat.flags:
        return State("starting", "the trainer is loading", attempt, beat=beat)
    reason = DISK_FULL if Flag.DISK_FULL in beat.flags else ""
    if Flag.STOPPING in beat.flags:
        return State("stopping", reason, attempt, beat=beat)
    if Flag.PAUSED in beat.flags:
        return State("paused", reason, attempt, beat=beat)
    # A process that is frozen as a whole does not beat either, so the beat's age counts too.
    age = clock.age(beat.modified)
    idle = age.seconds
    # An evaluation, a checkpoint and a wait for disk space take their time without a step.
    if not beat.flags & (Flag.EVALUATING | Flag.SAVING | Flag.DISK_FULL):
        idle += beat.since_step_seconds
    if idle > max(STALL_SECONDS, STALL_MEDIANS * beat.median_step_seconds):
        stalled = f"alive, but no step for {idle:.0f} s, at step {beat.step}"
        return State("stalled", stalled, attempt, age.approximate, beat)
    return State("running", reason, attempt, beat=beat)
