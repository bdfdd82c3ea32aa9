"""The learned assignment as text: tasks x routed units, the name of the likeliest module.

Two tasks share a unit where they show the same letter in its column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from shareconsole.headless.figures import count, hundredths, number
from shareconsole.headless.split_table import print_split
from shareconsole.headless.styles import HEADING, QUIET, module_colour
from shareconsole.headless.tables import Cell, Page, cell, shortened
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from shareconsole.headless.facts import AssignmentFacts

_TASK_CELLS = 24
_UNIT_CELLS = 10
_PROBABILITY_CELLS = 4
_INDENT = 2


def print_assignment(page: Page, facts: AssignmentFacts) -> None:
    """Print the heading, the table (in as many parts as the width asks for) and the entropy."""
    page.line(
        Text.assemble(
            ("Assignment", HEADING),
            (
                f" after step {count(facts.step)}: likeliest module, its probability in per cent",
                QUIET,
            ),
        )
    )
    tasks = [shortened(task, _TASK_CELLS) for task in facts.tasks]
    titles = [shortened(unit, _UNIT_CELLS) for unit in facts.units]
    choice_cells = max(cell(name).cell_len for name in facts.modules) + _PROBABILITY_CELLS
    unit_cells = max(choice_cells, *(cell(title).cell_len for title in titles))
    rows: list[list[Cell]] = [
        [task, *(_choice(facts, unit, index) for unit in range(len(titles)))]
        for index, task in enumerate(tasks)
    ]
    if facts.rand_index:
        values = (facts.rand_index.get(unit) for unit in facts.units)
        found = (cell(hundredths(value), QUIET) for value in values)
        rows.append([cell("Rand index", QUIET), *found])
    print_split(page, ["task", *titles], rows, column_cells=unit_cells)
    if facts.entropy is not None:
        page.line(f"mean entropy {number(facts.entropy)}", indent=_INDENT, style=QUIET)


def _choice(facts: AssignmentFacts, unit: int, task: int) -> Text:
    module = int(facts.module[unit, task])
    probability = float(facts.probability[unit, task])
    return Text.assemble(
        (safe_text(facts.modules[module]), f"bold {module_colour(module)}"),
        f"{100 * probability:{_PROBABILITY_CELLS}.0f}",
    )
