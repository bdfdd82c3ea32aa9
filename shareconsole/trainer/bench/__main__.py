"""`python -m shareconsole.trainer.bench`: read a job from stdin, answer in JSON lines on stdout.

Lines are objects with a "kind": machine, estimate, progress, memory, failure, row (one with the
same key replaces an earlier one), error, and end as the last. The first SIGINT or SIGTERM ends it
after the step; rounds that are whole by then count. Exit codes: 0 measured, whole or not, else as
everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO

from shareconsole.errors import ShareconsoleError
from shareconsole.spec.bench import BenchJob

if TYPE_CHECKING:
    from types import FrameType


class _Lines:
    """Tells facts as JSON lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, kind: str, **facts: Any) -> None:
        self._stream.write(json.dumps({"kind": kind, **facts}, allow_nan=False) + "\n")
        self._stream.flush()


class _Wanted:
    """Whether somebody still wants the answer."""

    def __init__(self) -> None:
        self._ended = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._ended = True

    def keep_going(self) -> None:
        from shareconsole.trainer.bench.rounds import EndedEarlyError

        if self._ended:
            raise EndedEarlyError


def main(argv: list[str] | None = None) -> int:
    """Read the job, measure, answer; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shareconsole.trainer.bench")
    parser.add_argument("--memory", action="store_true", help="take a few steps, print the peaks")
    arguments = parser.parse_args(argv)
    wanted = _Wanted()
    job = BenchJob.model_validate_json(sys.stdin.read())
    # Whatever a library prints must not end up among the answers.
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)
        lines = _Lines(answers)
        try:
            interrupted = (_measure_memory if arguments.memory else _measure)(job, lines, wanted)
        except ShareconsoleError as error:
            lines.tell("error", message=str(error))
            return error.exit_code
        lines.tell("end", interrupted=interrupted)
    return 0


def _measure(job: BenchJob, lines: _Lines, wanted: _Wanted) -> bool:
    """Answer a job; returns whether it was ended early."""
    from shareconsole.trainer.bench.measure import carry_out
    from shareconsole.trainer.bench.rounds import EndedEarlyError
    from shareconsole.trainer.device import resolve_device, set_up

    table = job.cases[0].preset.device
    set_up(table.threads)
    try:
        carry_out(job, resolve_device(table.device), lines, wanted.keep_going)
    except EndedEarlyError:
        return True
    return False


def _measure_memory(job: BenchJob, lines: _Lines, wanted: _Wanted) -> bool:
    """Tell the peaks of a job of one case, engine and sampling; nobody ends this early."""
    del wanted
    from shareconsole.trainer.bench.made_up import case_data
    from shareconsole.trainer.bench.memory import tell_peaks
    from shareconsole.trainer.device import resolve_device, set_up

    table = job.cases[0].preset.device
    set_up(table.threads)
    device = resolve_device(table.device)
    data = case_data(job, job.cases[0], device)
    tell_peaks(job, device, data, lambda peak: lines.tell("peak", **peak._asdict()))
    return False


if __name__ == "__main__":
    sys.exit(main())
