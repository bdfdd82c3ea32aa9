"""Carry out a job: case by case, entropy by entropy, all engines in turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from shareconsole.errors import RunFailedError
from shareconsole.spec.networks import NETWORKS
from shareconsole.trainer.bench.logging_cost import logging_seconds
from shareconsole.trainer.bench.machine import this_machine
from shareconsole.trainer.bench.made_up import case_data
from shareconsole.trainer.bench.memory import ask_fresh_process, estimated_seconds, in_order
from shareconsole.trainer.bench.peak import conv_gflops
from shareconsole.trainer.bench.rounds import EndedEarlyError, choose_pace, take_rounds, warm_up
from shareconsole.trainer.bench.subject import Subject, UnsuitableError
from shareconsole.trainer.bench.summary import Measured, empty_row, filled_row, reference_of
from shareconsole.trainer.device import DTYPES
from shareconsole.trainer.resolving import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from shareconsole.spec.bench import BenchCase, BenchJob, BenchRow, Entropy, Machine


class Listener(Protocol):
    """Who is told how the measurement goes."""

    def tell(self, kind: str, **facts: Any) -> None:
        """Pass on facts that JSON can say."""
        ...


def carry_out(
    job: BenchJob, device: torch.device, listener: Listener, keep_going: Callable[[], None]
) -> None:
    """Measure everything the job asks for; each row is told as soon as it is known.

    Args:
        job: What to do; all cases have the same device and threads.
        device: Where.
        listener: Told the machine, estimates, progress and rows.
        keep_going: Raises `EndedEarlyError` once somebody wants an end.

    Raises:
        EndedEarlyError: Somebody did; the rows that could be told have been.
    """
    keep_going()
    machine = this_machine(device, DTYPES[job.cases[0].preset.device.dtype])
    listener.tell("machine", **machine.model_dump(mode="json"))
    for number, case in enumerate(job.cases):
        keep_going()
        _Case(job, case, number, device, machine, listener, keep_going).measure()


class _Case:
    """One case of a job."""

    def __init__(
        self,
        job: BenchJob,
        case: BenchCase,
        number: int,
        device: torch.device,
        machine: Machine,
        listener: Listener,
        keep_going: Callable[[], None],
    ) -> None:
        self.job, self.case, self.number = job, case, number
        self.device, self.machine = device, machine
        self.listener, self.keep_going = listener, keep_going
        self.data = case_data(job, case, device)
        self.subjects: list[Subject] = []
        self.unsuited: dict[tuple[str, str | None], str] = {}
        self.rows: dict[tuple[str, str | None, Entropy | None], BenchRow] = {}
        self.conv_gflops: float | None = None

    def measure(self) -> None:
        samplings = self._samplings()
        for engine in self.job.engines:
            for sampling in samplings:
                self._build(engine, sampling)
        entropies: tuple[Entropy | None, ...] = self.job.entropies
        if not any(subject.learns_pi for subject in self.subjects):
            entropies = (None,)
        if not self.subjects:
            for entropy in entropies:
                self._tell_unsuited(entropy)
            return
        self.conv_gflops = self._conv_peak()
        for entropy in entropies:
            self._measure(entropy, left=len(entropies) - entropies.index(entropy))
        if self.job.memory:
            for subject in self.subjects:
                self._measure_memory(subject, entropies)

    def _samplings(self) -> tuple[str | None, ...]:
        chooses = "sampling" in type(self.case.preset.method).model_fields
        return self.job.samplings if chooses else (None,)

    def _build(self, engine: str, sampling: str | None) -> None:
        try:
            self.subjects.append(
                Subject(self.case.preset, engine, sampling, self.device, self.data)
            )
        except UnsuitableError as error:
            self.unsuited[engine, sampling] = str(error)

    def _measure(self, entropy: Entropy | None, left: int) -> None:
        """All subjects with one pi.

        Args:
            entropy: How spread it is.
            left: Entropies that are still to be measured, this one included.
        """
        subjects = self.subjects
        self._progress(entropy, 0, 0)
        works, seconds = warm_up(subjects, entropy, self.keep_going)
        pace = choose_pace(self.job, seconds)
        seconds_left = left * pace.seconds
        if self.job.memory:
            seconds_left += estimated_seconds(subjects, seconds, len(self.job.entropies))
        self.listener.tell("estimate", case=self.number, seconds=seconds_left)
        logging = [logging_seconds(subject) for subject in subjects]
        samples, whole = take_rounds(
            subjects,
            pace,
            self.keep_going,
            lambda done: self._progress(entropy, done, pace.rounds),
        )
        measured = [
            Measured(subject, work, found, pace.steps, spent)
            for subject, work, found, spent in zip(subjects, works, samples, logging, strict=True)
            if found
        ]
        for one in measured:
            subject = one.subject
            row = empty_row(self.case, subject.engine, subject.sampling, entropy, self.device, None)
            reference = reference_of(one, measured)
            self._tell(filled_row(row, one, reference, self.machine, self.conv_gflops))
        self._tell_unsuited(entropy)
        if not whole:
            raise EndedEarlyError

    def _tell_unsuited(self, entropy: Entropy | None) -> None:
        for (engine, sampling), reason in self.unsuited.items():
            self._tell(empty_row(self.case, engine, sampling, entropy, self.device, reason))

    def _conv_peak(self) -> float | None:
        preset = self.case.preset
        shape = self.data.input_shape
        plan = resolve(NETWORKS[preset.network.name].target)(preset.network, shape)
        dtype = DTYPES[preset.device.dtype]
        return conv_gflops(plan, shape, preset.train.batch_size, self.device, dtype)

    def _measure_memory(self, subject: Subject, entropies: tuple[Entropy | None, ...]) -> None:
        ordered = in_order([entropy for entropy in entropies if entropy is not None])
        job = self.job.model_copy(
            update={
                "cases": (self.case,),
                "engines": (subject.engine,),
                "samplings": () if subject.sampling is None else (subject.sampling,),
                "entropies": tuple(ordered),
            }
        )
        self.listener.tell("memory", case=self.number, engine=subject.engine)
        try:
            peaks = ask_fresh_process(job, self.keep_going)
        except RunFailedError as error:
            self.listener.tell("failure", case=self.number, message=str(error))
            return
        known: list[Entropy | None] = [*ordered] or [None]
        for entropy, peak in zip(known, peaks, strict=True):
            row = self.rows[subject.engine, subject.sampling, entropy]
            update = {"peak_memory_bytes": peak.resident, "peak_device_bytes": peak.device}
            self._tell(row.model_copy(update=update))

    def _progress(self, entropy: Entropy | None, done: int, rounds: int) -> None:
        self.listener.tell("progress", case=self.number, entropy=entropy, round=done, rounds=rounds)

    def _tell(self, row: BenchRow) -> None:
        """A row that was told before is replaced."""
        self.rows[row.engine, row.sampling, row.entropy] = row
        self.listener.tell("row", case=self.number, row=row.model_dump(mode="json"))
