"""Run folders as a trainer leaves them, written in milliseconds with the store's own writers."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shareconsole.launch import create_run
from shareconsole.spec.overrides import as_override
from shareconsole.spec.toml import load_preset
from shareconsole.store.atomic import write_json
from shareconsole.store.attempts import (
    Attempt,
    AttemptExit,
    create_attempt,
    end_attempt,
)
from shareconsole.store.checkpoints import MANIFEST
from shareconsole.store.clock import utc_now
from shareconsole.store.events import EventWriter
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Heartbeat
from shareconsole.store.process import this_process
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TableSchema, TensorSchema
from shareconsole.store.status import Status, write_status

TASKS = ("upright", "rotated")
UNITS = ("conv1", "conv2")
MODULES = ("a", "b")
ERRORS = (0.125, 0.25)
STEPS = 20
EVERY = 10


def new_run(runs: Path, name: str | None = None, *overrides: str, steps: int = STEPS) -> RunFolder:
    named = [as_override("run.name", name)] if name is not None else []
    every = [f"train.steps={steps}", "device.device=cpu", *named, *overrides]
    return create_run(load_preset("digits", every), runs)


def begin(folder: RunFolder, *, steps: int = STEPS, resume_from_step: int = 0) -> Attempt:
    """Put an attempt of this very process on record."""
    me = this_process()
    attempt = Attempt(
        number=folder.next_attempt(),
        pid=me.pid,
        boot_id=me.boot_id,
        start_ticks=me.start_ticks,
        host=me.host,
        argv=("trainer",),
        started=utc_now(),
        steps=steps,
        resume_from_step=resume_from_step,
        device="cpu",
        torch="2.13.0",
    )
    create_attempt(folder, attempt)
    return attempt


def schemas(attempt: int, resume_from_step: int, tensors: bool) -> tuple[LogSchema, LogSchema]:
    evaluation = [f"test_error.{task}" for task in TASKS] + [f"test_loss.{task}" for task in TASKS]
    evaluation += ["macro_error", "micro_error"]
    if tensors:
        evaluation += ["entropy", *(f"rand_index.{unit}" for unit in UNITS)]
    step = [*(f"loss.{task}" for task in TASKS), "gradient_norm", "elapsed_seconds"]
    tables = (
        TableSchema("step", tuple((name, "f8") for name in step)),
        TableSchema("evaluation", tuple((name, "f8") for name in evaluation)),
    )
    axes = (UNITS, TASKS, MODULES)
    kinds = (TensorSchema("assignment", "f4", (2, 2, 2), axes),) if tensors else ()
    meta = {"tasks": [{"name": task, "classes": 10} for task in TASKS]}
    return (
        LogSchema(attempt, resume_from_step, tables, (), meta),
        LogSchema(attempt, resume_from_step, (), kinds, meta),
    )


def write_records(
    folder: RunFolder,
    attempt: Attempt,
    upto: int,
    *,
    tensors: bool = True,
    spoil: int | None = None,
) -> None:
    """Log the steps after the attempt's start up to ``upto``; step ``spoil`` gets another loss."""
    start = attempt.resume_from_step or 0
    metrics, kinds = schemas(attempt.number, start, tensors)
    values = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.5, 0.5], [0.004, 0.996]]])
    with (
        RecordWriter(folder.metrics(attempt.number), metrics) as rows,
        RecordWriter(folder.tensors(attempt.number), kinds) as arrays,
    ):
        for step in range(start + 1, upto + 1):
            loss = [1 / step, 2 / step + (step == spoil)]
            rows.row("step", step, [*loss, 0.5, float(step)])
            if step % EVERY == 0:
                more = [0.321, 1.0, 0.5] if tensors else []
                mean = sum(ERRORS) / len(ERRORS)
                rows.row("evaluation", step, [*ERRORS, 0.4, 0.8, mean, 0.2, *more])
                if tensors:
                    arrays.tensor("assignment", step, values)


def write_hints(folder: RunFolder, attempt: Attempt, step: int) -> None:
    hint = Status(step, attempt.steps, attempt.number, 0.1875, 0.2, 10.0, utc_now(), 0.1875)
    write_status(folder, hint)


def end(
    folder: RunFolder, attempt: Attempt, reason: str, step: int, error: str = "", code: int = 0
) -> None:
    end_attempt(folder, attempt, AttemptExit(code, reason, step, error, utc_now()))


def save(folder: RunFolder, step: int = 10) -> None:
    """Leave what tells readers of a checkpoint; no trainer could load it."""
    directory = folder.checkpoints / f"{step:08}"
    directory.mkdir(parents=True)
    write_json(directory / MANIFEST, {"step": step})


def ended_run(
    runs: Path,
    name: str | None = None,
    *overrides: str,
    reason: str = "finished",
    step: int = STEPS,
    error: str = "",
    tensors: bool = True,
    log: Sequence[bytes] = (b"trained\n",),
    warning: str = "",
) -> RunFolder:
    """Return a run of one attempt that has ended."""
    folder = new_run(runs, name, *overrides)
    attempt = begin(folder)
    write_records(folder, attempt, step, tensors=tensors)
    write_hints(folder, attempt, step)
    folder.log(attempt.number).write_bytes(b"".join(log))
    with EventWriter(folder.events(attempt.number), attempt.number) as events:
        events.write("attempt_started")
        if warning:
            events.write("warning", message=warning)
    end(folder, attempt, reason, step, error, code=int(reason == "failed"))
    return folder


def live_run(runs: Path, name: str | None = None, *, flags: int = 0) -> RunFolder:
    """Return a run whose trainer seems to be this process, at step 12 of 20."""
    folder = new_run(runs, name)
    attempt = begin(folder)
    write_records(folder, attempt, 12)
    write_hints(folder, attempt, 12)
    folder.log(attempt.number).write_bytes(b"training\n")
    beat(folder, flags)
    return folder


def beat(folder: RunFolder, flags: int = 0, step: int = 12) -> None:
    with Heartbeat(folder) as heartbeat:
        heartbeat.beat(step, flags, 0.0, 0.1)


def gone(attempt: Attempt) -> Attempt:
    """Return the attempt as if its process had been another one, gone by now."""
    return dataclasses.replace(attempt, start_ticks=attempt.start_ticks + 1)


def crashed_run(runs: Path, name: str | None = None) -> RunFolder:
    """Return a run whose trainer is gone without a word."""
    folder = new_run(runs, name)
    number = folder.next_attempt()
    me = this_process()
    attempt = Attempt(
        number, me.pid, me.boot_id, me.start_ticks + 1, me.host, ("trainer",), utc_now(), STEPS
    )
    create_attempt(folder, attempt)
    write_records(folder, attempt, 7)
    folder.log(number).write_bytes(b"and then\n")
    return folder


def checkpoint(folder: RunFolder, step: int) -> None:
    """Leave of a checkpoint what can be read without torch."""
    path = folder.checkpoints / f"{step:09d}"
    path.mkdir(parents=True)
    write_json(path / "manifest.json", {"step": step})


def lost_run(runs: Path, name: str | None = None, *, minutes: int = 60) -> RunFolder:
    """Return a run of another machine whose last sign of life is that old, at step 7."""
    folder = new_run(runs, name)
    attempt = Attempt(1, 4242, "0" * 32, 1, "elsewhere", ("trainer",), utc_now(), STEPS)
    create_attempt(folder, attempt)
    write_records(folder, attempt, 7)
    beat(folder, step=7)
    past = time.time() - 60 * minutes
    for path in (folder.attempt_json(1), folder.heartbeat):
        os.utime(path, (past, past))
    return folder
