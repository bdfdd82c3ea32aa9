"""Commands that only read: ls, show, logs, export."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from shareconsole.cli.options import (
    JsonOption,
    RunArgument,
    RunsOption,
    find_run,
    runs_folder,
    runs_words,
)

if TYPE_CHECKING:
    from shareconsole.store.reader import RunLog


class ExportFormat(StrEnum):
    """How `export` writes."""

    csv = "csv"
    jsonl = "jsonl"


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command(name="ls")(list_runs)
    app.command()(show)
    app.command()(logs)
    app.command()(export)


def list_runs(
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="KEY",
            help="Key of the JSON; -KEY reverses. [default: -created]",
            show_default=False,
        ),
    ] = None,
    expression: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="EXPR",
            help="Such as 'method:learned_sharing macro_error<0.12 -tag:bad word'.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """List the runs, newest first.

    best_macro_error is the least of the stage that was evaluated last.
    """
    from shareconsole.headless.output import put_json, say
    from shareconsole.store.filters import parse_filter, sort_runs
    from shareconsole.store.index import list_runs as find
    from shareconsole.store.index import other_folders

    # Both are checked before anything is read: a typing error is told at once.
    keep = parse_filter(expression) if expression is not None else None
    directory = runs_folder(runs)
    everything = find(directory)
    others = other_folders(directory)
    if others:
        folders = "1 folder" if others == 1 else f"{others} folders"
        say(f"note: {folders} in {directory} left out: by their names they are no runs")
    found = [run for run in everything if keep is None or keep(run)]
    if sort is not None:
        found = sort_runs(found, sort)
    if as_json:
        put_json([run.to_json() for run in found])
        return
    if not found:
        say("no run fits the filter" if everything else f"no runs in {directory}")
        return
    from shareconsole.headless.listing import print_runs
    from shareconsole.headless.output import UNLIMITED_COLUMNS, is_terminal, out

    console = out(columns_without_terminal=UNLIMITED_COLUMNS)
    print_runs(console, found, cut=is_terminal(sys.stdout))


def show(run: RunArgument, as_json: JsonOption = False, runs: RunsOption = None) -> None:
    """Show one run: errors, assignment, settings, attempts.

    best_macro_error (--json) is the least of the stage that was evaluated last.
    """
    from shareconsole.headless.facts import gather
    from shareconsole.headless.output import out, put_json
    from shareconsole.headless.report import print_report

    facts = gather(find_run(runs, run))
    if as_json:
        put_json(facts.to_json())
    else:
        print_report(out(), facts, runs_words=runs_words(runs), full=True)


def logs(
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line of the log.")
    ] = False,
    runs: RunsOption = None,
) -> None:
    """Print what the trainer printed."""
    from shareconsole.headless.logs import follow_log, read_log
    from shareconsole.headless.output import put_json
    from shareconsole.safe_text import safe_text

    folder = find_run(runs, run)
    for line in follow_log(folder) if follow else read_log(folder):
        if line is None:
            sys.stdout.flush()
        elif as_json:
            put_json({"attempt": line.attempt, "line": line.text}, one_line=True)
        else:
            print(safe_text(line.text))


def export(
    run: RunArgument,
    format: Annotated[
        ExportFormat, typer.Option("--format", help="CSV, or one JSON object per step.")
    ] = ExportFormat.csv,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File to write, instead of stdout.",
            show_default=False,
        ),
    ] = None,
    runs: RunsOption = None,
) -> None:
    """Write every step of a run as CSV or JSON lines.

    One row per step with the evaluations joined in. Errors are fractions.
    """
    from shareconsole.headless.damage import FINAL_STATES, record_notes
    from shareconsole.headless.output import say
    from shareconsole.headless.requests import require_run
    from shareconsole.store.reader import RunLog
    from shareconsole.store.status import derive_state

    folder = find_run(runs, run)
    require_run(folder, "export")
    state = derive_state(folder)
    log = RunLog(folder)
    log.refresh(final=state.word in FINAL_STATES)
    if output is None or output == "-":
        _write(log, format, sys.stdout)
    else:
        _write_file(log, format, output)
    for note in record_notes(log, state):
        say(f"warning: {note}")


def _write(log: RunLog, format: ExportFormat, stream: TextIO) -> None:
    from shareconsole.store.export import write_csv, write_jsonl

    (write_csv if format is ExportFormat.csv else write_jsonl)(log, stream)


def _write_file(log: RunLog, format: ExportFormat, output: str) -> None:
    from pathlib import Path

    from shareconsole.errors import ShareconsoleError
    from shareconsole.headless.output import say

    path = Path(output)
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            _write(log, format, stream)
    except OSError as error:
        raise ShareconsoleError(f"cannot write {path}: {error.strerror or error}") from error
    say(f"wrote {len(log.table('step')):,} steps to {path}")
