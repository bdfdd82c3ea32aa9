"""The command bench."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shareconsole.cli import exits
from shareconsole.cli.completion import complete_preset
from shareconsole.cli.options import JsonOption, QuietOption, SetOption

if TYPE_CHECKING:
    from shareconsole.headless.bench.collect import Collected
    from shareconsole.headless.bench.plan import Wish
    from shareconsole.spec.bench import Results

_DEFAULT = "digits"


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(bench)


def bench(
    preset: Annotated[
        str | None,
        typer.Argument(
            metavar="PRESET",
            help="Name of a preset, or the path of a file; digits where there is none.",
            show_default=False,
            autocompletion=complete_preset,
        ),
    ] = None,
    engines: Annotated[
        str | None,
        typer.Option(
            "--engines",
            metavar="A,B",
            help="Engines: loop, trie, loop-compiled; the first two by default.",
            show_default=False,
        ),
    ] = None,
    entropy: Annotated[
        str | None,
        typer.Option(
            "--entropy",
            metavar="A,B",
            help="States of pi: uniform, or the probability of one module in every row; "
            "by default uniform,0.9,0.99.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="CPU threads.", show_default=False),
    ] = None,
    sampling: Annotated[
        str | None,
        typer.Option(
            "--sampling",
            metavar="A,B",
            help="How assignments are drawn; independent by default.",
            show_default=False,
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            "--rounds", metavar="N", min=1, help="Rounds; 5 to 7 by default.", show_default=False
        ),
    ] = None,
    steps_per_round: Annotated[
        int | None,
        typer.Option(
            "--steps-per-round",
            metavar="N",
            min=1,
            help="Steps in each; by default what takes about 0.15 s.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            metavar="AXIS=N,N",
            help="Instead: time against samples, tasks, modules or depth. Repeatable.",
            show_default=False,
        ),
    ] = None,
    overrides: SetOption = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="NAME", help="auto, cpu, cuda or cuda:N.", show_default=False
        ),
    ] = None,
    real_data: Annotated[
        bool, typer.Option("--real-data", help="The preset's data set, not random images.")
    ] = False,
    memory: Annotated[
        bool, typer.Option("--memory/--no-memory", help="Also measure the peak memory.")
    ] = True,
    every: Annotated[
        bool, typer.Option("--all", help="All shipped presets, heavy ones with few rounds.")
    ] = False,
    fail_below: Annotated[
        float | None,
        typer.Option(
            "--fail-below",
            metavar="RATIO",
            min=0,
            help="Exit with 1 if a ratio to the loop engine is lower.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Save the results.", show_default=False
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="FILE", help="Compare with saved results.", show_default=False
        ),
    ] = None,
    load: Annotated[
        str | None,
        typer.Option(
            "--load",
            metavar="FILE",
            help="Show saved results instead of measuring.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Measure what a training step costs on this machine, engine by engine.

    A step is data, NES, SGD and optimiser, on random images of the preset's
    sizes. All engines take turns in one process.

    Ctrl-C ends it with what was measured so far.
    """
    from shareconsole.headless.bench.collect import Collected
    from shareconsole.headless.bench.plan import Wish
    from shareconsole.headless.bench.saved import check_target
    from shareconsole.headless.bench.saved import load as read

    before = read(Path(compare)) if compare is not None else None
    if output is not None:
        check_target(Path(output))
    if load is not None:
        saved = read(Path(load))
        found = Collected(saved.machine, {row.key: row for row in saved.rows})
    else:
        found = _measure(
            Wish(
                presets=_presets(preset, every=every),
                overrides=tuple(overrides or ()),
                engines=engines,
                samplings=sampling,
                entropies=entropy,
                scales=tuple(scale or ()),
                threads=threads,
                device=device,
                rounds=rounds,
                least_rounds=1 if every else 5,
                steps_per_round=steps_per_round,
                real_data=real_data,
                memory=memory,
            ),
            quiet=quiet,
        )
    return _tell(found, before, compare or "", output, fail_below, as_json=as_json)


def _presets(preset: str | None, *, every: bool) -> tuple[str, ...]:
    """Return what to measure."""
    from shareconsole.errors import UsageError
    from shareconsole.spec.source import preset_files

    if not every:
        return (preset or _DEFAULT,)
    if preset is not None:
        raise UsageError("--all is every shipped preset, so it does not go with one")
    return tuple(file.name for file in preset_files(Path.cwd()) if file.shipped)


def _measure(wish: Wish, *, quiet: bool) -> Collected:
    from shareconsole.headless.bench.collect import collect
    from shareconsole.headless.bench.display import choose_display
    from shareconsole.headless.bench.plan import plan
    from shareconsole.headless.follow import Interrupts

    jobs = plan(wish)
    with Interrupts() as interrupts:
        display = choose_display(sys.stderr, quiet=quiet)
        try:
            return collect(jobs, display, lambda: interrupts.count + 2 * interrupts.terminated)
        finally:
            display.close()


def _tell(
    found: Collected,
    before: Results | None,
    file: str,
    output: str | None,
    fail_below: float | None,
    *,
    as_json: bool,
) -> int:
    """Print and save what was measured; return the exit code."""
    from shareconsole.headless.bench.compare import comparison_json, print_comparison, too_slow
    from shareconsole.headless.bench.saved import save
    from shareconsole.headless.bench.table import print_results
    from shareconsole.headless.output import out, put_json, say

    for failure in found.failures:
        say(f"error: {failure}")
    results = found.results()
    if results is None or not results.rows:
        say("nothing was measured")
        return exits.Exit.INTERRUPTED if found.interrupted else exits.Exit.FAILED
    if output is not None:
        save(results, Path(output))
        say(f"wrote {len(results.rows)} rows to {output}")
    if as_json:
        both = {} if before is None else {"comparison": comparison_json(before, results)}
        put_json(results.model_dump(mode="json") | both)
    else:
        print_results(out(), results)
        if before is not None:
            print_comparison(out(), before, results, file)
    slow = [] if fail_below is None else too_slow(results, fail_below)
    for words in slow:
        say(f"too slow: {words}")
    if found.interrupted:
        return exits.Exit.INTERRUPTED
    return exits.of_checks(passed=not slow and not found.failures)
