"""Which stage a run is in; names and boundaries come from its own records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

_MOST_STEPS = 2**62


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes:
        name: what the method calls it; foreign text.
        number: its place, from 1.
        count: how many stages the run has.
        start: the step after which it begins.
        end: its last step.
        done: steps of it that are made.
    """

    name: str
    number: int
    count: int
    start: int
    end: int
    done: int

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.end - self.start

    @property
    def progress_text(self) -> str:
        """E.g. ``retrain 1,240/3,000``; made of foreign text."""
        return f"{self.name} {self.done:,}/{self.steps:,}"

    def to_json(self) -> dict[str, Any]:
        """Return the object that machines read."""
        return asdict(self)


def stage_at(meta: Mapping[str, Any], step: int) -> Stage | None:
    """Return the stage that made step ``step``, the first one before any step.

    None where a run has no stages, or its records say nothing that makes sense.

    Args:
        meta: what the newest attempt says of the run (``RunLog.meta``).
        step: the last step made.
    """
    found, steps = stage_starts(meta), meta.get("steps")
    if not found or not isinstance(steps, int):
        return None
    starts = [start for _, start in found]
    place = starts.index(start_of(starts, step))
    name, start = found[place]
    end = min(starts[place + 1], steps) if place + 1 < len(found) else steps
    return Stage(name, place + 1, len(found), start, max(start, end), max(0, step - start))


def stage_starts(meta: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Return each stage's name, foreign text, and the step after which it begins, in order.

    Empty where a run has no stages, or its records say nothing that makes sense.

    Args:
        meta: what the newest attempt says of the run (``RunLog.meta``).
    """
    stages = meta.get("stages")
    if not isinstance(stages, list):
        return ()
    found = tuple(
        (item["name"], item["start"])
        for item in stages
        if isinstance(item, dict)
        and isinstance(item.get("name"), str)
        and isinstance(item.get("start"), int)
        and item["start"] < _MOST_STEPS
    )
    starts = [start for _, start in found]
    ordered = all(before < after for before, after in pairwise(starts))
    if not found or len(found) < len(stages) or starts[0] != 0 or not ordered:
        return ()
    return found


def start_of(starts: Sequence[int], step: int) -> int:
    """Return where the stage began that made step ``step``; 0 before any step and without stages.

    Args:
        starts: the steps after which stages begin, in any order.
        step: a step of the run.
    """
    return max((start for start in starts if start < step), default=0)
