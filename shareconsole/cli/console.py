"""Commands that open the full-screen console: ui, attach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from shareconsole.cli.options import RunArgument, RunsOption, find_run, runs_folder
from shareconsole.errors import UsageError


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
WatchColorOption = Annotated[
    Color, typer.Option("--color", help="With --watch: colours to draw with.")
]
WatchAsciiOption = Annotated[
    bool, typer.Option("--ascii", help="With --watch: draw with ASCII characters alone.")
]
_WITH_VALUE = ("--runs", "--color")
_OPENING = (*_WITH_VALUE, "--ascii")


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


def command_first(words: Sequence[str]) -> list[str]:
    """Return a command line with its command in front of the options that were typed before it.

    Without a command these options open the list of runs.
    """
    rest = list(words)
    options: list[str] = []
    while rest and rest[0].partition("=")[0] in _OPENING:
        options.append(rest.pop(0))
        if options[-1] in _WITH_VALUE and rest:
            options.append(rest.pop(0))
    if not options:
        return rest
    named = bool(rest) and not rest[0].startswith("-")
    return [rest.pop(0) if named else "ui", *options, *rest]


def everyday(words: Sequence[str]) -> Callable[[], int] | None:
    """Return what a plain command line that opens the console asks for; None if typer is to tell.

    typer loads pydantic, to parse next to nothing: 0.1 s before the first row.
    """
    command, *rest = words or ["ui"]
    if command not in ("ui", "attach"):
        return None
    names: list[str] = []
    options: dict[str, Any] = {}
    following = iter(rest)
    for word in following:
        option, sign, value = word.partition("=")
        if word == "--ascii":
            options["ascii_only"] = True
        elif option in ("--runs", "--color"):
            value = value if sign else next(following, "-")
            if value.startswith("-") or (option == "--color" and value not in set(Color)):
                return None
            options[option[2:]] = Color(value) if option == "--color" else value
        elif word.startswith("-"):
            return None
        else:
            names.append(word)
    if len(names) != (command == "attach"):
        return None
    return partial(attach, names[0], **options) if names else partial(ui, **options)


def check_watch(
    watch: bool, *, detach: bool, as_json: bool, color: Color, ascii_only: bool
) -> None:
    """Refuse what does not go with watching or needs it, before anything is made.

    Raises:
        UsageError: two options contradict each other, or this is no terminal to draw on.
    """
    if not watch:
        if ascii_only or color is not Color.auto:
            raise UsageError(f"{'--ascii' if ascii_only else '--color'} goes with --watch")
        return
    if detach or as_json:
        raise UsageError(f"--watch does not go with {'--detach' if detach else '--json'}")
    from shareconsole.console.run import require_terminal

    require_terminal()
