"""What came of comparing a resumed attempt with the records that it made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shareconsole.store.folder import attempt_numbers

if TYPE_CHECKING:
    from shareconsole.store.reader import ResumeCheck, RunLog

_AGAIN_SECONDS = 2.0


@dataclass(frozen=True)
class ResumeFindings:
    """``verified``: about the newest resume, empty if none; ``doubts``: one per bad resume."""

    verified: str = ""
    doubts: tuple[str, ...] = ()


class ResumeNotes:
    """Compares now and then, as long as steps are being repeated: it reads whole tables."""

    def __init__(self, log: RunLog, clock: Callable[[], float]) -> None:
        """``clock``: monotonic seconds."""
        self._log = log
        self._clock = clock
        self._attempts = 0
        self._step = -1
        self._settled = False
        self._due = 0.0
        self._overlap = -1
        self._findings = ResumeFindings()

    def update(self, step: int) -> ResumeFindings:
        """Return what is known; ``step`` is the last one that the log now holds."""
        attempts = len(attempt_numbers(self._log.folder.names(), "metrics"))
        if attempts != self._attempts:
            self._attempts, self._settled, self._due, self._overlap = attempts, False, 0.0, -1
        now = self._clock()
        if attempts < 2 or self._settled or now < self._due or step == self._step:
            return self._findings
        checks = self._log.resumes
        self._step, self._due = step, now + _AGAIN_SECONDS
        overlap = checks[-1].overlap_steps if len(checks) == attempts - 1 else -1
        # Steps were added and none of them was a repeated one: it is past them.
        self._settled = overlap >= 0 and overlap == self._overlap
        self._overlap = overlap
        self._findings = ResumeFindings(
            _note(checks[-1]) if checks else "",
            tuple(_doubt(check) for check in checks if not check.identical),
        )
        return self._findings


def _note(check: ResumeCheck) -> str:
    begun = f"attempt {check.attempt} went on from step {check.from_step:,}"
    if not check.identical:
        return f"{begun}; differs from step {check.first_difference:,}"
    if not check.overlap_steps:
        return begun
    return f"{begun}; {check.overlap_steps:,} repeated steps are identical"


def _doubt(check: ResumeCheck) -> str:
    return (
        f"attempt {check.attempt} made step {check.first_difference:,} differently "
        f"from the attempt before it"
    )
