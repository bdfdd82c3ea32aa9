"""Follow a run in its folder until it ends, whoever trains it.

Ctrl-C asks the trainer to stop; nothing that happens to this process does.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from shareconsole.errors import ShareconsoleError
from shareconsole.headless.progress import Display, Snapshot
from shareconsole.headless.requests import ask_to_stop
from shareconsole.store.clock import FolderClock
from shareconsole.store.identity import read_identity
from shareconsole.store.reader import RunLog
from shareconsole.store.stages import stage_at
from shareconsole.store.status import State, derive_state

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder

# States from which a run moves on only if somebody starts or resumes it.
ENDED = frozenset({"finished", "stopped", "failed", "crashed", "lost", "unreadable"})
# Of those, the ones concluded from what is missing: looked at twice before they are believed.
_CONCLUDED = frozenset({"crashed", "lost", "unreadable"})
POLL_SECONDS = 0.25
_SPEED_SECONDS = 10.0


@dataclass(frozen=True)
class FollowEnd:
    """How following ended.

    Attributes:
        state: the run's last state.
        interrupted: Ctrl-C was pressed.
        terminated: this process was asked to end (SIGTERM).
    """

    state: State
    interrupted: bool
    terminated: bool

    @property
    def left(self) -> bool:
        """Whether the run goes on without us."""
        return self.state.word not in ENDED


class Interrupts:
    """Counts Ctrl-C and notes SIGTERM; handlers only set fields, whoever follows acts on them."""

    def __init__(self) -> None:
        """Count nothing yet; the handlers are installed on entering."""
        self.count = 0
        self.terminated = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interrupts:
        """Install the handlers."""
        for number, handler in ((signal.SIGINT, self._on_int), (signal.SIGTERM, self._on_term)):
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *exception: object) -> None:
        """Put back what was there."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_int(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True


def follow(
    folder: RunFolder,
    display: Display,
    interrupts: Interrupts,
    *,
    poll_seconds: float = POLL_SECONDS,
) -> FollowEnd:
    """Show a run until it ends, or until the person here leaves it.

    The first Ctrl-C asks for a stop after the step with a checkpoint, the second for a stop now,
    the third leaves.
    """
    view = _View(folder)
    clock = FolderClock(folder.path.parent)
    obeyed = 0
    doubts = 0
    while True:
        while obeyed < interrupts.count:
            obeyed += 1
            display.note(_obey(folder, obeyed))
        state = derive_state(folder, clock=clock)
        doubts = doubts + 1 if state.word in _CONCLUDED else 0
        ended = state.word in ENDED and doubts != 1
        display.update(view.look(state, final=ended))
        if ended or interrupts.terminated or obeyed > 2:
            return FollowEnd(state, interrupts.count > 0, interrupts.terminated)
        time.sleep(poll_seconds)


def _obey(folder: RunFolder, interrupt: int) -> str:
    if interrupt > 2:
        return f"no longer following {folder.id}; its trainer may still run"
    try:
        ask_to_stop(folder, now=interrupt == 2)
    except ShareconsoleError as error:
        return str(error)
    if interrupt == 1:
        return "stopping after this step, with a checkpoint; Ctrl-C again stops now"
    return "stopping now, without a checkpoint; Ctrl-C again leaves it to itself"


class _View:
    """What is known of the run from poll to poll."""

    def __init__(self, folder: RunFolder) -> None:
        identity = read_identity(folder)
        self._name = identity.name
        self._steps = identity.steps
        self._log = RunLog(folder)
        self._moves: deque[tuple[float, int]] = deque()

    def look(self, state: State, *, final: bool) -> Snapshot:
        self._log.refresh(final=final)
        steps = self._log.table("step")
        evaluation = self._log.table("evaluation")
        step = int(steps[-1]["step"]) if len(steps) else 0
        if state.attempt is not None:
            self._steps = state.attempt.steps
            step = max(step, state.attempt.resume_from_step or 0)
        self._note_move(step, state)
        last = evaluation[-1] if len(evaluation) else None
        stage = stage_at(self._log.meta, step)
        return Snapshot(
            name=self._name,
            state=state.word,
            step=step,
            steps=self._steps,
            loss=_mean_loss(steps[-1]) if len(steps) else None,
            steps_per_second=self._speed(),
            evaluated=int(last["step"]) if last is not None else None,
            macro_error=float(last["macro_error"]) if last is not None else None,
            micro_error=float(last["micro_error"]) if last is not None else None,
            stage=stage.progress_text if stage else "",
        )

    def _note_move(self, step: int, state: State) -> None:
        if state.word != "running" or (self._moves and step < self._moves[-1][1]):
            self._moves.clear()
            return
        now = time.monotonic()
        if not self._moves or step > self._moves[-1][1]:
            self._moves.append((now, step))
        # Two moves are kept however old: a step may take minutes.
        while len(self._moves) > 2 and now - self._moves[0][0] > _SPEED_SECONDS:
            self._moves.popleft()

    def _speed(self) -> float | None:
        if len(self._moves) < 2:
            return None
        (began, first), (ended, last) = self._moves[0], self._moves[-1]
        return (last - first) / (ended - began) if ended > began else None


def _mean_loss(row: np.void) -> float | None:
    names = [name for name in row.dtype.names or () if name.startswith("loss.")]
    return float(np.mean([row[name] for name in names])) if names else None
