"""The arguments and options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shareconsole.cli.completion import complete_preset, complete_run
from shareconsole.headless import commands

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder

RunsOption = Annotated[
    str | None,
    typer.Option(
        "--runs",
        metavar="DIR",
        help="Folder of all runs; else $SHARECONSOLE_RUNS, else ./runs.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, the beginning of one, or 'latest'.",
        show_default=False,
        autocompletion=complete_run,
    ),
]
PresetArgument = Annotated[
    str,
    typer.Argument(
        metavar="PRESET",
        help="Name of a preset, or the path of a file (contains a slash or ends in .toml).",
        show_default=False,
        autocompletion=complete_preset,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one setting by its dotted key: --set train.steps=200. Repeatable.",
        show_default=False,
    ),
]
DetachOption = Annotated[
    bool,
    typer.Option("--detach", help="Print the id and return; training goes on in the background."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the end.")]


def runs_folder(option: str | None) -> Path:
    """Return the folder of all runs, which need not exist yet."""
    return Path(option).expanduser() if option else commands.default_runs()


def find_run(runs: str | None, run: str) -> RunFolder:
    """Return the folder of the run that the user means.

    Raises:
        UsageError: there is none, or the prefix fits several.
    """
    from shareconsole.store.index import resolve

    return resolve(runs_folder(runs), run)


def runs_words(runs: str | None) -> list[str]:
    """Return the words that lead another command to the same runs folder."""
    return commands.runs_words(runs_folder(runs))
