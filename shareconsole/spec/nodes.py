"""How many nodes the trie engine has to hold, from how often modules are drawn.

A node is a distinct pair of images and module prefix (``sharing.trie``); a unit's memory is in
proportion to its nodes. Their number is that of the start of a run, when every module is equally
likely and assignments have least in common; as they converge it falls.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from shareconsole.spec.data.table import DataShape
from shareconsole.spec.method.table import Draws
from shareconsole.spec.network.table import Mark
from shareconsole.spec.preset import Preset

# Nodes vary from step to step, and a run is as large as its largest step: mean and two standard
# deviations, or all there can be.
_DEVIATIONS = 2.0
# Prefixes beyond this many are as good as all different.
_MANY = 1e12


class Level(NamedTuple):
    """The nodes of one unit.

    Attributes:
        nodes: how many.
        modules: modules in use.
        in_order: node i continues node i of the unit before, so that nothing has to move.
    """

    nodes: float
    modules: float
    in_order: bool


def levels(preset: Preset, shape: DataShape, draws: Draws, tasks: int) -> Iterator[Level]:
    """Yield the nodes of every unit from input to heads.

    Args:
        preset: the run.
        shape: the sizes of its data.
        draws: how often each routed unit is drawn.
        tasks: tasks that are computed together.
    """
    modules = preset.method.candidates(shape.num_tasks)
    # Sets of prefixes that have nothing in common, and in each of them the prefixes there can be.
    sets = 1 if shape.shared_inputs else tasks
    prefixes, drawn, before = 1.0, 1, float(sets)
    counts = iter(draws.counts)
    by_task = True
    for mark in _marks(preset, shape):
        used = 1.0
        if mark == "task":
            sets, used = tasks, tasks
        elif mark == "routed":
            drawn = next(counts)
            prefixes = min(prefixes * modules, _MANY)
            used = _distinct(modules, drawn * tasks)
        rows = tasks // sets * drawn
        # Draws of a task may be kept apart, those of several tasks are not.
        apart = draws.apart and sets == tasks
        nodes = sets * (min(prefixes, rows) if apart else _distinct(prefixes, rows, sets))
        kept = nodes == before and (mark == "shared" or (mark == "task" and by_task))
        by_task = by_task and mark != "routed"
        yield Level(nodes, used, kept)
        before = nodes


def _marks(preset: Preset, shape: DataShape) -> Iterable[Mark]:
    """Who has each unit's modules once the method has decided; the heads come last."""
    units = preset.network.units(shape.input_shape)
    routed = sum(unit.sharing == "routed" for unit in units)
    learned = preset.method.candidates(shape.num_tasks) > 0
    index = 0
    own = preset.method.shared_copies(shape.num_tasks) > 1
    for unit in units:
        if unit.sharing == "shared" and own:
            yield "task"
        elif unit.sharing != "routed" or learned:
            yield unit.sharing
        else:
            copies = preset.method.routed_copies(index, routed, shape.num_tasks)
            yield "shared" if copies == 1 else "task"
        index += unit.sharing == "routed"
    yield "task"


def _distinct(values: float, draws: int, sets: int = 1) -> float:
    """Return how many different values n uniform draws may have, as the mean of several sets.

    Of M values n draws miss each with probability q = (1 - 1/M)^n, so M (1 - q) are seen on
    average, with variance M (M - 1) (1 - 2/M)^n + M q - (M q)^2.
    """
    most = min(values, float(draws))
    if most <= 1:
        return most
    missed = (1 - 1 / values) ** draws
    both = (1 - 2 / values) ** draws
    variance = values * (values - 1) * both + values * missed - (values * missed) ** 2
    mean = values * (1 - missed)
    return min(most, mean + _DEVIATIONS * math.sqrt(max(0.0, variance) / sets))
