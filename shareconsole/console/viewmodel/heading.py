"""Reads what a run's header says: its identity, its state, its log's end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from shareconsole.console.viewmodel.header import ENDED, MOVING, RunHeader
from shareconsole.console.viewmodel.log_tail import LogTail
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.heartbeat import Flag
from shareconsole.store.identity import RunIdentity, read_identity

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder
    from shareconsole.store.status import State

_FLAG_WORDS = ((Flag.DISK_FULL, "disk full"), (Flag.EVALUATING, "evaluating"))


@dataclass(frozen=True)
class Standing:
    """What the records tell the header: step, speed, macro error (fraction), resume, stage."""

    step: int = 0
    steps_per_second: float | None = None
    macro_error: float | None = None
    resume_note: str = ""
    stage: str = ""


class HeaderReader:
    """Makes the header of one run."""

    def __init__(self, folder: RunFolder) -> None:
        """Touches no disk."""
        self._folder = folder
        self._identity: RunIdentity | None = None
        self._log = LogTail(folder)

    def update(self, state: State, names: list[str], standing: Standing) -> RunHeader:
        """Return the header.

        Args:
            state: as derived just now.
            names: those in the folder.
            standing: what the records say.
        """
        word, reason = state.word, state.reason
        try:
            # It never changes once it is there.
            self._identity = self._identity or read_identity(self._folder)
        except StoreError as error:
            if state.word == "queued" and "run.json" not in names:
                reason = "being made"
            else:
                word, reason = "unreadable", reason or str(error)
        attempt, step, steps = _progress(state, self._identity, standing.step)
        speed = standing.steps_per_second if word in MOVING or word in ENDED else None
        ahead = (steps - step) / speed if word == "running" and speed and step < steps else None
        return RunHeader(
            id=safe_text(self._folder.id),
            state=word,
            reason=safe_text(reason),
            step=step,
            steps=steps,
            fraction=min(1.0, step / steps) if steps > 0 else 0.0,
            steps_per_second=speed,
            eta_seconds=ahead,
            macro_error=standing.macro_error,
            attempt=attempt,
            flags=_flags(state.beat.flags) if state.beat else "",
            log_tail=self._log.update(names, attempt),
            resume_note=standing.resume_note,
            stage=safe_text(standing.stage),
            refused=state.refused is not None,
            saved=word not in ENDED or bool(checkpoint_directories(self._folder)),
            **_words(self._identity, self._folder.id),
        )


def _progress(state: State, identity: RunIdentity | None, step: int) -> tuple[int, int, int]:
    """Attempt, step and aim; an attempt that ended knows its step better than a torn log."""
    attempt = state.attempt
    if attempt is None:
        return 0, step, identity.steps if identity else 0
    if attempt.exit is not None:
        step = attempt.exit.step
    return attempt.number, max(step, attempt.resume_from_step or 0), attempt.steps


def _flags(flags: Flag) -> str:
    return ", ".join(word for flag, word in _FLAG_WORDS if flag in flags)


class _Words(TypedDict):
    name: str
    preset: str
    method: str
    data: str
    seed: int | None
    tags: tuple[str, ...]


def _words(identity: RunIdentity | None, run_id: str) -> _Words:
    if identity is None:
        return _Words(name=safe_text(run_id), preset="", method="", data="", seed=None, tags=())
    return _Words(
        name=safe_text(identity.name),
        preset=safe_text(identity.preset),
        method=safe_text(identity.method),
        data=safe_text(identity.data),
        seed=identity.seed,
        tags=tuple(safe_text(tag) for tag in identity.tags),
    )
