"""Commands that train, run and resume: start the detached trainer and follow its folder."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from shareconsole.cli import exits
from shareconsole.cli.console import Color, WatchAsciiOption, WatchColorOption, check_watch
from shareconsole.cli.options import (
    DetachOption,
    PresetArgument,
    QuietOption,
    RunArgument,
    RunsOption,
    SetOption,
    find_run,
    runs_folder,
    runs_words,
)

if TYPE_CHECKING:
    from shareconsole.errors import Problem
    from shareconsole.headless.follow import Interrupts
    from shareconsole.spec.toml import LoadedPreset
    from shareconsole.store.folder import RunFolder

EndJsonOption = Annotated[
    bool, typer.Option("--json", help="At the end print the object of 'show' as JSON.")
]
_FAILURE_LINES = 15


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(run)
    app.command()(resume)


def run(
    preset: PresetArgument,
    overrides: SetOption = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="N", help="Seed of the run.", show_default=False)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="TEXT", help="Name of the run in lists.", show_default=False
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TEXT", help="A further tag. Repeatable.", show_default=False
        ),
    ] = None,
    detach: DetachOption = False,
    as_json: EndJsonOption = False,
    quiet: QuietOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it in the console.")] = False,
    color: WatchColorOption = Color.auto,
    ascii_only: WatchAsciiOption = False,
    runs: RunsOption = None,
) -> int:
    """Train a preset in the background and follow it.

    Ctrl-C stops it after the step with a checkpoint, a second one at once. Closing the terminal
    stops nothing: the trainer is a process of its own.
    """
    check_watch(watch, detach=detach, as_json=as_json, color=color, ascii_only=ascii_only)
    from shareconsole.headless.follow import Interrupts
    from shareconsole.headless.output import say
    from shareconsole.launch import check_room, create_run, start

    loaded = _load(preset, overrides or [], seed, name, tags or [])
    for note in loaded.notes:
        say(f"note: {note}", quiet=quiet)
    directory = runs_folder(runs)
    check_room(loaded.preset, directory, file=preset)
    loaded.preset.data.check_files()
    with Interrupts() as interrupts:
        folder = create_run(loaded, directory)
        trainer = start(folder, narrate=say)
        if not watch:
            say(f"run {folder.id}, trainer process {trainer.attempt.pid}", quiet=quiet or detach)
            return _accompany(folder, interrupts, runs, detach=detach, as_json=as_json, quiet=quiet)
    from shareconsole.console.run import run_console

    return run_console(directory, folder, color=color.value, ascii_only=ascii_only)


def resume(
    run: RunArgument,
    detach: DetachOption = False,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=1,
            help="Train to step N, also beyond the end.",
            show_default=False,
        ),
    ] = None,
    allow_inexact: Annotated[
        bool,
        typer.Option(
            "--allow-inexact",
            help="Resume although the outcome will not be bit-identical; it is recorded.",
        ),
    ] = False,
    as_json: EndJsonOption = False,
    quiet: QuietOption = False,
    runs: RunsOption = None,
) -> int:
    """Continue a paused run, or restart an ended one.

    A stopped, failed or crashed run goes on from its last checkpoint, bit for bit as if it had not
    been interrupted. With --steps a finished run is trained longer.
    """
    from shareconsole.errors import UsageError
    from shareconsole.headless.follow import Interrupts
    from shareconsole.headless.output import say
    from shareconsole.headless.requests import ask, require_run, wait_until
    from shareconsole.headless.resuming import check_restart
    from shareconsole.launch import start
    from shareconsole.store.status import derive_state

    folder = find_run(runs, run)
    require_run(folder, "resume")
    state = derive_state(folder)
    if state.word == "paused":
        if steps is not None or allow_inexact:
            raise UsageError(
                f"{folder.id} is paused and simply goes on; --steps and --allow-inexact are for "
                "restarting a run that has ended"
            )
        with Interrupts() as interrupts:
            ask(folder, "resume")
            wait_until(folder, lambda now: now.word != "paused")
            say(f"{folder.id} continues", quiet=quiet or detach)
            return _accompany(folder, interrupts, runs, detach=detach, as_json=as_json, quiet=quiet)
    for remark in check_restart(folder, state, steps):
        say(remark)
    with Interrupts() as interrupts:
        trainer = start(folder, steps, allow_inexact, narrate=say)
        number, pid = trainer.attempt.number, trainer.attempt.pid
        say(f"run {folder.id}, attempt {number}, trainer process {pid}", quiet=quiet or detach)
        if detach:
            look = shlex.join(["shareconsole", "show", folder.id, *runs_words(runs)])
            say(
                f"whether it goes on exactly is known once its data are loaded: {look}", quiet=quiet
            )
        return _accompany(folder, interrupts, runs, detach=detach, as_json=as_json, quiet=quiet)


def _load(
    preset: str, overrides: list[str], seed: str | None, name: str | None, tags: list[str]
) -> LoadedPreset:
    from shareconsole.errors import PresetError
    from shareconsole.spec.overrides import as_override
    from shareconsole.spec.toml import load_preset

    every = list(overrides)
    typed: dict[str, str] = {}
    if seed is not None:
        every.append(f"run.seed={seed}")
        typed["run.seed"] = "--seed"
    if name is not None:
        every.append(as_override("run.name", name))
        typed["run.name"] = "--name"
    try:
        loaded = load_preset(preset, every)
        if tags:
            # Added to the preset's own, which are known only now.
            typed["run.tags"] = "--tag"
            both = list(dict.fromkeys([*loaded.preset.run.tags, *tags]))
            every.append(as_override("run.tags", both))
            loaded = load_preset(preset, every)
    except PresetError as error:
        raise PresetError([_as_typed(problem, typed) for problem in error.problems]) from None
    return loaded


def _as_typed(problem: Problem, typed: dict[str, str]) -> Problem:
    """Name the option that was typed, where ours stands in for it."""
    from shareconsole.spec.overrides import FILE

    option = typed.get(problem.key.partition("[")[0])
    return replace(problem, file=option) if option and problem.file == FILE else problem


def _accompany(
    folder: RunFolder,
    interrupts: Interrupts,
    runs: str | None,
    *,
    detach: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Follow a run that trains, print its end, and return the exit code."""
    from shareconsole.headless.facts import gather
    from shareconsole.headless.follow import follow
    from shareconsole.headless.output import out, put, put_json, say
    from shareconsole.headless.progress import choose_display
    from shareconsole.headless.report import print_report
    from shareconsole.safe_text import safe_text

    if detach:
        put_json(gather(folder).to_json()) if as_json else put(folder.id)
        return exits.Exit.OK
    display = choose_display(sys.stderr, quiet=quiet)
    try:
        end = follow(folder, display, interrupts)
    finally:
        display.close()
    if end.left:
        say(f"{folder.id} is {end.state.word} and goes on without this command", quiet=quiet)
        return exits.Exit.TERMINATED if end.terminated else exits.Exit.INTERRUPTED
    facts = gather(folder)
    if as_json:
        put_json(facts.to_json())
    else:
        print_report(out(), facts, runs_words=runs_words(runs))
    refused = end.state.refused
    if refused is not None and refused.exit is not None:
        reason = safe_text(refused.exit.error)
        say(f"error: {folder.id} is {end.state.word} as before, attempt {refused.number}: {reason}")
        return exits.Exit.USAGE
    code = exits.of_run(end.state.word, interrupted=end.interrupted)
    if code == exits.Exit.FAILED:
        # On a terminal the report above has said it.
        told = not as_json and sys.stdout.isatty()
        _tell_failure(folder, end.state.word, end.state.reason, told=told)
    return code


def _tell_failure(folder: RunFolder, word: str, reason: str, *, told: bool) -> None:
    """Say that the run failed and how its log ends; the reason once, or not if it was told."""
    from shareconsole.headless.output import say
    from shareconsole.launch import log_tail
    from shareconsole.safe_text import safe_text

    say(f"error: {folder.id} {word}" + (f": {safe_text(reason)}" if reason and not told else ""))
    attempts = folder.attempts()
    tail = log_tail(folder.log(attempts[-1]), _FAILURE_LINES) if attempts else ""
    if reason:
        tail = tail.removesuffix(f"error: {safe_text(reason)}").rstrip("\n")
    if tail:
        say("its log ends with:\n" + "\n".join(f"  {line}" for line in tail.split("\n")))
