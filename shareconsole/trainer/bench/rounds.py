"""Measure several engines in turns, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from shareconsole.errors import ShareconsoleError
from shareconsole.spec.bench import COMPILED
from shareconsole.trainer.bench.work import count_work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shareconsole.spec.bench import BenchJob, Entropy
    from shareconsole.trainer.bench.subject import Sample, Subject
    from shareconsole.trainer.bench.work import Work

_ROUND_SECONDS = 0.15
"""Of the slowest engine, where the job does not say how many steps a round has."""
_TOTAL_SECONDS = 1.5
"""Of all rounds of one entropy, where that is more than the least number of rounds."""
_MOST_ROUNDS = 7
_MOST_STEPS = 200
_WARM_SECONDS = 1.0
"""A step that takes longer is warm after the one that is counted."""


class EndedEarlyError(ShareconsoleError):
    """Somebody wants the measurement to end."""


class Pace(NamedTuple):
    """How long to measure: rounds, steps in each, and what they take by the clock in all."""

    rounds: int
    steps: int
    seconds: float


def warm_up(
    subjects: Sequence[Subject], entropy: Entropy | None, keep_going: Callable[[], None]
) -> tuple[list[Work], list[float]]:
    """Let every subject take its first steps with this pi.

    All take the same number, so that they go on drawing the same assignments.

    Returns:
        The work of a step, and its seconds by the clock, of each subject.
    """
    works: list[Work] = []
    counted: list[float] = []
    for subject in subjects:
        subject.hold(entropy)
    if any(subject.engine == COMPILED for subject in subjects):
        # Compiling takes longer than any step, and would be taken for one.
        for subject in subjects:
            keep_going()
            subject.steps(1)
    for subject in subjects:
        keep_going()
        began = time.perf_counter()
        works.append(count_work(subject))
        counted.append(time.perf_counter() - began)
    if max(counted) > _WARM_SECONDS:
        return works, counted
    keep_going()
    return works, [min(subject.steps(2).wall / 2, subject.steps(1).wall) for subject in subjects]


def choose_pace(job: BenchJob, seconds: Sequence[float]) -> Pace:
    """How many rounds and steps suit steps that take so many seconds."""
    steps = job.steps_per_round
    if steps is None:
        steps = max(1, min(_MOST_STEPS, round(_ROUND_SECONDS / max(seconds))))
    round_seconds = steps * sum(seconds)
    rounds = job.rounds
    if rounds is None:
        fitting = int(_TOTAL_SECONDS / round_seconds)
        rounds = max(job.least_rounds, min(_MOST_ROUNDS, fitting))
    return Pace(rounds, steps, rounds * round_seconds)


def take_rounds(
    subjects: Sequence[Subject],
    pace: Pace,
    keep_going: Callable[[], None],
    tell: Callable[[int], None],
) -> tuple[list[list[Sample]], bool]:
    """Measure round by round; who begins changes from round to round.

    Args:
        subjects: Warmed up.
        pace: How long.
        keep_going: Asked before every step.
        tell: Told the number of each round that is done.

    Returns:
        The samples of each subject, one per whole round, and whether all rounds were taken.
    """
    samples: dict[int, list[Sample]] = defaultdict(list)
    for number in range(pace.rounds):
        found: dict[int, Sample] = {}
        try:
            for turn in range(len(subjects)):
                index = (turn + number) % len(subjects)
                found[index] = subjects[index].steps(pace.steps, keep_going)
        except EndedEarlyError:
            return [samples[i] for i in range(len(subjects))], False
        for index, sample in found.items():
            samples[index].append(sample)
        tell(number + 1)
    return [samples[i] for i in range(len(subjects))], True
