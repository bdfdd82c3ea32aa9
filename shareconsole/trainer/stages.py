"""The stages of a run as the trainer sees them: when one begins and ends, and that it is told."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shareconsole.spec.method.table import MethodTable
    from shareconsole.trainer.journal import Journal


class Stages:
    """What a method's options say of stages; the method itself goes from one to the next.

    Attributes:
        ends: The steps after which a stage ends that another one follows.
        starts: The steps after which stages begin.
    """

    def __init__(self, options: MethodTable, steps: int) -> None:
        """Take the stages of a run that this attempt trains to step `steps`."""
        stages = options.stages()
        bounds = [*(min(stage.start, steps) for stage in stages), steps]
        self.ends = frozenset(stage.start for stage in stages[1:])
        self.starts = tuple(stage.start for stage in stages)
        self._begins = {
            stage.start: (stage.name, end)
            for stage, (_, end) in zip(stages, pairwise(bounds), strict=True)
        }

    def announce(self, step: int, journal: Journal) -> None:
        """Say that a stage begins, if the one step after `step` is its first."""
        if step in self._begins:
            name, end = self._begins[step]
            journal.event("stage", name=name, start=step, end=end)
            print(f"stage {name}: steps {step + 1:,} to {end:,}", flush=True)
