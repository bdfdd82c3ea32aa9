"""What the log of a step costs the training thread."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from shareconsole.store.records import RecordWriter
from shareconsole.trainer.columns import log_schemas, step_values

if TYPE_CHECKING:
    from shareconsole.trainer.bench.subject import Subject

_STEPS = 100


def logging_seconds(subject: Subject) -> float:
    """CPU seconds per step to write a row, and pi as often as the preset says, to a real file."""
    result, settings = subject.last, subject.preset.train
    assert result is not None
    members = subject.experiment.method.population_size
    scalars = subject.experiment.step_size.scalars()
    parts = {"data": 0.1, "nes": 0.1, "sgd": 0.1, "logging": 0.1}
    with tempfile.TemporaryDirectory(prefix="shareconsole-bench-") as folder:
        metrics, tensors = log_schemas(subject.experiment, 1, 0, settings.steps, "bench")
        with (
            RecordWriter(Path(folder) / "metrics", metrics) as rows,
            RecordWriter(Path(folder) / "tensors", tensors) as states,
        ):
            began = time.process_time()
            for step in range(1, _STEPS + 1):
                values = step_values(result, members, scalars, parts, float(step))
                rows.row("step", step, values)
                if step % settings.assignment_every == 0:
                    for kind, tensor in subject.experiment.method.tensors().items():
                        array = tensor.to(torch.float32).cpu().numpy()
                        states.tensor(kind, step, np.ascontiguousarray(array))
            return (time.process_time() - began) / _STEPS
