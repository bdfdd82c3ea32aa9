"""The line above everything: which run this is, what it is doing, how far it is, how fast."""

from __future__ import annotations

from dataclasses import dataclass

from shareconsole.headless.figures import count, duration, percent, speed

ENDED = frozenset({"finished", "stopped", "failed", "crashed", "lost", "unreadable"})
"""States from which a run goes on only if somebody starts or resumes it."""
MOVING = frozenset({"running", "stopping"})
"""States in which a trainer makes steps."""


@dataclass(frozen=True)
class RunHeader:
    """One run at a glance. Texts are safe; errors are fractions; None is not known (yet).

    Attributes:
        id, name, preset, method, data, seed, tags: what it is; texts are empty where not known.
        state: the word, e.g. ``running``.
        reason: why it is in that state, empty if that needs no saying.
        step, steps: the last step done and the aim.
        fraction: step / steps, in [0, 1].
        steps_per_second: over the last seconds of training.
        eta_seconds: to the last step at that speed; only while it runs.
        macro_error: at the last evaluation.
        attempt: number of the newest attempt, 0 before the first.
        flags: what a person must know now, e.g. ``disk full``; empty if nothing.
        log_tail: the last lines that the trainer printed.
        refused: its last resume was refused, so another one meets with the same answer unless
            something has changed.
        saved: there is a checkpoint to go on from; True as long as a trainer has the run.
        stage: the stage it is in and how far that is; empty for a run without stages.
        resume_note: what came of comparing a resume with the records it repeated.
    """

    id: str
    name: str = ""
    state: str = "queued"
    reason: str = ""
    preset: str = ""
    method: str = ""
    data: str = ""
    seed: int | None = None
    tags: tuple[str, ...] = ()
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    steps_per_second: float | None = None
    eta_seconds: float | None = None
    macro_error: float | None = None
    attempt: int = 0
    flags: str = ""
    log_tail: tuple[str, ...] = ()
    resume_note: str = ""
    stage: str = ""
    refused: bool = False
    saved: bool = True

    @property
    def ended(self) -> bool:
        """Whether nobody trains it: it goes on only if somebody starts or resumes it."""
        return self.state in ENDED

    @property
    def error_text(self) -> str:
        """The macro error in per cent, ``-`` where not known."""
        return percent(self.macro_error)

    @property
    def speed_text(self) -> str:
        """E.g. ``17.2 steps/s``; ``-`` where not known."""
        return speed(self.steps_per_second)

    @property
    def eta_text(self) -> str:
        """E.g. ``2m46s``; ``-`` where not known."""
        return duration(self.eta_seconds)

    @property
    def progress_text(self) -> str:
        """E.g. ``2,140/5,000``."""
        return f"{count(self.step)}/{count(self.steps)}"
