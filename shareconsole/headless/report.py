"""The report of one run: what it reached, what it learned to share, and where to look closer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from shareconsole.headless.assignment import print_assignment
from shareconsole.headless.figures import count, duration, number, percent, steps_progress
from shareconsole.headless.networks import print_networks
from shareconsole.headless.requests import RESTARTABLE
from shareconsole.headless.step_size import print_step_size
from shareconsole.headless.structure import print_kinds
from shareconsole.headless.styles import BAD, GOOD, HEADING, NOTICE, QUIET, state_mark
from shareconsole.headless.tables import Cell, Page, cell, right_side
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from shareconsole.headless.facts import RunFacts

_TASK_CELLS = 32


def print_report(
    console: Console, facts: RunFacts, *, runs_words: Sequence[str] = (), full: bool = False
) -> None:
    """Print the report of a run.

    Args:
        console: where to, and how wide.
        facts: what ``gather`` read.
        runs_words: words of the command line that lead other commands to the same runs folder.
        full: with attempts and settings, as ``show`` prints it.
    """
    page = Page(console)
    _title(page, facts)
    _errors(page, facts)
    if facts.assignment is not None:
        page.section()
        print_assignment(page, facts.assignment)
    print_kinds(page, facts.kinds)
    if facts.step_size is not None:
        page.section()
        print_step_size(page, facts.step_size)
    if full and facts.networks is not None:
        page.section()
        print_networks(page, facts.networks)
    _resumes(page, facts)
    _warnings(page, facts)
    if full:
        _attempts(page, facts)
        _settings(page, facts)
    _hints(page, facts, runs_words, full=full)


def _title(page: Page, facts: RunFacts) -> None:
    summary = facts.summary
    mark, colour = state_mark(summary.state)
    took = f" in {duration(facts.seconds)}" if facts.seconds is not None else ""
    page.line(
        Text.assemble(
            (f"{mark} {summary.state}", f"bold {colour}"),
            "  ",
            (safe_text(summary.name), HEADING),
            f"  {steps_progress(summary.step, summary.steps)}{took}".rstrip(),
        ),
        hanging=2,
    )
    page.line(summary.id, indent=2, style=QUIET)
    page.line(_about(facts), indent=2, style=QUIET)
    if facts.stage is not None:
        stage = facts.stage
        place = f"stage {stage.number} of {stage.count}: "
        page.line(f"{place}{safe_text(stage.progress_text)} steps", indent=2, style=QUIET)
    if summary.tags:
        page.line("tags: " + ", ".join(summary.tags), indent=2, style=QUIET)
    if summary.reason:
        page.line(
            summary.reason,
            indent=2,
            style=BAD if summary.state in ("failed", "crashed") else NOTICE,
        )


def _about(facts: RunFacts) -> str:
    summary = facts.summary
    if facts.identity is not None:
        return f"{summary.method} on {summary.data}, preset {summary.preset}, seed {summary.seed}"
    names = facts.folder.names()
    found = [
        what
        for what, there in (
            ("its attempts", bool(facts.attempts)),
            (f"records up to step {count(summary.step)}", summary.step is not None),
            ("its log", any(name.startswith(("log.", "launch.")) for name in names)),
        )
        if there
    ]
    return "what it trained is not known, as run.json cannot be read; what can be: " + (
        ", ".join(found) or "nothing"
    )


def _errors(page: Page, facts: RunFacts) -> None:
    page.section()
    if facts.evaluated is None:
        page.line("No evaluation yet", style=QUIET)
        return
    after = f" after step {count(facts.evaluated)}, in per cent"
    page.line(Text.assemble(("Test error", HEADING), (after, QUIET)))
    summary = facts.summary
    validated = facts.validation_macro_error is not None
    header: list[Cell] = ["task", "classes", "error", "loss"]
    rows: list[list[Cell]] = [
        [task.name, count(task.classes), percent(task.error, 2), number(task.loss)]
        for task in facts.tasks
    ]
    for title, error in (
        ("macro (mean of tasks)", summary.macro_error),
        ("micro (mean of images)", summary.micro_error),
    ):
        rows.append([cell(title, HEADING), "", cell(percent(error, 2), HEADING), ""])
    if validated:
        header.insert(3, "validation")
        values = [task.validation_error for task in facts.tasks]
        values += [facts.validation_macro_error, facts.validation_micro_error]
        for row, value in zip(rows, values, strict=True):
            row.insert(3, percent(value, 2))
    limits = [_TASK_CELLS, *[None] * (len(header) - 1)]
    page.table(header, rows, ["left", *right_side(len(header) - 1)], limits=limits)
    if facts.chosen is not None:
        chosen = facts.chosen
        errors = f"macro {percent(chosen.macro_error, 2)}, micro {percent(chosen.micro_error, 2)}"
        at = f"test error at the lowest validation error (step {count(chosen.step)}): "
        page.line(f"{at}{errors}", indent=2, hanging=2)


def _resumes(page: Page, facts: RunFacts) -> None:
    if facts.resumes:
        page.section()
    for check in facts.resumes:
        at = f" (attempt {check.attempt}, from step {count(check.from_step)})"
        steps = "1 step" if check.overlap_steps == 1 else f"{count(check.overlap_steps)} steps"
        if not check.overlap_steps and check.identical:
            begun, where = "resumed where the records ended", at
            if not check.seamless:
                begun = f"resumed from step {count(check.from_step)}"
                where = f" (attempt {check.attempt})"
            page.line(Text.assemble(begun, (where, QUIET)))
        elif check.identical:
            page.line(
                Text.assemble(("resume verified", GOOD), f", {steps} bit-identical", (at, QUIET))
            )
        else:
            what = (
                f", {steps} repeated, the first difference at step {count(check.first_difference)}"
            )
            page.line(Text.assemble(("resume not bit-identical", NOTICE), what, (at, QUIET)))


def _warnings(page: Page, facts: RunFacts) -> None:
    if not facts.warnings:
        return
    page.section()
    page.line("Warnings", style=f"bold {NOTICE}")
    for warning in facts.warnings:
        page.line(f"- {warning}", indent=2, hanging=2)


def _attempts(page: Page, facts: RunFacts) -> None:
    if not facts.attempts:
        return
    page.section()
    page.line("Attempts", style=HEADING)
    rows: list[list[Cell]] = []
    for attempt in facts.attempts:
        end = attempt.exit
        reached, why = (count(end.step), end.reason) if end else ("", "")
        ended = [reached, count(attempt.steps), why]
        started = attempt.started[:19].replace("T", " ")
        begun = [str(attempt.number), started, count(attempt.resume_from_step)]
        rows.append([*begun, *ended, str(attempt.pid), attempt.host])
    page.table(
        ["#", "started (UTC)", "from", "to", "aim", "end", "pid", "host"],
        rows,
        ["right", "left", "right", "right", "right", "left", "right", "left"],
    )


def _settings(page: Page, facts: RunFacts) -> None:
    if facts.identity is None or not facts.identity.settings:
        return
    page.section()
    page.line("Settings", style=HEADING)
    settings = facts.identity.settings
    width = max(cell(table).cell_len for table in settings)
    for table, values in settings.items():
        head = cell(table, QUIET)
        head.pad_right(width + 2 - head.cell_len)
        page.flow(head, _pairs(values), indent=2)


def _word(value: Any) -> str:
    # Truth as a preset writes it.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pairs(values: Any) -> list[Text]:
    if not isinstance(values, Mapping):
        return [cell(str(values))]
    pairs = []
    for key, value in values.items():
        values_of = value if isinstance(value, list | tuple) else (value,)
        shown = ", ".join(map(_word, values_of))
        pairs.append(Text.assemble(cell(f"{key} ", QUIET), safe_text(shown) or "-"))
    return pairs


def _resume_hints(facts: RunFacts, run: list[str]) -> list[tuple[list[str], str]]:
    """How the run goes on; after a refusal only in ways that need not meet with the next one."""
    refused, state = facts.refused, facts.summary.state
    restartable = state in RESTARTABLE
    if refused is None or refused.exit is None or not (restartable or state == "finished"):
        return [(["resume", *run], "go on")] if restartable else []
    longer = refused.steps != facts.summary.steps
    words = ["resume", *run, *(["--steps", str(refused.steps)] if longer else [])]
    if refused.exit.inexact:
        return [([*words, "--allow-inexact"], "go on, not bit for bit")]
    return [(words, "once that is put right")]


def _hints(page: Page, facts: RunFacts, runs_words: Sequence[str], *, full: bool) -> None:
    page.section()
    page.line("Look closer", style=HEADING)
    run = [facts.folder.id, *runs_words]
    hints = [(["logs", *run], "its log")]
    if facts.identity is not None:  # else it is refused
        hints.append((["export", *run, "-o", "run.csv"], "every step"))
    if not full:
        hints.insert(0, (["show", *run], "settings"))
    hints += _resume_hints(facts, run)
    commands = [cell(shlex.join(["shareconsole", *words])) for words, _ in hints]
    widest = max(command.cell_len for command in commands)
    for command, (_, what) in zip(commands, hints, strict=True):
        remark = f"{' ' * (widest - command.cell_len)}  # {what}"
        if 2 + command.cell_len + len(remark) <= page.width:
            command.append(remark, style=QUIET)
        page.unbroken(command, indent=2)
