"""Run folders and logs made by hand."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from shareconsole.store.attempts import Attempt, create_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.identity import RunIdentity, write_identity
from shareconsole.store.process import ProcessIdentity, this_process
from shareconsole.store.records import LogSchema, RecordWriter, TableSchema, TensorSchema

WHEN = "2026-11-22T01:15:30.000Z"
TABLES = (
    TableSchema("step", (("loss.a", "f4"), ("loss.b", "f4"), ("step_seconds", "f8"))),
    TableSchema("evaluation", (("macro_error", "f8"), ("count", "i8"))),
)
TENSORS = (TensorSchema("assignment", "f4", (1, 2, 2), (("conv1",), ("a", "b"), ("m0", "m1"))),)


def a_schema(attempt: int = 1, resume_from_step: int = 0) -> LogSchema:
    meta = {"tasks": [{"name": "a", "classes": 10}]}
    return LogSchema(attempt, resume_from_step, TABLES, TENSORS, meta)


def losses(step: int) -> list[float]:
    """Different in every step, NaN now and then, exact in f4."""
    return [float("nan") if step % 5 == 0 else step / 8, -step / 16, 0.001 * step]


def write_rows(writer: RecordWriter, first: int, last: int, seconds: float = 0.0) -> None:
    """Steps ``first`` to ``last`` inclusive, an evaluation at every fourth."""
    for step in range(first, last + 1):
        a, b, c = losses(step)
        writer.row("step", step, [a, b, c + seconds])
        if step % 4 == 0:
            writer.row("evaluation", step, [step / 64, step])


def a_tensor(step: int) -> np.ndarray:
    return np.arange(4, dtype=np.float32).reshape(1, 2, 2) + step


def a_folder(runs: Path, name: str = "20261122-011530-digits-7f3a") -> RunFolder:
    folder = RunFolder(runs / name)
    folder.path.mkdir(parents=True)
    folder.control.mkdir()
    return folder


def an_identity(folder: RunFolder, **changes: object) -> RunIdentity:
    identity = RunIdentity(
        id=folder.id,
        name="digits",
        created=WHEN,
        preset="digits",
        preset_sha256=hashlib.sha256(b"").hexdigest(),
        method="learned_sharing",
        data="digits",
        seed=7,
        steps=1000,
        tags=("one", "two"),
        host="here",
    )
    return replace(identity, **changes)  # type: ignore[arg-type]


def a_run(runs: Path, name: str = "20261122-011530-digits-7f3a", **changes: object) -> RunFolder:
    folder = a_folder(runs, name)
    folder.resolved_toml.touch()
    write_identity(folder, an_identity(folder, **changes))
    return folder


def an_attempt(
    folder: RunFolder, number: int = 1, process: ProcessIdentity | None = None, **changes: object
) -> Attempt:
    """Recorded by this process unless another is given."""
    process = process or this_process()
    attempt = Attempt(
        number=number,
        pid=process.pid,
        boot_id=process.boot_id,
        start_ticks=process.start_ticks,
        host=process.host,
        argv=("python", "-m", "shareconsole.trainer"),
        started=WHEN,
        steps=1000,
    )
    attempt = replace(attempt, **changes)  # type: ignore[arg-type]
    create_attempt(folder, attempt)
    return attempt


@contextmanager
def child(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process running ``program``; killed and reaped at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p)),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def says(process: subprocess.Popen[str]) -> str:
    """The next line that a child prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
