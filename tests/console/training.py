"""A run that seems to train: this process beats its heart and appends its records."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Heartbeat
from shareconsole.store.records import RecordWriter
from tests.console.viewmodel.longrun import (
    a_schema,
    an_assignment,
    framed,
    more_steps,
    values_at,
)
from tests.store.builders import a_run, an_attempt

STEPS = 20_000


def a_training_run(runs: Path, done: int = 10_000, name: str = "20261122-011530-digits-7f3a"):
    """A run of four kinds of records with ``done`` steps behind it, and its trainer is us."""
    folder = a_run(runs, name, steps=STEPS, settings={"train": {"steps": STEPS}})
    an_attempt(folder, steps=STEPS)
    metrics, tensors = a_schema()
    with RecordWriter(folder.metrics(1), metrics) as writer:
        for step in range(0, done + 1, max(1, done // 10)):
            writer.row("evaluation", step, [0.9 / (1 + step / 2000)] * 6)
    with open(folder.metrics(1), "ab") as file:
        file.write(framed(values_at(np.arange(1, done + 1))))
    with RecordWriter(folder.tensors(1), tensors) as writer:
        for step in range(0, done + 1, max(1, done // 200)):
            writer.tensor("assignment", step, an_assignment(step))
    folder.log(1).write_text("training\n")
    with Heartbeat(folder) as heartbeat:
        heartbeat.beat(done, 0, 0.0, 0.05)
    return folder


class Trainer(threading.Thread):
    """Adds steps at a pace, an assignment now and then."""

    def __init__(self, folder: RunFolder, first: int, *, per_second: float = 20) -> None:
        super().__init__(daemon=True)
        self._folder, self._step, self._pause = folder, first, 1 / per_second
        self._end = threading.Event()

    def run(self) -> None:
        with Heartbeat(self._folder) as heartbeat:
            while not self._end.wait(self._pause):
                self._step += 1
                more_steps(self._folder, self._step, self._step)
                heartbeat.beat(self._step, 0, 0.0, 0.05)

    def __enter__(self) -> Trainer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self.join()
