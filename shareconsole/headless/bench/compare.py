"""Two results side by side: what became faster, and whether that may be compared at all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from shareconsole.headless.bench.words import engine_name, entropy_name, step_ms
from shareconsole.headless.figures import NONE, number
from shareconsole.headless.styles import BAD, GOOD, HEADING, NOTICE, QUIET
from shareconsole.headless.tables import Cell, Page, Side, cell, right_side
from shareconsole.spec.bench import REFERENCE

if TYPE_CHECKING:
    from rich.console import Console

    from shareconsole.spec.bench import BenchRow, Machine, Results

_HEADER = ("size", "pi", "engine", "then ms", "now ms", "then/now")
_SIDES: tuple[Side, ...] = ("left", "left", "left", *right_side(3))
# Medians of a few rounds on a machine that does other things differ by this much by themselves.
_NOISE = 0.1
_OF_MACHINE = ("processor", "cores", "device", "python", "torch", "environment")
_OF_WORK = ("tasks", "modules", "units", "samples", "batch_size", "method", "network", "data")


class Comparison(NamedTuple):
    """A row as it was and as it is, and how many times faster it has become."""

    then: BenchRow
    now: BenchRow
    faster: float | None


def compare(then: Results, now: Results) -> list[Comparison]:
    """Return what both have, in the order of ``now``."""
    before = {row.key: row for row in then.rows}
    pairs = [(before[row.key], row) for row in now.rows if row.key in before]
    return [Comparison(old, new, _faster(old, new)) for old, new in pairs]


def machine_differences(then: Machine, now: Machine) -> list[str]:
    """Return what is not the same about the machines, as "torch: 2.12 then, 2.13 now"."""
    found = []
    for name in _OF_MACHINE:
        old, new = getattr(then, name), getattr(now, name)
        if isinstance(old, dict):
            keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            found += [f"{key}: {old.get(key, NONE)} then, {new.get(key, NONE)} now" for key in keys]
        elif old != new:
            found.append(f"{name}: {old} then, {new} now")
    return found


def comparison_json(then: Results, now: Results) -> dict[str, Any]:
    """Return the comparison as ``--json`` prints it beside the results; times in milliseconds."""
    return {
        "machine_differences": machine_differences(then.machine, now.machine),
        "rows": [
            {
                "preset": pair.now.preset,
                "engine": pair.now.engine,
                "sampling": pair.now.sampling,
                "entropy": pair.now.entropy,
                "threads": pair.now.threads,
                "scale": pair.now.scale and pair.now.scale.model_dump(),
                "then_ms": step_ms(pair.then),
                "now_ms": step_ms(pair.now),
                "faster": pair.faster,
                "other_work": _other_work(pair),
            }
            for pair in compare(then, now)
        ],
    }


def too_slow(results: Results, least: float) -> list[str]:
    """Return in words every row whose ratio to the loop engine is below ``least``."""
    return [
        f"{row.preset}, pi {entropy_name(row.entropy)}, {engine_name(row)}: "
        f"{row.ratio:.2f} times the speed of {REFERENCE}, below {least:g}"
        for row in results.rows
        if row.engine != REFERENCE and row.ratio is not None and row.ratio < least
    ]


def print_comparison(console: Console, then: Results, now: Results, file: str) -> None:
    """Print a table per preset, and before it what makes the two differ for other reasons."""
    page = Page(console)
    console.print()
    page.unbroken(cell(f"Compared with {file}", HEADING))
    for difference in machine_differences(then.machine, now.machine):
        page.line(f"another machine, {difference}", style=NOTICE, hanging=2)
    pairs = compare(then, now)
    if not pairs:
        page.line("no row is in both", style=NOTICE)
        return
    for preset, group in groupby(pairs, key=lambda pair: pair.now.preset):
        _print_preset(page, preset, [*group])
    missing = len({row.key for row in then.rows} - {row.key for row in now.rows})
    if missing:
        page.line(f"{missing} more rows are only in {file}", style=QUIET)


def _print_preset(page: Page, preset: str, pairs: Sequence[Comparison]) -> None:
    page.section()
    page.line(preset, style=HEADING)
    changed = sorted({word for pair in pairs for word in _other_work(pair)})
    for words in changed:
        page.line(f"another task, {words}", style=NOTICE, hanging=2)
    rows: list[list[Cell]] = [
        [
            f"{pair.now.scale.axis} {pair.now.scale.value}" if pair.now.scale else "",
            entropy_name(pair.now.entropy),
            engine_name(pair.now),
            number(step_ms(pair.then)),
            number(step_ms(pair.now)),
            _coloured(pair.faster),
        ]
        for pair in pairs
    ]
    page.table(_HEADER if any(row[0] for row in rows) else ("", *_HEADER[1:]), rows, _SIDES)


def _faster(then: BenchRow, now: BenchRow) -> float | None:
    old, new = step_ms(then), step_ms(now)
    return old / new if old is not None and new else None


def _other_work(pair: Comparison) -> list[str]:
    """What of the preset was changed in between, so that the times are of different things."""
    if pair.then.cannot or pair.now.cannot:
        return []
    return [
        f"{name}: {getattr(pair.then, name)} then, {getattr(pair.now, name)} now"
        for name in _OF_WORK
        if getattr(pair.then, name) != getattr(pair.now, name)
    ]


def _coloured(faster: float | None) -> Cell:
    if faster is None:
        return NONE
    style = GOOD if faster > 1 + _NOISE else BAD if faster < 1 - _NOISE else ""
    return cell(f"{faster:.2f}", style)
