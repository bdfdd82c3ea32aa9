"""Peak memory of one engine, which needs a process that has run nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

import torch

from shareconsole.errors import RunFailedError
from shareconsole.trainer.bench.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shareconsole.sharing.data import MultiTaskData
    from shareconsole.spec.bench import BenchJob, Entropy

_POLL_SECONDS = 0.05
_START_SECONDS = 4.0
"""What a process takes to load torch and build an experiment."""


class Peak(NamedTuple):
    """Most resident memory of the process and most memory of a GPU's tensors, in bytes."""

    resident: int | None
    device: int | None


def in_order(entropies: Sequence[Entropy]) -> list[Entropy]:
    """From the most concentrated pi to the uniform one, so that memory only grows."""
    return sorted(entropies, key=lambda entropy: 0.0 if entropy == "uniform" else -entropy)


def estimated_seconds(
    subjects: Sequence[Subject], step_seconds: Sequence[float], num_entropies: int
) -> float:
    """What it takes to ask about every subject, given the seconds of their steps."""
    return _START_SECONDS * len(subjects) + (num_entropies + 1) * sum(step_seconds)


def ask_fresh_process(job: BenchJob, keep_going: Callable[[], None]) -> list[Peak]:
    """The peaks of a job with one case, engine and sampling, one per entropy in its order.

    A peak is that of all steps so far: what was freed may still be held for the next ones.

    Raises:
        RunFailedError: The process died.
    """
    command = [sys.executable, "-P", "-m", "shareconsole.trainer.bench", "--memory"]
    with tempfile.TemporaryFile() as task:
        task.write(job.model_dump_json().encode())
        task.seek(0)
        with subprocess.Popen(command, stdin=task, stdout=subprocess.PIPE) as process:
            try:
                while process.poll() is None:
                    keep_going()
                    time.sleep(_POLL_SECONDS)
            except BaseException:
                process.kill()
                raise
            assert process.stdout is not None
            lines = [json.loads(line) for line in process.stdout]
    if process.returncode != 0:
        why = "".join(f": {line['message']}" for line in lines if line["kind"] == "error")
        raise RunFailedError(
            f"the process for the memory of {job.engines[0]} ended with {process.returncode}{why}"
        )
    return [Peak(line["resident"], line["device"]) for line in lines if line["kind"] == "peak"]


def tell_peaks(
    job: BenchJob, device: torch.device, data: MultiTaskData, tell: Callable[[Peak], None]
) -> None:
    """In the fresh process: tell the peaks of one case, engine and sampling, entropy by entropy."""
    [case], [engine] = job.cases, job.engines
    sampling = job.samplings[0] if job.samplings else None
    subject = Subject(case.preset, engine, sampling, device, data)
    for entropy in job.entropies or (None,):
        subject.hold(entropy)
        # The first step makes the optimiser's state, so only a second one has it all along.
        subject.steps(2 if subject.last is None else 1)
        on_gpu = device.type == "cuda"
        tell(Peak(_resident(), torch.cuda.max_memory_allocated(device) if on_gpu else None))


def _resident() -> int | None:
    """Most memory this process ever had, as the kernel says; None where it does not."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except OSError:  # not Linux
        pass
    return None
