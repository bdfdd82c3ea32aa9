"""View models with made-up numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shareconsole.console.viewmodel.assignment import AssignmentView, likeliest
from shareconsole.console.viewmodel.band import Band
from shareconsole.console.viewmodel.curves import CurveSet, Ema, Series
from shareconsole.console.viewmodel.errors import ErrorRow, ErrorTable
from shareconsole.console.viewmodel.header import RunHeader
from shareconsole.console.viewmodel.tree import TreeView
from shareconsole.headless.kinds import arranged

Curves = TypeVar("Curves", CurveSet, Band)


def series(name: str, raw: NDArray[np.floating], steps: NDArray[np.int64] | None = None) -> Series:
    """A curve through the values, smoothed as the console does."""
    places = np.arange(1, len(raw) + 1) if steps is None else steps
    return Series(name, places, raw, Ema().extend(raw))


def falling(points: int, seed: int) -> NDArray[np.float32]:
    """A noisy loss that falls from about 2 to a floor that depends on the seed."""
    noise = np.random.default_rng(seed).normal(0, 0.4, points)
    decay = 2 * np.exp(-np.arange(points) / max(1, points / 6)) + 0.02 * (seed + 1)
    return (decay * np.exp(noise)).astype(np.float32)


def curves(
    points: int = 500,
    *,
    names: tuple[str, ...] = ("digits", "letters", "kannada"),
    aim: float = 1000.0,
) -> CurveSet:
    """Some losses; the axis ends at ``aim``."""
    return CurveSet(
        tuple(series(name, falling(points, seed)) for seed, name in enumerate(names)),
        "loss",
        float(aim),
        points,
    )


def band(points: int = 500, *, aim: float = 1000.0) -> Band:
    """A population of eight."""
    middle = falling(points, 1)
    lo, hi = middle * np.float32(0.8), middle * np.float32(1.5)
    members = tuple(np.linspace(float(lo[-1]), float(hi[-1]), 8)) if points else ()
    return Band(np.arange(1, points + 1), lo, middle, hi, members, 8, float(aim), points)


def until(whole: Curves, points: int, x_max: float) -> Curves:
    """The same curves when only the first points were known."""
    if isinstance(whole, Band):
        lo, hi = float(whole.lo[points - 1]), float(whole.hi[points - 1])
        return replace(
            whole,
            steps=whole.steps[:points],
            lo=whole.lo[:points],
            median=whole.median[:points],
            hi=whole.hi[:points],
            last_members=tuple(np.linspace(lo, hi, 8)),
            x_max=x_max,
            version=points,
        )
    cut = tuple(
        Series(one.name, one.steps[:points], one.raw[:points], one.smooth[:points])
        for one in whole.series
    )
    return replace(whole, series=cut, x_max=x_max, version=points)


def assignment(
    tasks: int = 4, units: int = 3, modules: int = 4, *, seed: int = 0, sure: float = 0.2
) -> AssignmentView:
    """Random probabilities; the smaller ``sure``, the surer."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(modules, sure), size=(units, tasks)).astype("f4")
    return assignment_of(probabilities)


def assignment_of(probabilities: NDArray[np.float32]) -> AssignmentView:
    """An assignment with these probabilities [L, T, K]."""
    units, tasks, modules = probabilities.shape
    return AssignmentView(
        tuple(f"conv{unit + 1}" for unit in range(units)),
        tuple(f"task-{task + 1}" for task in range(tasks)),
        tuple(chr(ord("a") + module) for module in range(modules)),
        probabilities,
        likeliest(probabilities) if modules else np.zeros((units, tasks), np.int64),
        120,
        np.arange(0, 130, 10),
        np.linspace(1.4, 0.6, 13),
        1,
    )


def sure(tasks: int = 2, units: int = 2, modules: int = 3) -> AssignmentView:
    """Task t uses module (t + unit) % modules, for certain."""
    probabilities = np.zeros((units, tasks, modules), np.float32)
    for unit in range(units):
        for task in range(tasks):
            probabilities[unit, task, (task + unit) % modules] = 1.0
    return assignment_of(probabilities)


def errors(tasks: int = 4, *, rand: bool = False) -> ErrorTable:
    """Errors that fell."""
    rows = tuple(
        ErrorRow(f"task-{task + 1}", 4.0 + task, 3.5 + task, (60.0, 20.0, 9.0, 4.0 + task))
        for task in range(tasks)
    )
    steps = np.array([200, 400, 600, 800])
    known = {"conv1": 1.0, "conv2": 0.24} if rand else {}
    return ErrorTable(rows, 5.5, 5.4, (60.0, 20.0, 9.0, 5.5), 5.0, known, steps, 1)


def header(**changes: object) -> RunHeader:
    """A run at 43 per cent."""
    usual = RunHeader(
        "20260101-120000-digits-ab12",
        name="digits",
        state="running",
        preset="digits",
        method="learned_sharing",
        data="digits",
        seed=3,
        step=2140,
        steps=5000,
        fraction=0.428,
        steps_per_second=17.2,
        eta_seconds=166.0,
        macro_error=0.123,
        attempt=1,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def tree(tasks: int = 4, units: int = 3) -> TreeView:
    """All share the first unit, pairs the next ones, none the last."""
    numbers = np.stack([np.arange(tasks) // 2] * units)
    numbers[0], numbers[-1] = 0, np.arange(tasks)
    order, clusters = arranged(numbers)
    labels = [f"task-{place + 1}" for place in range(tasks)]
    unit_names = tuple(f"conv{place + 1}" for place in range(units))
    return TreeView(unit_names, tuple(labels[task] for task in order), clusters, 20,
                    np.full(3, tasks, float), 1)  # fmt: skip
