"""The command `shareconsole`: its subcommands, and how each one ends."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from shareconsole import __version__
from shareconsole.cli import (
    bench,
    console,
    control,
    data,
    doctor,
    exits,
    models,
    presets,
    reading,
    training,
)
from shareconsole.errors import PresetError, ShareconsoleError
from shareconsole.headless.output import prepare_streams, say

# What writing to a full disk, a terminal that is gone or a stdout for reading only says.
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

app = typer.Typer(
    name="shareconsole",
    help="Train multi-task networks that learn what to share, and follow them from the terminal.",
    epilog="Exit codes: 0 ok, 1 the run failed, 2 usage or preset, 3 locked, 130 interrupted.",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (console, training, reading, models, control, presets, data, bench, doctor):
    group.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shareconsole {__version__}")
        raise typer.Exit


@app.callback()
def _globals(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Train multi-task networks that learn what to share, and follow them from the terminal."""


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; errors are told on stderr."""
    words = console.command_first(arguments)
    try:
        everyday = console.everyday(words)
        if everyday is not None:
            return everyday()
        code = app(args=words, prog_name="shareconsole", standalone_mode=False)
    except PresetError as error:
        # One bare line each, so that an editor finds file:line:column at its beginning.
        say(str(error))
        say(f"error: {_count(error)}; nothing was created")
        return exits.of_error(error)
    except ShareconsoleError as error:
        say(f"error: {error}")
        return exits.of_error(error)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        if context is not None:
            say(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.")
        say(f"error: {error.format_message()}")
        return exits.Exit.USAGE
    except typer.Abort:
        return exits.Exit.INTERRUPTED
    return code if isinstance(code, int) else exits.Exit.OK


def _count(error: PresetError) -> str:
    number = len(error.problems)
    return "one problem with the preset" if number == 1 else f"{number} problems with the preset"


def main() -> NoReturn:
    """Carry out this process's command line and exit."""
    prepare_streams()
    # `shareconsole ls | head` ends when head does, without a word, like every tool in a pipe.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in _CANNOT_WRITE or error.filename is not None:
            raise
        with contextlib.suppress(OSError):  # stderr may be gone with the same terminal
            say(f"error: cannot write the output: {error.strerror}")
        # The interpreter flushes again when it ends, and would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = exits.Exit.FAILED
    sys.exit(code)
