"""Where the stages of a run begin, for whatever is drawn over its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from shareconsole.console.viewmodel.growing import pieces
from shareconsole.safe_text import safe_text
from shareconsole.store.growing import Rows
from shareconsole.store.stages import stage_starts


@dataclass(frozen=True)
class StageMark:
    """A stage that follows another one.

    Attributes:
        start: the step after which it begins.
        name: what the method calls it, safe text.
    """

    start: int
    name: str


def stage_marks(meta: Mapping[str, Any]) -> tuple[StageMark, ...]:
    """Return the stages of a run but for the first, in order; none where it has no stages."""
    return tuple(StageMark(start, safe_text(name)) for name, start in stage_starts(meta)[1:])


def by_stage(
    rows: Rows, before: int, stages: Sequence[StageMark]
) -> Iterator[tuple[Rows, StageMark | None]]:
    """Yield the rows bit by bit, none of two stages; and the stage that begins with a bit.

    Args:
        rows: rows with a column "step", ascending.
        before: the last step of the rows before; 0 for none.
        stages: all but the first, in order.
    """
    starts = [stage.start for stage in stages]
    for piece in pieces(rows):
        # Found by the steps, not counted: the first rows of a stage may be lost.
        cuts = np.searchsorted(piece["step"], starts, side="right").tolist() if starts else []
        for first, last in pairwise(sorted({0, *cuts, len(piece)})):
            part = piece[first:last]
            step = int(part["step"][0])
            begun = [stage for stage in stages if before <= stage.start < step]
            before = int(part["step"][-1])
            yield part, begun[-1] if begun else None
