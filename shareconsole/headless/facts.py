"""Everything a report says about one run, read from its folder once. No drawing in here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.headless.damage import FINAL_STATES, preset_notes, record_notes, tensor_notes
from shareconsole.headless.kinds import KindFacts, read_kinds
from shareconsole.headless.networks import NetworkFacts, gather_networks
from shareconsole.headless.step_size import StepSizeFacts, read_step_size
from shareconsole.store.atomic import StoreError
from shareconsole.store.attempts import Attempt, read_attempt
from shareconsole.store.best import Chosen, best_macro_error, chosen_on_validation
from shareconsole.store.events import read_events
from shareconsole.store.identity import RunIdentity, read_identity
from shareconsole.store.index import RunSummary, summarise
from shareconsole.store.reader import RunLog
from shareconsole.store.stages import Stage, stage_at
from shareconsole.store.status import NO_RUN_JSON, State, derive_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shareconsole.store.folder import RunFolder
    from shareconsole.store.reader import ResumeCheck

ASSIGNMENT = "assignment"


@dataclass(frozen=True)
class TaskFacts:
    """One task and how it stood at the last evaluation; errors are fractions, None before it."""

    name: str
    classes: int
    error: float | None
    loss: float | None
    validation_error: float | None


@dataclass(frozen=True)
class AssignmentFacts:
    """The last assignment that the run recorded.

    Attributes:
        step: when it was recorded.
        units: names of the routed units, L of them.
        tasks: names of the tasks, T.
        modules: names of the modules, K.
        module: [L, T] index of the most likely module.
        probability: [L, T] its probability.
        rand_index: per unit, agreement with the known groups; empty where none are known.
        entropy: mean entropy of all distributions at the last evaluation.
    """

    step: int
    units: tuple[str, ...]
    tasks: tuple[str, ...]
    modules: tuple[str, ...]
    module: NDArray[np.int64]
    probability: NDArray[np.float64]
    rand_index: dict[str, float]
    entropy: float | None


@dataclass(frozen=True)
class RunFacts:
    """One run as its report shows it.

    Attributes:
        summary: what a list shows.
        identity: what it was made with; None where run.json cannot be read.
        attempts: oldest first.
        resumes: what came of comparing each resume with the records it repeated.
        evaluated: step of the last evaluation, None before it.
        seconds: time spent training, over all attempts.
        validation_macro_error, validation_micro_error: fractions, None without validation images.
        chosen: the evaluation that the validation images choose; None without these.
        kinds: what else of its tensors tells what tasks share.
        warnings: everything a person should know, oldest first.
        stage: where it stands; None for a run without stages.
        networks: what each task's network is made of; None where it is not on record.
        step_size: what a line search came to; None for a run without one.
        refused: the attempt that came last, if its trainer refused to take the run on.
    """

    folder: RunFolder
    summary: RunSummary
    identity: RunIdentity | None
    attempts: tuple[Attempt, ...]
    resumes: tuple[ResumeCheck, ...]
    tasks: tuple[TaskFacts, ...]
    evaluated: int | None
    seconds: float | None
    validation_macro_error: float | None
    validation_micro_error: float | None
    chosen: Chosen | None
    assignment: AssignmentFacts | None
    kinds: tuple[KindFacts, ...]
    warnings: tuple[str, ...]
    stage: Stage | None = None
    networks: NetworkFacts | None = None
    step_size: StepSizeFacts | None = None
    refused: Attempt | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``show --json`` prints."""
        return {
            **self.summary.to_json(),
            "tasks": [
                {"name": task.name, "classes": task.classes, "error": task.error, "loss": task.loss}
                for task in self.tasks
            ],
            "settings": self.identity.settings if self.identity else {},
            "attempts": [self._attempt_json(attempt) for attempt in self.attempts],
            "warnings": list(self.warnings),
            "reason": self.summary.reason or None,
            "stage": self.stage.to_json() if self.stage else None,
            "networks": self.networks.to_json() if self.networks else None,
            "step_size": self.step_size.to_json() if self.step_size else None,
            "at_lowest_validation_error": self.chosen._asdict() if self.chosen else None,
        }

    def _attempt_json(self, attempt: Attempt) -> dict[str, Any]:
        check = next((item for item in self.resumes if item.attempt == attempt.number), None)
        return {
            **dataclasses.asdict(attempt),
            "overlap_steps": check.overlap_steps if check else None,
            "identical": check.identical if check else None,
        }


def gather(folder: RunFolder) -> RunFacts:
    """Read one run. Damaged parts are left out and named among the warnings."""
    summary = summarise(folder)
    log = RunLog(folder)
    log.refresh(final=summary.state in FINAL_STATES)
    warnings: list[str] = []
    identity: RunIdentity | None = None
    try:
        identity = read_identity(folder)
        warnings += preset_notes(folder, identity)
    except StoreError as error:
        if summary.reason != NO_RUN_JSON:
            warnings.append(str(error))
    attempts = []
    for number in folder.attempts():
        try:
            attempts.append(read_attempt(folder, number))
        except StoreError as error:
            warnings.append(str(error))
    assignment: AssignmentFacts | None = None
    kinds: tuple[KindFacts, ...] = ()
    evaluation = log.table("evaluation")
    last = evaluation[-1] if len(evaluation) else None
    if last is not None:
        # The records are exact, the hint that lists are made of may lack them after a resume.
        macro, micro = (_value(last, name) for name in ("macro_error", "micro_error"))
        summary = dataclasses.replace(
            summary, macro_error=macro, micro_error=micro, best_macro_error=best_macro_error(log)
        )
    networks: NetworkFacts | None = None
    try:
        assignment = _assignment(log, last)
        kinds = read_kinds(log)
        networks = gather_networks(log)
    except StoreError as error:  # the log was damaged or removed since it was opened
        warnings.append(str(error))
    steps = log.table("step")
    if summary.state in _READ_FROM_RECORDS and len(steps):
        summary = dataclasses.replace(summary, step=int(steps[-1]["step"]))
    resumes = tuple(log.resumes)
    attempts = [_with_start(attempt, resumes) for attempt in attempts]
    tasks = _tasks(log, last)
    state = derive_state(folder)
    warnings += _warnings(folder, log, state, attempts, resumes, tasks)
    return RunFacts(
        folder=folder,
        summary=summary,
        identity=identity,
        attempts=tuple(attempts),
        resumes=resumes,
        tasks=tasks,
        evaluated=int(last["step"]) if last is not None else None,
        seconds=_seconds(log, attempts),
        validation_macro_error=_value(last, "validation_macro_error"),
        validation_micro_error=_value(last, "validation_micro_error"),
        chosen=chosen_on_validation(log),
        assignment=assignment,
        kinds=kinds,
        stage=stage_at(log.meta, summary.step or 0),
        networks=networks,
        step_size=read_step_size(log),
        refused=state.refused,
        # What the title line says already is not repeated.
        warnings=tuple(text for text in warnings if text != summary.reason),
    )


# Runs that do not say themselves how far they got.
_READ_FROM_RECORDS = frozenset({"crashed", "lost", "unreadable"})


def _with_start(attempt: Attempt, resumes: tuple[ResumeCheck, ...]) -> Attempt:
    """Return the attempt with the step it resumed from, which its log knows at the latest."""
    check = next((item for item in resumes if item.attempt == attempt.number), None)
    if attempt.resume_from_step is not None or check is None:
        return attempt
    return dataclasses.replace(attempt, resume_from_step=check.from_step)


def _value(row: Any, column: str) -> float | None:
    if row is None or column not in (row.dtype.names or ()):
        return None
    return float(row[column])


def _tasks(log: RunLog, last: Any) -> tuple[TaskFacts, ...]:
    return tuple(
        TaskFacts(
            name=str(task["name"]),
            classes=int(task["classes"]),
            error=_value(last, f"test_error.{task['name']}"),
            loss=_value(last, f"test_loss.{task['name']}"),
            validation_error=_value(last, f"validation_error.{task['name']}"),
        )
        for task in log.meta.get("tasks", [])
    )


def _assignment(log: RunLog, last: Any) -> AssignmentFacts | None:
    steps = log.tensor_steps(ASSIGNMENT)
    if not len(steps):
        return None
    probability_LTK = log.tensor(ASSIGNMENT)
    if probability_LTK.ndim != 3 or 0 in probability_LTK.shape:
        return None
    units, tasks, modules = log.tensor_axes(ASSIGNMENT)
    rand_index = {unit: _value(last, f"rand_index.{unit}") for unit in units}
    return AssignmentFacts(
        step=int(steps[-1]),
        units=tuple(units),
        tasks=tuple(tasks),
        modules=tuple(modules),
        module=probability_LTK.argmax(-1),
        probability=probability_LTK.max(-1).astype(np.float64),
        rand_index={unit: value for unit, value in rand_index.items() if value is not None},
        entropy=_value(last, "entropy"),
    )


def _seconds(log: RunLog, attempts: list[Attempt]) -> float | None:
    """Return the seconds that the rows of all attempts add up to, repeated steps counted once."""
    steps = log.table("step")
    if not len(steps) or "elapsed_seconds" not in (steps.dtype.names or ()):
        return None
    elapsed = steps["elapsed_seconds"].astype(np.float64)
    # Each attempt's clock begins at its own start, so the sum of the rises is the time spent.
    rises = np.diff(elapsed, prepend=0.0)
    return float(np.where(rises >= 0, rises, elapsed).sum())


def _warnings(
    folder: RunFolder,
    log: RunLog,
    state: State,
    attempts: list[Attempt],
    resumes: tuple[ResumeCheck, ...],
    tasks: tuple[TaskFacts, ...],
) -> list[str]:
    events = read_events(folder)
    told = (_event_warning(event.kind, event.data) for event in events)
    warnings = list(dict.fromkeys(text for text in told if text))
    if events.bad_lines:
        warnings.append(f"{events.bad_lines} damaged lines among the events were left out")
    warnings += [
        f"attempt {attempt.number} was allowed to resume inexactly: not bit-exact"
        for attempt in attempts
        if attempt.allow_inexact and attempt.number > 1 and not attempt.refused
    ]
    warnings += [
        f"attempt {check.attempt} does not repeat the records before it: "
        f"the first difference is at step {check.first_difference}"
        for check in resumes
        if not check.identical
    ]
    warnings += [
        f"the test loss of {task.name} is {task.loss} at the last evaluation"
        for task in tasks
        if task.loss is not None and not math.isfinite(task.loss)
    ]
    return warnings + record_notes(log, state) + tensor_notes(folder)


def _event_warning(kind: str, data: Mapping[str, Any]) -> str | None:
    match kind:
        case "warning":
            return str(data.get("message", ""))
        case "checkpoint_rejected":
            return f"checkpoint {data.get('name')} was not used: {data.get('reason')}"
        case "refused":
            return f"resume refused: {data.get('error')}"
        case "disk_full":
            return "the disk was full; records waited in memory"
        case _:
            return None
