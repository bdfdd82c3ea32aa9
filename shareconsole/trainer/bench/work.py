"""How much one step computes: assignments asked for, and floating point operations carried out."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from shareconsole.spec.bench import COMPILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from shareconsole.sharing.data import Batch
    from shareconsole.sharing.population import Population
    from shareconsole.trainer.bench.subject import Subject


class Work(NamedTuple):
    """One step's work.

    Attributes:
        samples: Assignments that the method had evaluated, NES and SGD together.
        gflop: Convolutions and matrix products in 1e9 operations, a multiply-add being two, as
            torch dispatched them; None where the engine hides them from torch.
    """

    samples: int
    gflop: float | None


def count_work(subject: Subject) -> Work:
    """Take one step and count; it takes several times longer than a plain one.

    What is compiled runs as it was written this time, as torch cannot count in compiled code.
    """
    compiled = subject.engine == COMPILED
    with (
        torch.compiler.set_stance("force_eager") if compiled else nullcontext(),
        _asked(subject.experiment.population) as calls,
        FlopCounterMode(display=False) as counter,
    ):
        subject.steps(1)
    operations = counter.get_total_flops()
    return Work(sum(calls), operations / 1e9 if operations else None)


@contextmanager
def _asked(population: Population) -> Iterator[list[int]]:
    """Note how many assignments each call of an engine is about."""
    calls: list[int] = []

    def noting(call: Callable[[Tensor, Batch], Tensor]) -> Callable[[Tensor, Batch], Tensor]:
        def noted(assignments_SLT: Tensor, batch: Batch) -> Tensor:
            calls.append(len(assignments_SLT))
            return call(assignments_SLT, batch)

        return noted

    names = ("evaluate", "accumulate")
    for name in names:
        setattr(population, name, noting(getattr(population, name)))
    try:
        yield calls
    finally:
        for name in names:
            delattr(population, name)
