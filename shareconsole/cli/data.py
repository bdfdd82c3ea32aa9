"""The commands data ls, data fetch, data check, data path."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from shareconsole.cli import exits
from shareconsole.cli.completion import complete_file_set
from shareconsole.cli.options import JsonOption, QuietOption

_NAMES = typer.Argument(
    metavar="NAME",
    help="A name of 'data ls', or a data set of a preset for all that it needs.",
    show_default=False,
    autocompletion=complete_file_set,
)
NamesArgument = Annotated[list[str], _NAMES]
OptionalNamesArgument = Annotated[list[str] | None, _NAMES]

data = typer.Typer(
    help="See, fetch and check the published files of data sets.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.add_typer(data, name="data")


@data.command(name="ls")
def list_data(as_json: JsonOption = False) -> None:
    """List the published files that data sets are made of, and which are here."""
    from shareconsole.files.known import FILE_SETS
    from shareconsole.headless.data import print_list, to_json
    from shareconsole.headless.output import UNLIMITED_COLUMNS, out, put_json

    if as_json:
        put_json([to_json(file_set) for file_set in FILE_SETS.values()])
    else:
        print_list(out(columns_without_terminal=UNLIMITED_COLUMNS))


@data.command()
def fetch(names: NamesArgument, quiet: QuietOption = False) -> int:
    """Download published files from where they were published.

    They go to $SHARECONSOLE_DATA, else to your cache folder. A download that was broken off goes on
    where it was; nothing that is there is overwritten.
    """
    from shareconsole.files.fetching import fetch as get
    from shareconsole.files.places import fetch_folder
    from shareconsole.headless.data import file_sets
    from shareconsole.headless.data_progress import FetchDisplay
    from shareconsole.headless.output import say

    sets = file_sets(names)
    try:
        for file_set in sets:
            say(f"{file_set.title}; licence: {file_set.licence}", quiet=quiet)
            say(f"cite: {file_set.citation}", quiet=quiet)
            with FetchDisplay(sys.stderr, quiet=quiet) as display:
                fetched = get(file_set, display)
            where = f"fetched to {fetch_folder(file_set)}" if fetched else "was here already"
            say(f"{file_set.name}: {where}", quiet=quiet)
    except KeyboardInterrupt:
        say("interrupted; what has come is kept, and the same command goes on from there")
        return exits.Exit.INTERRUPTED
    return exits.Exit.OK


@data.command()
def check(names: OptionalNamesArgument = None, as_json: JsonOption = False) -> int:
    """Hold files against their published hashes and their format.

    Without a name, all that are here. The exit code is 1 if any is damaged, or named and not here.
    """
    from shareconsole.files.known import FILE_SETS
    from shareconsole.files.places import look
    from shareconsole.headless.data import examine, file_sets, print_finding
    from shareconsole.headless.output import UNLIMITED_COLUMNS, out, put_json, say
    from shareconsole.headless.tables import Page

    sets = file_sets(names) if names else [each for each in FILE_SETS.values() if look(each)]
    page = Page(out(columns_without_terminal=UNLIMITED_COLUMNS))
    findings = []
    for finding in examine(sets):
        findings.append(finding)
        if not as_json:
            print_finding(page, finding)
    if as_json:
        put_json(
            [
                {"name": item.name, "condition": item.condition, "detail": item.detail}
                for item in findings
            ]
        )
    elif not sets:
        say("no files are here; 'shareconsole data ls' lists what there is to fetch")
    return exits.of_checks(passed=all(item.condition in ("official", "form") for item in findings))


@data.command()
def path(names: OptionalNamesArgument = None) -> None:
    """Print where files lie, one per line; without a name, the folders they are looked for in."""
    from shareconsole.files.places import folders
    from shareconsole.headless.data import file_sets, paths_of
    from shareconsole.headless.output import put

    found = paths_of(file_sets(names)) if names else folders()
    for each in found:
        put(str(each))
