"""A run as it is now, read again and again; only what is new costs anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.console.viewmodel.allocation import AllocationLog, AllocationView
from shareconsole.console.viewmodel.assignment import AssignmentView
from shareconsole.console.viewmodel.assignment_log import AssignmentLog
from shareconsole.console.viewmodel.band import Band, BandBuilder
from shareconsole.console.viewmodel.curve_builder import CurveBuilder
from shareconsole.console.viewmodel.curves import CurveSet
from shareconsole.console.viewmodel.errors import ErrorBuilder, ErrorTable
from shareconsole.console.viewmodel.growing import Arrivals, Growing
from shareconsole.console.viewmodel.header import ENDED, RunHeader
from shareconsole.console.viewmodel.heading import HeaderReader, Standing
from shareconsole.console.viewmodel.notices import Notices
from shareconsole.console.viewmodel.pairs import AffinityLog, PairView, SimilarityLog
from shareconsole.console.viewmodel.resumes import ResumeNotes
from shareconsole.console.viewmodel.spectrum import SpectrumLog, SpectrumView
from shareconsole.console.viewmodel.stages import StageMark, stage_marks
from shareconsole.console.viewmodel.step_size import StepSizeBuilder, StepSizeView
from shareconsole.console.viewmodel.tensor_log import TensorLog, sizes
from shareconsole.console.viewmodel.tree import TreeLog, TreeView
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError
from shareconsole.store.clock import FolderClock
from shareconsole.store.reader import RunLog
from shareconsole.store.stages import stage_at
from shareconsole.store.status import derive_state, read_status

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder
    from shareconsole.store.growing import Rows
    from shareconsole.store.status import State

_PACE_SECONDS = 10.0
_PACE_ROWS = 512
# Records that take so long to read that the header is shown before them: about 0.1 s.
_MANY_BYTES = 16 * 1024 * 1024
# One per kind of tensor that a panel shows.
_KINDS: tuple[type[TensorLog[Any]], ...] = (
    AssignmentLog,
    AllocationLog,
    SimilarityLog,
    SpectrumLog,
    AffinityLog,
    TreeLog,
)


@dataclass(frozen=True, eq=False)
class LiveSnapshot:
    """Everything a live screen shows. A part that did not change is the same object as before.

    A part is None if the run logs no such thing: it is the columns and the kinds of tensors that
    say so, never the method's name. ``declared``: kinds of tensors that the run logs, if only
    later. ``begun``: there are records, so that what is not there or declared will not come.
    ``unread``: bytes of records that are read only now, while the header alone is there; 0 in
    every other snapshot.
    """

    header: RunHeader
    loss: CurveSet | None = None
    fitness: Band | None = None
    assignment: AssignmentView | None = None
    allocation: AllocationView | None = None
    similarity: PairView | None = None
    spectrum: SpectrumView | None = None
    affinity: PairView | None = None
    tree: TreeView | None = None
    step_size: StepSizeView | None = None
    errors: ErrorTable | None = None
    warnings: tuple[str, ...] = ()
    declared: frozenset[str] = frozenset()
    begun: bool = False
    unread: int = 0


_COMPARED = ("header", "warnings", "declared", "begun", "unread")
_PARTS = tuple(field.name for field in fields(LiveSnapshot) if field.name not in _COMPARED)


class LiveReader:
    """Reads one run. For one thread."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        clock: Callable[[], float] = time.monotonic,
        announce: Callable[[LiveSnapshot], object] | None = None,
    ) -> None:
        """Touches no disk.

        Args:
            folder: of the run.
            clock: monotonic seconds.
            announce: called with a snapshot of the header alone before a first look that takes a
                while.
        """
        self._folder = folder
        self._announce = announce
        self._stamps = FolderClock(folder.path.parent)
        self._log = RunLog(folder)
        self._header = HeaderReader(folder)
        self._notices = Notices(folder)
        self._resumes = ResumeNotes(self._log, clock)
        self._step_rows, self._evaluations = Arrivals(), Arrivals()
        self._stages: tuple[StageMark, ...] = ()
        self._steps = Growing(np.int64)
        self._loss = CurveBuilder("loss.", "loss")
        self._fitness = BandBuilder("fitness.")
        self._errors = ErrorBuilder()
        self._step_size = StepSizeBuilder()
        self._tensors = [kind(self._log) for kind in _KINDS]
        self._snapshot: LiveSnapshot | None = None

    def snapshot(self) -> LiveSnapshot:
        """Return the run as it is now; the same object if nothing at all changed.

        Damage shows as a warning and is never raised.
        """
        names = self._folder.names()
        # Without any name it looks itself, and says why there is none.
        state = derive_state(self._folder, clock=self._stamps, names=names or None)
        if self._announce is not None and self._snapshot is None:
            # Once, whether or not the first look succeeds.
            announce, self._announce = self._announce, None
            self._open(state, names, announce)
        stamp = sizes(self._folder, names, "tensors")
        self._log.refresh(final=state.word in ENDED and state.word != "lost")
        rows, evaluations = self._log.table("step"), self._log.table("evaluation")
        notes = self._resumes.update(int(rows["step"][-1]) if len(rows) else 0)
        step = int(rows["step"][-1]) if len(rows) else 0
        stage = stage_at(self._log.meta, step)
        standing = Standing(
            step=step,
            steps_per_second=pace(rows),
            macro_error=_last(evaluations, "macro_error"),
            resume_note=notes.verified,
            stage=stage.progress_text if stage else "",
        )
        header = self._header.update(state, names, standing)
        if self._note_stages():
            # What was made of the rows before took them for those of other stages.
            self._step_rows, self._evaluations = Arrivals(), Arrivals()
        fresh, anew = self._step_rows.take(rows)
        if anew:
            self._steps = Growing(np.int64)
        self._steps.append(fresh["step"])
        steps = self._steps.view()
        news = (steps, fresh, anew, header.steps, self._stages)
        before = self._snapshot
        views, problems = self._views(stamp)
        snapshot = LiveSnapshot(
            header=header,
            loss=self._loss.update(*news),
            fitness=self._fitness.update(*news),
            step_size=self._step_size.update(*news),
            errors=self._errors.update(
                evaluations, *self._evaluations.take(evaluations), self._stages
            ),
            warnings=(*self._notices.update(names), *notes.doubts, *self._damage(), *problems),
            declared=frozenset(log.kind for log in self._tensors if log.declared),
            begun=bool(self._log.columns("step")),
            **views,
        )
        if before is None or not _same(before, snapshot):
            self._snapshot = snapshot
            return snapshot
        return before

    def _note_stages(self) -> bool:
        """Look where stages begin; True if the records say otherwise than at the last look."""
        stages = stage_marks(self._log.meta)
        changed, self._stages = stages != self._stages, stages
        return changed

    def _views(self, stamp: tuple[tuple[str, int], ...]) -> tuple[dict[str, Any], list[str]]:
        """The view of each kind of tensor, and what could not be read."""
        before, problems = self._snapshot, []
        views: dict[str, Any] = {}
        for log in self._tensors:
            try:
                views[log.kind] = log.update(stamp)
            except StoreError as error:
                views[log.kind] = getattr(before, log.kind) if before else None
                problems.append(safe_text(error))
        return views, problems

    def _open(
        self, state: State, names: list[str], announce: Callable[[LiveSnapshot], object]
    ) -> None:
        """Announce the header if there are many records, with what the trainer's hint tells it."""
        unread = sum(size for _, size in sizes(self._folder, names, "metrics"))
        if unread >= _MANY_BYTES:
            hint = read_status(self._folder)
            standing = Standing(hint.step, macro_error=hint.macro_error) if hint else Standing()
            announce(LiveSnapshot(self._header.update(state, names, standing), unread=unread))

    def _damage(self) -> list[str]:
        found = [safe_text(problem) for problem in self._log.problems]
        skipped = self._log.damage.skipped_bytes
        if skipped:
            found.append(f"{skipped:,} damaged bytes in the log were skipped")
        return found


def _same(one: LiveSnapshot, other: LiveSnapshot) -> bool:
    equal = all(getattr(one, name) == getattr(other, name) for name in _COMPARED)
    return equal and all(getattr(one, name) is getattr(other, name) for name in _PARTS)


def _last(rows: Rows, column: str) -> float | None:
    if not len(rows) or column not in (rows.dtype.names or ()):
        return None
    return float(rows[column][-1])


def pace(rows: Rows) -> float | None:
    """Return steps per second over about the last ten seconds of training; None if not known.

    Taken from the records' own clock, ``elapsed_seconds``, which begins anew with each attempt.
    """
    if len(rows) < 2 or "elapsed_seconds" not in (rows.dtype.names or ()):
        return None
    tail = rows[-_PACE_ROWS:]
    elapsed = tail["elapsed_seconds"].astype(np.float64)
    restarts = np.flatnonzero(np.diff(elapsed) < 0)
    first = int(restarts[-1]) + 1 if len(restarts) else 0
    recent = np.flatnonzero(elapsed[first:] >= elapsed[-1] - _PACE_SECONDS)
    # Two rows however old: a step may take minutes.
    begin = first + min(int(recent[0]) if len(recent) else 0, len(elapsed) - first - 2)
    if begin < first:
        return None
    seconds = float(elapsed[-1] - elapsed[begin])
    steps = int(tail["step"][-1]) - int(tail["step"][begin])
    return steps / seconds if seconds > 0 and steps > 0 and np.isfinite(seconds) else None
