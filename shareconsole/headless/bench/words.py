"""What rows, engines and states of pi are called wherever they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareconsole.headless.figures import NONE
from shareconsole.spec.bench import known_samplings

if TYPE_CHECKING:
    from shareconsole.spec.bench import BenchRow, Entropy


def engine_name(row: BenchRow) -> str:
    """The engine, and the sampling where it is not the usual one."""
    usual = row.sampling is None or row.sampling == known_samplings()[0]
    return row.engine if usual else f"{row.engine} {row.sampling}"


def entropy_name(entropy: Entropy | None) -> str:
    """How spread pi is, ``-`` for methods without one."""
    if entropy is None:
        return NONE
    return entropy if entropy == "uniform" else f"{entropy:g}"


def step_ms(row: BenchRow) -> float | None:
    """The time that is compared: of the CPU, or of the clock on a GPU."""
    return row.wall_ms if row.ratio_of == "wall" else row.cpu_ms
