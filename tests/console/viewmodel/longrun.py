"""Runs of any length, written fast: the frames of a million rows are made by numpy."""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import numpy as np

from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.records import RecordWriter
from shareconsole.store.scan import HEADER, MAGIC, ROW_FRAME, VERSION
from shareconsole.store.schema import LogSchema, TableSchema, TensorSchema
from tests.store.builders import WHEN, a_run, an_attempt

TASKS = ("digits", "letters", "kannada")
UNITS = ("conv1", "conv2", "dense1")
MODULES = ("a", "b", "c", "d")
MEMBERS = 8
STEP = TableSchema(
    "step",
    (
        *((f"loss.{task}", "f4") for task in TASKS),
        *((f"fitness.{member}", "f4") for member in range(MEMBERS)),
        ("elapsed_seconds", "f8"),
    ),
)
EVALUATION = TableSchema(
    "evaluation",
    (*((f"test_error.{task}", "f4") for task in TASKS), ("macro_error", "f4"),
     ("micro_error", "f4"), ("entropy", "f4")),
)  # fmt: skip
ASSIGNMENT = TensorSchema("assignment", "f4", (3, 3, 4), (UNITS, TASKS, MODULES))


def a_schema(
    attempt: int = 1, resume_from_step: int = 0, **more: object
) -> tuple[LogSchema, LogSchema]:
    """Schemas of both logs; ``more``: what else they say of the run."""
    meta = {"tasks": [{"name": task, "classes": 10} for task in TASKS], **more}
    return (
        LogSchema(attempt, resume_from_step, (STEP, EVALUATION), (), meta),
        LogSchema(attempt, resume_from_step, (), (ASSIGNMENT,), meta),
    )


def values_at(steps: np.ndarray) -> np.ndarray:
    """The rows of these steps [N]; the same whenever they are made, with a NaN now and then."""
    rows = np.zeros(len(steps), STEP.dtype)
    rows["step"] = steps
    for index, name in enumerate(STEP.dtype.names[1:-1]):
        rows[name] = 2 / (1 + steps / 1000) + 0.3 * np.sin(steps * (1.7 + index)) ** 2
    rows["loss.letters"][steps % 97 == 0] = np.nan
    rows["elapsed_seconds"] = steps / 20
    return rows


def framed(rows: np.ndarray) -> bytes:
    """Row frames of table 0, as ``RecordWriter`` writes them."""
    body = 2 + rows.dtype.itemsize
    block = np.zeros((len(rows), HEADER.size + body), np.uint8)
    head = HEADER.pack(MAGIC, ROW_FRAME, VERSION, body, 0)
    block[:, : HEADER.size] = np.frombuffer(head, np.uint8)
    block[:, HEADER.size + 2 :] = rows.view(np.uint8).reshape(len(rows), -1)
    seed = crc32(head[2:8])
    view = memoryview(block.tobytes())
    stride = block.shape[1]
    crcs = [crc32(view[at + HEADER.size : at + stride], seed) for at in range(0, len(view), stride)]
    block[:, 8 : HEADER.size] = np.array(crcs, "<u4").view(np.uint8).reshape(-1, 4)
    return block.tobytes()


def an_assignment(step: int) -> np.ndarray:
    """[3, 3, 4], each row adding up to 1, sharper as steps go by."""
    logits = np.sin(np.arange(36).reshape(3, 3, 4) * 1.3) * min(6.0, 1 + step / 500)
    chances = np.exp(logits)
    return (chances / chances.sum(-1, keepdims=True)).astype(np.float32)


def open_writers(
    folder: RunFolder, attempt: int = 1, resume_from_step: int = 0, **more: object
) -> tuple[RecordWriter, RecordWriter]:
    """The logs of an attempt, for ``write``."""
    metrics, tensors = a_schema(attempt, resume_from_step, **more)
    return (
        RecordWriter(folder.metrics(attempt), metrics),
        RecordWriter(folder.tensors(attempt), tensors),
    )


def write(writers: tuple[RecordWriter, RecordWriter], step: int) -> None:
    """Everything that a run logs of a step."""
    metrics, tensors = writers
    row = values_at(np.array([step]))[0]
    metrics.row("step", step, list(row)[1:])
    if step % 10 == 0:
        metrics.row("evaluation", step, [1 / step, 2 / step, 0.5, 0.3, 0.3, 1.0])
    if step % 3 == 0:
        tensors.tensor("assignment", step, an_assignment(step))


def a_long_run(runs: Path, num_steps: int, *, num_assignments: int = 2000) -> RunFolder:
    """A finished run with evaluations and assignments spread over its steps."""
    folder = a_run(runs, steps=num_steps, settings={"train": {"steps": num_steps}})
    attempt = an_attempt(folder, steps=num_steps)
    metrics, tensors = a_schema()
    with RecordWriter(folder.metrics(1), metrics) as writer:
        writer.row("evaluation", 0, [0.9] * 6)
    with open(folder.metrics(1), "ab") as file:
        for first in range(1, num_steps + 1, 100_000):
            upto = min(num_steps, first + 99_999)
            file.write(framed(values_at(np.arange(first, upto + 1))))
    with RecordWriter(folder.tensors(1), tensors) as writer:
        for step in range(0, num_steps + 1, max(1, num_steps // num_assignments)):
            writer.tensor("assignment", step, an_assignment(step))
    end_attempt(folder, attempt, AttemptExit(0, "finished", num_steps, "", WHEN))
    return folder


def more_steps(folder: RunFolder, first: int, last: int, attempt: int = 1) -> None:
    """Append the rows of steps ``first`` to ``last`` inclusive."""
    fd = os.open(folder.metrics(attempt), os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, framed(values_at(np.arange(first, last + 1))))
    finally:
        os.close(fd)
