"""What tasks share as text, for every kind of tensor but the assignment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from shareconsole.headless.figures import count, hundredths, number
from shareconsole.headless.kinds import arranged, effective_rank, mean_of_units
from shareconsole.headless.split_table import print_split
from shareconsole.headless.styles import HEADING, QUIET, module_colour
from shareconsole.headless.tables import Cell, Page, cell, shortened

if TYPE_CHECKING:
    from shareconsole.headless.kinds import KindFacts

_TASK_CELLS = 24
_UNIT_CELLS = 12
_PAIR_CELLS = 9
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_INDENT = 2


def print_kinds(page: Page, kinds: Sequence[KindFacts]) -> None:
    """Print a section for each kind."""
    for facts in kinds:
        page.section()
        _PRINTERS[facts.kind](page, facts)


# Found once, at the end of a stage; every later record repeats them.
_FIXED = ("tree", "affinity")


def _heading(page: Page, facts: KindFacts, name: str, what: str) -> None:
    when = "" if facts.kind in _FIXED else f" after step {count(facts.step)}"
    page.line(Text.assemble((name, HEADING), (f"{when}: {what}", QUIET)))


def _names(names: Sequence[str], cells: int) -> list[str]:
    return [shortened(name, cells) for name in names]


def _allocation(page: Page, facts: KindFacts) -> None:
    """Tasks x units: the components in use, each at its place."""
    _heading(page, facts, "Allocation", "components in use")
    units, tasks, modules = facts.axes
    used_LTK = facts.values > 0.5
    rows: list[list[Cell]] = [
        [name, *(_components(used_LTK[unit, task], modules) for unit in range(len(units)))]
        for task, name in enumerate(_names(tasks, _TASK_CELLS))
    ]
    print_split(page, ["task", *_names(units, _UNIT_CELLS)], rows)
    mean = number(float(used_LTK.sum(-1).mean()))
    page.line(f"mean {mean} of {len(modules)} in use", indent=_INDENT, style=QUIET)
    for task in np.flatnonzero((~used_LTK.any(-1)).any(0)).tolist():
        # Its output is zero, of whatever came in.
        unit = units[int(np.flatnonzero(~used_LTK[:, task].any(-1))[0])]
        words = f"{tasks[task]} uses none in {unit}: it says the same of every image"
        page.line(words, indent=_INDENT)


def _components(
    used: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], names: Sequence[str]
) -> Text:
    """Their names, dots for those not in use; how many where names are long or many."""
    if len(names) > _UNIT_CELLS or any(len(name) != 1 for name in names):
        return Text(str(int(used.sum())))
    text = Text()
    for place, (name, on) in enumerate(zip(names, used.tolist(), strict=True)):
        text.append_text(cell(name, f"bold {module_colour(place)}") if on else Text("·", QUIET))
    return text


def _tree(page: Page, facts: KindFacts) -> None:
    """Tasks in the order of the leaves x units: tasks on one branch have the same letter."""
    _heading(page, facts, "Tree", "tasks with the same letter share that unit")
    units, tasks = facts.axes
    order, clusters_LT = arranged(facts.values)
    letters = [_lettered(row.tolist()) for row in clusters_LT]
    rows: list[list[Cell]] = []
    for place, name in enumerate(_names([tasks[task] for task in order], _TASK_CELLS)):
        found = [_branch(letters[unit][place]) for unit in range(len(units))]
        rows.append([name, *found])
    branches = [cell(str(len(set(row))), QUIET) for row in letters]
    rows.append([cell("branches", QUIET), *branches])
    print_split(page, ["task", *_names(units, _UNIT_CELLS)], rows)


def _lettered(clusters: Sequence[int]) -> list[int]:
    """The clusters numbered in the order that they appear in."""
    numbers: dict[int, int] = {}
    return [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]


def _branch(number: int) -> Text:
    lap, place = divmod(number, len(_LETTERS))
    return Text(_LETTERS[place] + (str(lap) if lap else ""), f"bold {module_colour(number)}")


def _pairs(page: Page, facts: KindFacts) -> None:
    """Tasks x tasks, the mean over units, and what each unit adds to it."""
    units, tasks, _ = facts.axes
    what = "of the weights of two tasks" if facts.kind == "similarity" else "of two tasks"
    _heading(page, facts, facts.kind.capitalize(), f"{what}, -1 to 1, mean of {len(units)} units")
    mean_TT = mean_of_units(facts.values)
    names = _names(tasks, _TASK_CELLS)
    rows: list[list[Cell]] = [
        [name, *("-" if one == other else _value(value) for other, value in enumerate(row))]
        for one, (name, row) in enumerate(zip(names, mean_TT.tolist(), strict=True))
    ]
    print_split(page, ["task", *_names(tasks, _PAIR_CELLS)], rows)
    apart = ~np.eye(len(tasks), dtype=np.bool_)
    means = [
        Text.assemble(cell(f"{name} ", QUIET), _value(_mean(values[apart])))
        for name, values in zip(_names(units, _UNIT_CELLS), facts.values, strict=True)
    ]
    page.flow(Text("mean of pairs  ", QUIET), means, indent=_INDENT)


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _value(value: float) -> str:
    # No -0.00.
    return hundredths(round(value, 2) + 0.0 if value == value else None)


def _spectrum(page: Page, facts: KindFacts) -> None:
    """Units x singular values, the largest first, and the effective rank."""
    _heading(page, facts, "Spectrum", "effective rank, singular values from the largest on")
    units, ranks = facts.axes
    effective = effective_rank(facts.values)
    rows: list[list[Cell]] = [
        [name, cell(_value(rank), HEADING), *(number(value) for value in values)]
        for name, rank, values in zip(
            _names(units, _TASK_CELLS), effective.tolist(), facts.values.tolist(), strict=True
        )
    ]
    print_split(page, ["unit", "rank", *_names(ranks, _PAIR_CELLS)], rows)


_PRINTERS: dict[str, Callable[[Page, KindFacts], None]] = {
    "allocation": _allocation,
    "tree": _tree,
    "similarity": _pairs,
    "affinity": _pairs,
    "spectrum": _spectrum,
}
