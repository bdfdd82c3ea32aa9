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
    put(f"{folder.id} {state.word}")
    if state.word in ENDED:
        return exits.Exit.OK
    later = "as soon as it can" if now else "once its step and a checkpoint are done"
    say(f"{folder.id} has not stopped within {WAIT_SECONDS:.0f} s; it still may, {later}")
    return exits.Exit.LOCKED


def pause(run: RunArgument, runs: RunsOption = None) -> int:
    """Let a run rest after its step; 'resume' continues it."""
    from shareconsole.headless.follow import ENDED
    from shareconsole.headless.output import put, say
    from shareconsole.headless.requests import WAIT_SECONDS, ask, require_state, wait_until

    folder = find_run(runs, run)
    require_state(folder, "pause")
    ask(folder, "pause")
    state = wait_until(folder, lambda state: state.word == "paused" or state.word in ENDED)
    put(f"{folder.id} {state.word}")
    if state.word == "paused":
        return exits.Exit.OK
    if state.word in ENDED:
        say(f"{folder.id} ended before it could pause")
        return exits.of_run(state.word, interrupted=False)
    say(f"{folder.id} has not paused within {WAIT_SECONDS:.0f} s; it still may, after its step")
    return exits.Exit.LOCKED


def checkpoint(run: RunArgument, runs: RunsOption = None) -> int:
    """Save a checkpoint of a run after its step, and print which step that was."""
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
    from shareconsole.store.checkpoints import newest_checkpoint

    folder = find_run(runs, run)
    require_state(folder, "checkpoint")
    before = newest_checkpoint(folder)
    filed = ask(folder, "checkpoint")
    state = wait_until(folder, lambda state: answer(filed) is not None or state.word in ENDED)
    result = answer(filed)
    saved = newest_checkpoint(folder)
    # An answer without a word is one that a full disk did not take.
    if result == "failed" or (result == "" and saved == before):
        raise RunFailedError(f"{folder.id} could not save a checkpoint; 'show' says why")
    if result is not None:
        put(f"{folder.id} {state.word}, checkpoint of step {saved}")
        return exits.Exit.OK
    put(f"{folder.id} {state.word}")
    if state.word in ENDED:
        say(f"{folder.id} ended before it took the request")
        return exits.of_run(state.word, interrupted=False)
    say(
        f"{folder.id} has not saved a checkpoint within {WAIT_SECONDS:.0f} s; "
        "it still may, after its step"
    )
    return exits.Exit.LOCKED
