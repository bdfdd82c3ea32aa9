"""Results as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from shareconsole.headless.bench.words import engine_name, entropy_name, step_ms
from shareconsole.headless.figures import NONE, count, number, size
from shareconsole.headless.styles import BAD, HEADING, NOTICE, QUIET
from shareconsole.headless.tables import Cell, Page, Side, cell, right_side
from shareconsole.spec.bench import REFERENCE, BenchRow, Results

if TYPE_CHECKING:
    from rich.console import Console

    from shareconsole.spec.bench import Machine

_HEADER = (
    "pi",
    "engine",
    "cpu ms",
    "±",
    "wall ms",
    "ratio",
    "nodes",
    "GFLOP",
    "peak",
    "memory",
)
_SIDES: tuple[Side, ...] = ("left", "left", *right_side(8))
_PARTS = ("data", "nes", "sgd", "optimiser", "other")
_PART_NAMES = ("data", "NES", "SGD", "optimiser", "other")
_SHARE_OF_STEP = 0.01


def print_results(console: Console, results: Results) -> None:
    """Print a table per preset and one per size that was changed, and where it was measured."""
    page = Page(console)
    plain = [row for row in results.rows if row.scale is None]
    for _, rows in groupby(plain, key=lambda row: (row.preset, row.threads)):
        page.section()
        _print_preset(page, [*rows])
    scaled = [row for row in results.rows if row.scale is not None]
    for _, rows in groupby(scaled, key=lambda row: (row.preset, row.threads, _axis(row))):
        _print_scales(page, [*rows])
    page.section()
    _print_machine(page, results.machine)
    if results.interrupted:
        page.line("ended early: rounds and rows are missing", style=NOTICE)


def _axis(row: BenchRow) -> str:
    return row.scale.axis if row.scale else ""


def _print_preset(page: Page, rows: Sequence[BenchRow]) -> None:
    _print_head(page, rows[0])
    page.section()
    page.table(_HEADER, [_row(row, rows, i) for i, row in enumerate(rows)], _SIDES)
    _print_reasons(page, rows)
    measured = [row for row in rows if row.parts_ms]
    if not measured:
        return
    page.section()
    others = [part for part in _PARTS if part != "other" or _has_other(measured)]
    titles = [title for part, title in zip(_PARTS, _PART_NAMES, strict=True) if part in others]
    what = "queued, wall" if measured[0].ratio_of == "wall" else "CPU"
    page.line(f"{what} ms of a step by part, and of logging it", indent=2, style=QUIET)
    page.table(
        ["pi", "engine", *titles, "logging"],
        [_part_row(row, measured, i, others) for i, row in enumerate(measured)],
        ("left", "left", *right_side(len(titles) + 1)),
    )


def _print_head(page: Page, row: BenchRow) -> None:
    page.line(row.preset, style=HEADING)
    threads = f"{row.threads} thread{'s' if row.threads > 1 else ''}"
    facts = [
        f"{row.method} with {row.network} on {row.data}",
        f"T = {row.tasks}, K = {row.modules}, {row.units} units",
        f"{row.samples} assignments of {row.batch_size} images",
        f"{row.device}, {threads}",
    ]
    page.flow(cell(""), [cell(fact, QUIET) for fact in facts if not fact.startswith("0 ")])


def _row(row: BenchRow, rows: Sequence[BenchRow], index: int) -> list[Cell]:
    pi, engine = _names(row, rows, index)
    if row.cannot is not None:
        return [pi, engine, cell("cannot", BAD), *[""] * 7]
    memory = row.peak_device_bytes or row.peak_memory_bytes
    return [
        pi,
        engine,
        number(row.cpu_ms),
        _spread(row),
        number(row.wall_ms),
        _ratio(row),
        _per_cent(row.nodes_share),
        number(row.gflop),
        _per_cent(row.peak_share),
        NONE if memory is None else size(memory),
    ]


def _names(row: BenchRow, rows: Sequence[BenchRow], index: int) -> tuple[Cell, Cell]:
    """The first two cells; what is as in the line above is not said again."""
    before = rows[index - 1] if index else None
    repeated = before is not None and before.entropy == row.entropy
    return "" if repeated else entropy_name(row.entropy), engine_name(row)


def _ratio(row: BenchRow) -> Cell:
    if row.ratio is None:
        return NONE
    text = f"{row.ratio:.2f}"
    return text if row.engine == REFERENCE else cell(text, HEADING if row.ratio >= 1 else BAD)


def _spread(row: BenchRow) -> str:
    """Half the distance of the quartiles as a share of the median, of the time that counts."""
    quartiles = row.wall_ms_quartiles if row.ratio_of == "wall" else row.cpu_ms_quartiles
    median = step_ms(row)
    if quartiles is None or not median:
        return NONE
    return f"{50 * (quartiles[1] - quartiles[0]) / median:.0f}%"


def _per_cent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.0f}%"


def _has_other(rows: Iterable[BenchRow]) -> bool:
    """Whether any row has time outside the named parts that is worth a column."""
    return any(
        row.parts_ms.get("other", 0.0) > _SHARE_OF_STEP * (step_ms(row) or 0.0) for row in rows
    )


def _part_row(
    row: BenchRow, rows: Sequence[BenchRow], index: int, parts: Sequence[str]
) -> list[Cell]:
    figures = [number(row.parts_ms.get(part, 0.0)) for part in parts]
    return [*_names(row, rows, index), *figures, number(row.logging_ms)]


def _print_reasons(page: Page, rows: Sequence[BenchRow]) -> None:
    reasons = {(engine_name(row), row.cannot) for row in rows if row.cannot is not None}
    for engine, reason in sorted(reasons, key=str):
        page.line(f"{engine}: {reason}", indent=2, hanging=2, style=NOTICE)


def _print_scales(page: Page, rows: Sequence[BenchRow]) -> None:
    """One size against the time of every engine: a table per pi."""
    for entropy, same in groupby(
        sorted(rows, key=lambda row: str(row.entropy)), key=lambda row: row.entropy
    ):
        page.section()
        group = [*same]
        axis = _axis(group[0])
        page.line(f"{group[0].preset}: time of a step against {axis}", style=HEADING)
        what = "wall" if group[0].ratio_of == "wall" else "CPU"
        held = "" if entropy is None else f"pi {entropy_name(entropy)}, "
        page.line(f"{held}{what} ms; x is relative to the first line", style=QUIET)
        page.section()
        engines = list(dict.fromkeys(engine_name(row) for row in group))
        header = [axis]
        for engine in engines:
            header += [engine, "x"] + ([] if engine == engines[0] else ["ratio"])
        lines = _scale_lines(group, engines)
        page.table(header, lines, right_side(len(header)))
        _print_reasons(page, group)


def _scale_lines(rows: Sequence[BenchRow], engines: Sequence[str]) -> list[list[Cell]]:
    by_place = {(row.scale.value, engine_name(row)): row for row in rows if row.scale}
    first: dict[str, float] = {}
    lines: list[list[Cell]] = []
    for value in dict.fromkeys(value for value, _ in by_place):
        line: list[Cell] = [count(value)]
        for engine in engines:
            row = by_place.get((value, engine))
            ms = None if row is None else step_ms(row)
            if ms is not None:
                first.setdefault(engine, ms)
            line += [number(ms), NONE if ms is None else f"{ms / first[engine]:.1f}"]
            if engine != engines[0]:
                line.append(NONE if row is None else _ratio(row))
        lines.append(line)
    return lines


def _print_machine(page: Page, machine: Machine) -> None:
    """Where it was measured, and what the columns mean."""
    variables = [f"{name}={value}" for name, value in machine.environment.items()]
    facts = [
        f"{machine.processor}, {machine.cores} cores, load {machine.load:.1f}",
        f"torch {machine.torch}",
        machine.device,
        f"matrix product {number(machine.gemm_gflops)} GFLOP/s",
        *[name for name in variables if name.startswith(("MALLOC_", "OMP_NUM"))],
    ]
    page.flow(cell("machine  ", QUIET), [cell(fact) for fact in facts])
    page.line(
        "Medians over rounds; ±: half the distance of the quartiles; ratio: time of the loop "
        "engine by this one's; nodes: units and heads evaluated, of those of S x T separate "
        "networks; peak: share of this machine's best speed in the network's largest convolution.",
        style=QUIET,
    )
