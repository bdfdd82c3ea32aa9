"""Have a job measured by a process of its own, and hear it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shareconsole.headless.torch_process import hear, module_command
from shareconsole.spec.bench import BenchJob

MODULE = "shareconsole.trainer.bench"


def listen(
    job: BenchJob, interrupts: Callable[[], int], *, command: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Start the process and yield what it tells, to the end.

    The first interrupt asks it to end after its step.

    Args:
        job: what to measure.
        interrupts: how often somebody asked for an end by now.
        command: what to start instead, for tests.

    Raises:
        UsageError: it refused the job.
        RunFailedError: it died; the message ends with the last lines it wrote.
    """
    words = command or module_command(MODULE)
    threads = job.cases[0].preset.device.threads
    return hear(words, job.model_dump_json(), threads, interrupts, "the measuring process")
