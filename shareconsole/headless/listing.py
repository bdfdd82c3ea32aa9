"""The list of runs: fits the terminal with its ids whole, complete and uncut elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from shareconsole.headless.figures import NONE, age, percent, short_count
from shareconsole.headless.styles import HEADING, QUIET, state_mark
from shareconsole.headless.tables import Side, aligned, cell, natural_widths
from shareconsole.store.status import DISK_FULL

if TYPE_CHECKING:
    from rich.console import Console

    from shareconsole.store.index import RunSummary

_HEADER = ("id", "state", "method", "data", "step/steps", "error", "age", "name")
_SIDES: tuple[Side, ...] = ("left", "left", "left", "left", "right", "right", "right", "left")
_ID, _STATE, _METHOD, _DATA, _STEPS, _ERROR, _AGE, _NAME = range(8)
_GAP = 1
# What gives way on a narrow terminal, in this order, and to how few cells; 0 leaves it out. An id
# is what people copy, so it is never cut.
_GIVING_WAY = (
    (_DATA, 6),
    (_METHOD, 10),
    (_DATA, 0),
    (_METHOD, 0),
    (_AGE, 0),
    (_STEPS, 0),
    (_ERROR, 0),
)
# On fewer columns than this only id and state are shown.
_LEAST_COLUMNS = 60
_LEAST_NAME_CELLS = 12


def print_runs(console: Console, runs: Sequence[RunSummary], *, cut: bool) -> None:
    """Print a line per run; a name that is not the preset's gets a column or a second line.

    So does the reason of a run that cannot be read, or that waits for room on the disk.

    Args:
        console: where to.
        runs: in the order to print.
        cut: shorten what does not fit the console's width.
    """
    now = datetime.now(UTC)
    rows = [_row(run, now) for run in runs]
    widths = natural_widths([_HEADER, *rows])
    named = any(row[_NAME] for row in rows)
    before_name = _total(widths[:_NAME])
    below = cut and named and before_name + _GAP + _LEAST_NAME_CELLS > console.width
    if below or not named:
        widths[_NAME] = 0
    if cut:
        if widths[_NAME]:
            widths[_NAME] = min(widths[_NAME], console.width - _GAP - before_name)
        _fit(widths, console.width)
    narrow = cut and console.width < _LEAST_COLUMNS
    if narrow:
        widths[_STATE + 1 :] = [0] * (len(widths) - _STATE - 1)
    lines = [aligned([cell(title, QUIET) for title in _HEADER], widths, _SIDES, _GAP)]
    for run, row in zip(runs, rows, strict=True):
        cells = [cell(value) for value in row]
        cells[_STATE].stylize(state_mark(run.state)[1])
        cells[_ERROR].stylize(HEADING)
        lines.append(aligned(cells, widths, _SIDES, _GAP))
        remarks = [row[_NAME]] if below and not narrow else []
        remarks.append(_remark(run))
        for remark in filter(None, remarks):
            if not cut:
                # A list that goes to a pipe has a line per run.
                lines[-1].append_text(cell(f"  ({remark})", QUIET))
                continue
            line = cell(f"  {remark}", QUIET)
            line.truncate(console.width, overflow="ellipsis")
            lines.append(line)
    console.print(Text("\n").join(lines), soft_wrap=True)


def _row(run: RunSummary, now: datetime) -> list[str]:
    return [
        run.id,
        f"{state_mark(run.state)[0]} {run.state}",
        run.method or NONE,
        run.data or NONE,
        NONE if run.steps is None else f"{short_count(run.step)}/{short_count(run.steps)}",
        percent(run.macro_error, 2),
        age(run.created, now),
        "" if run.name == run.preset else run.name,
    ]


def _remark(run: RunSummary) -> str:
    """What a list must say of a run besides its state."""
    return run.reason if run.state == "unreadable" or run.reason == DISK_FULL else ""


def _total(widths: Sequence[int]) -> int:
    shown = [width for width in widths if width]
    return sum(shown) + _GAP * (len(shown) - 1)


def _fit(widths: list[int], room: int) -> None:
    for column, least in _GIVING_WAY:
        excess = _total(widths) - room
        if excess <= 0:
            return
        kept = max(min(least, widths[column]), widths[column] - excess)
        widths[column] = kept if least else 0
