"""Commands that open the full-screen console: ui, attach."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from shareconsole.cli.options import RunArgument, RunsOption, find_run, runs_folder


class Color(StrEnum):
    """How many colours to draw with."""

    auto = "auto"
    truecolor = "truecolor"
    c256 = "256"
    c16 = "16"
    none = "none"


ColorOption = Annotated[
    Color, typer.Option("--color", help="Colours to draw with; NO_COLOR means none.")
]
AsciiOption = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters alone.")]
OPENING = ("--runs", "--color", "--ascii")
"""Options that make a command line without a command one that opens the list of runs."""


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(ui)
    app.command()(attach)


def ui(
    color: ColorOption = Color.auto, ascii_only: AsciiOption = False, runs: RunsOption = None
) -> int:
    """Open the console: all runs, live. Without a command this is what you get."""
    from shareconsole.console.run import run_console

    return run_console(runs_folder(runs), color=color.value, ascii_only=ascii_only)


def attach(
    run: RunArgument,
    color: ColorOption = Color.auto,
    ascii_only: AsciiOption = False,
    runs: RunsOption = None,
) -> int:
    """Watch a run in the console, live or ended. Leaving it stops nothing."""
    from shareconsole.console.run import require_terminal, run_console

    require_terminal()
    folder = find_run(runs, run)
    return run_console(runs_folder(runs), folder, color=color.value, ascii_only=ascii_only)
