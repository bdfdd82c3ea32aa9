"""The learned assignment as text: tasks x routed units, the name of the likeliest module.

Two tasks share a unit where they show the same letter in its column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from shareconsole.headless.figures import count, hundredths, number
from shareconsole.headless.styles import HEADING, QUIET, module_colour
from shareconsole.headless.tables import Cell, Page, cell, right_side, shortened
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from shareconsole.headless.facts import AssignmentFacts

_TASK_CELLS = 24
_UNIT_CELLS = 10
_PROBABILITY_CELLS = 4
_GAP = 2
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
    foot = "Rand index" if facts.rand_index else ""
    task_cells = max(cell(text).cell_len for text in (*tasks, "task", foot))
    choice_cells = max(cell(name).cell_len for name in facts.modules) + _PROBABILITY_CELLS
    unit_cells = max(choice_cells, *(cell(title).cell_len for title in titles))
    fitting = max(1, (page.width - _INDENT - task_cells) // (unit_cells + _GAP))
    for first in range(0, len(titles), fitting):
        units = range(first, min(first + fitting, len(titles)))
        rows: list[list[Cell]] = [
            [task, *(_choice(facts, unit, index) for unit in units)]
            for index, task in enumerate(tasks)
        ]
        if foot:
            values = (facts.rand_index.get(facts.units[unit]) for unit in units)
            rows.append([cell(foot, QUIET), *(cell(hundredths(value), QUIET) for value in values)])
        header = ["task", *(titles[unit] for unit in units)]
        page.table(header, rows, ["left", *right_side(len(units))], indent=_INDENT, gap=_GAP)
    if facts.entropy is not None:
        page.line(f"mean entropy {number(facts.entropy)}", indent=_INDENT, style=QUIET)


def _choice(facts: AssignmentFacts, unit: int, task: int) -> Text:
    module = int(facts.module[unit, task])
    probability = float(facts.probability[unit, task])
    return Text.assemble(
        (safe_text(facts.modules[module]), f"bold {module_colour(module)}"),
        f"{100 * probability:{_PROBABILITY_CELLS}.0f}",
    )
