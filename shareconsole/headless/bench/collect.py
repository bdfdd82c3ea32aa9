"""Have jobs measured one after another, tell how it goes, and gather the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shareconsole.errors import ShareconsoleError
from shareconsole.headless.bench.process import listen
from shareconsole.spec.bench import BenchCase, BenchJob, BenchRow, Machine, Results

if TYPE_CHECKING:
    from shareconsole.headless.bench.display import Display


@dataclass
class Collected:
    """What has been measured so far.

    Attributes:
        machine: where; that of the first job, as all run on the same one.
        rows: in the order they were told.
        interrupted: whether somebody ended it early.
        failures: what went wrong with part of it, one sentence each.
    """

    machine: Machine | None = None
    rows: dict[tuple[object, ...], BenchRow] = field(default_factory=dict)
    interrupted: bool = False
    failures: list[str] = field(default_factory=list)

    def results(self) -> Results | None:
        """As it is saved; None where not even the machine is known."""
        if self.machine is None:
            return None
        rows = tuple(self.rows.values())
        return Results(machine=self.machine, rows=rows, interrupted=self.interrupted)


def collect(jobs: Sequence[BenchJob], display: Display, interrupts: Callable[[], int]) -> Collected:
    """Carry out the jobs.

    What fails does not keep the rest from being measured.

    Args:
        jobs: what to measure, each in a process of its own.
        display: told how it goes.
        interrupts: how often somebody asked for an end by now.

    Raises:
        ShareconsoleError: the only job failed before it found anything.
    """
    found = Collected()
    for job in jobs:
        try:
            for message in listen(job, interrupts):
                _take(found, message, job, display)
        except ShareconsoleError as error:
            if not found.rows and len(jobs) == 1:
                raise
            found.failures.append(f"{job.cases[0].name}: {error}")
        if interrupts():
            found.interrupted = True
            break
    return found


def _take(found: Collected, message: dict[str, Any], job: BenchJob, display: Display) -> None:
    kind = message["kind"]
    if kind == "machine":
        found.machine = found.machine or Machine.model_validate(message)
        return
    case = job.cases[message["case"]]
    if kind == "row":
        row = BenchRow.model_validate(message["row"])
        found.rows[row.key] = row
    elif kind == "failure":
        found.failures.append(f"{called(case)}: {message['message']}")
    elif kind == "estimate":
        display.expect(called(case), message["seconds"])
    elif kind == "memory":
        display.show(f"{called(case)}  memory of {message['engine']}")
    elif kind == "progress":
        words = [called(case)]
        if message["entropy"] is not None:
            words.append(f"pi {message['entropy']}")
        done, rounds = message["round"], message["rounds"]
        words.append(f"round {done} of {rounds}" if rounds else "warming up")
        display.show("  ".join(words))


def called(case: BenchCase) -> str:
    """What to call a case while it is measured."""
    if case.scale is None:
        return case.name
    return f"{case.name}, {case.scale.axis} {case.scale.value}"
