"""Sizes and work of linear layers one after another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shareconsole.spec.network.table import Mark, UnitActivations, UnitSize


def dense_units(widths: Sequence[int], marks: Sequence[Mark], features: int) -> list[UnitSize]:
    """Return the units ``dense1``, ``dense2`` and so on, the first of which reads ``features``."""
    units = []
    for number, (width, mark) in enumerate(zip(widths, marks, strict=True), start=1):
        units.append(UnitSize(f"dense{number}", mark, features * width + width))
        features = width
    return units


def dense_activations(
    widths: Sequence[int], inputs: int, features: int, *, copies: bool
) -> list[UnitActivations]:
    """Return what one image brings to each; the first may average or reorder what it is handed."""
    first = UnitActivations(inputs, features, widths[0], widths[0], copies)
    rest = (UnitActivations(before, before, width, width) for before, width in pairwise(widths))
    return [first, *rest]


def dense_work(widths: Sequence[int], features: int) -> tuple[int, ...]:
    """Return the multiply-adds of each for one image."""
    return tuple(before * width for before, width in pairwise((features, *widths)))
