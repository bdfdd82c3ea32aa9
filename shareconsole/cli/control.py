"""Commands that ask a trainer for something: stop, pause, checkpoint."""

from __future__ import annotations

from typing import Annotated

import typer

from shareconsole.cli import exits
from shareconsole.cli.options import RunArgument, RunsOption, find_run


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(stop)
    app.command()(pause)
    app.command()(checkpoint)


def stop(
    run: RunArgument,
    now: Annotated[bool, typer.Option("--now", help="At once, without a checkpoint.")] = False,
    runs: RunsOption = None,
) -> int:
    """Stop a run after its step, with a checkpoint."""
    from shareconsole.headless.follow import ENDED
    from shareconsole.headless.output import put, say
    from shareconsole.headless.requests import (
        WAIT_SECONDS,
        ask_to_stop,
        require_state,
        wait_until,
    )

    folder = find_run(runs, run)
    require_state(folder, "stop")
    ask_to_stop(folder, now=now)
    state = wait_until(folder, lambda state: state.word in ENDED)
    if state.word not in ENDED:
        say(f"{folder.id} has been asked to stop and is at it still after {WAIT_SECONDS:.0f} s")
    put(f"{folder.id} {state.word}")
    return exits.Exit.OK


def pause(run: RunArgument, runs: RunsOption = None) -> int:
    """Let a run rest after its step; 'resume' continues it."""
    from shareconsole.headless.follow import ENDED
    from shareconsole.headless.output import put, say
    from shareconsole.headless.requests import WAIT_SECONDS, ask, require_state, wait_until

    folder = find_run(runs, run)
    require_state(folder, "pause")
    ask(folder, "pause")
    state = wait_until(folder, lambda state: state.word == "paused" or state.word in ENDED)
    if state.word != "paused" and state.word not in ENDED:
        say(f"{folder.id} has been asked to pause and is at it still after {WAIT_SECONDS:.0f} s")
    put(f"{folder.id} {state.word}")
    return exits.Exit.OK


def checkpoint(run: RunArgument, runs: RunsOption = None) -> int:
    """Save a checkpoint of a run after its step."""
    from shareconsole.errors import RunFailedError
    from shareconsole.headless.follow import ENDED
    from shareconsole.headless.output import put, say
    from shareconsole.headless.requests import (
        WAIT_SECONDS,
        answer,
        ask,
        require_state,
        wait_until,
    )

    folder = find_run(runs, run)
    require_state(folder, "checkpoint")
    filed = ask(folder, "checkpoint")
    state = wait_until(folder, lambda state: answer(filed) is not None or state.word in ENDED)
    result = answer(filed)
    if result == "failed":
        raise RunFailedError(f"{folder.id} could not save a checkpoint; 'show' says why")
    if result is None:
        say(f"{folder.id} has not saved a checkpoint within {WAIT_SECONDS:.0f} s")
    put(f"{folder.id} {state.word}")
    return exits.Exit.OK
