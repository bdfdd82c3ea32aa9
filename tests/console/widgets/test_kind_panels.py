"""Panels by the kind of tensor: at every size, without colour, in ASCII, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.allocation import AllocationView, groups
from shareconsole.console.viewmodel.curves import CurveSet
from shareconsole.console.viewmodel.pairs import PairView
from shareconsole.console.viewmodel.spectrum import SpectrumView
from shareconsole.console.viewmodel.step_size import StepSizeView
from shareconsole.console.widgets.allocation_map import AllocationMap, CommonMap, UsedMap
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.heatmap import AssignmentMap, SharedMap, UnitMap
from shareconsole.console.widgets.pair_map import MeanPairs, PairsPanel, UnitPairs
from shareconsole.console.widgets.panel import Panel
from shareconsole.console.widgets.spectrum import SpectrumPanel
from shareconsole.console.widgets.step_chart import StepChart
from shareconsole.console.widgets.tree import TreePanel
from shareconsole.headless.kinds import effective_rank
from tests.console.widgets.fakes import assignment, assignment_of, series, sure, tree
from tests.console.widgets.stage import on_stage, rows_of, shown

SIZES = [(1, 1), (3, 2), (20, 5), (38, 9), (80, 24), (200, 60)]
PALETTES = [Palette("256"), Palette("16"), Palette("none"), Palette("none", ascii=True)]


def names(what: str, count: int) -> tuple[str, ...]:
    return tuple(f"{what}{place + 1}" for place in range(count))


def allocation(tasks: int = 3, units: int = 2, modules: int = 4) -> AllocationView:
    """Task t uses component t of the first unit alone, all of the second but the first."""
    used = np.ones((units, tasks, modules), np.bool_)
    used[0] = np.arange(modules) == np.arange(tasks)[:, None] % modules
    used[1:, :, 0] = False
    probabilities = np.where(used, 0.9, 0.2).astype(np.float32)
    letters = tuple(chr(ord("a") + place) for place in range(modules))
    return AllocationView(names("conv", units), names("task-", tasks), letters, used,
                          probabilities, groups(used), 20, np.linspace(3, 2, 9), 1)  # fmt: skip


def pairs(tasks: int = 3, units: int = 2, kind: str = "similarity") -> PairView:
    values = np.full((units, tasks, tasks), 0.25, np.float32)
    values[1:] = -0.5
    values[:, np.arange(tasks), np.arange(tasks)] = 1
    return PairView(kind, names("conv", units), names("task-", tasks), values, 20,
                    np.linspace(0, 0.2, 9), 1)  # fmt: skip


def spectrum(ranks: int = 4, units: int = 2) -> SpectrumView:
    values = np.exp(-0.5 * np.arange(units)[:, None] * np.arange(ranks)).astype(np.float32)
    return SpectrumView(names("conv", units), values, effective_rank(values), 20,
                        np.linspace(4, 3, 9), 1)  # fmt: skip


def step_size(points: int = 300) -> StepSizeView:
    sizes = 0.1 * 0.99 ** np.arange(points)
    curves = CurveSet((series("accepted", sizes),), "step size", float(max(points, 1)), 1)
    costs = np.full(points, 2.5)
    return StepSizeView(curves, series("trials", costs), series("trial_share", costs / 10))


def panels() -> Iterator[tuple[Panel, list[object]]]:
    """Each panel, and views from nothing to much."""
    yield AllocationMap(), [None, allocation(), allocation(50, 9, 20), allocation(1, 1, 1)]
    yield PairsPanel("similarity"), [None, pairs(), pairs(50, 9), pairs(1, 1)]
    yield SpectrumPanel(), [None, spectrum(), spectrum(50, 9), spectrum(1, 1)]
    yield TreePanel(), [None, tree(), tree(50, 9), tree(1, 1), tree(1, 2)]
    yield StepChart(), [None, step_size(), step_size(0), step_size(1)]


@pytest.mark.parametrize("palette", PALETTES, ids=str)
@pytest.mark.parametrize("which", range(5))
def test_every_size_holds_everything(which: int, palette: Palette) -> None:
    widget, views = list(panels())[which]

    async def act(widget: Panel, pilot: Pilot[None]) -> None:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for view in views:
                if view is not None:
                    widget.show(view)  # type: ignore[attr-defined]
                rows = rows_of(widget)
                assert [cell_len(row) for row in rows] == [size[0]] * size[1]
                assert "".join(rows).isascii() or not palette.ascii

    on_stage(widget, act, palette=palette)


@pytest.mark.parametrize("make", [UsedMap, CommonMap])
def test_inside_an_allocation_at_every_size(make: type[UsedMap | CommonMap]) -> None:
    async def act(widget: UsedMap | CommonMap, pilot: Pilot[None]) -> None:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for view in (allocation(), allocation(50, 9, 20)):
                widget.show(view, 1)
                assert {cell_len(row) for row in rows_of(widget)} == {size[0]}

    on_stage(make(), act)


def cells_of(rows: list[str], name: str) -> list[str]:
    return next(row for row in rows if row.startswith(name)).split()[1:]


@pytest.mark.parametrize("width", [38, 56, 76, 116])
@pytest.mark.parametrize("palette", PALETTES[-2:], ids=str)
def test_a_long_name_leaves_room_for_what_is_in_the_cell(width: int, palette: Palette) -> None:
    long = tuple(f"a task with a name that goes on and on {place} " * 4 for place in range(3))
    probabilities = np.zeros((2, 3, 3), np.float32) + np.array([0.9, 0.1, 0], np.float32)
    chosen = replace(assignment_of(probabilities), tasks=long)
    cases: list[tuple[Panel, object, str]] = [
        (AssignmentMap(), chosen, ": a 90 %"),
        (AllocationMap(), replace(allocation(), tasks=long), ": a"),
        (PairsPanel("affinity"), replace(pairs(kind="affinity"), tasks=long), ": 25"),
        (TreePanel(), replace(tree(3), tasks=long), ": shared w"),
    ]
    for widget, view, value in cases:
        rows = [row.rstrip() for row in shown(widget, view, size=(width, 12), palette=palette)]
        row = next(row for row in rows if value in row)
        assert row.startswith("a task" if isinstance(widget, PairsPanel) else "conv1 of a task")
        assert ("~" if palette.ascii else "…") in row.partition(":")[0]


@pytest.mark.parametrize("which", ["assignment", "allocation", "pairs"])
def test_cells_stay_where_they_are_when_the_focus_moves(which: str) -> None:
    widget, view = {
        "assignment": (AssignmentMap(), assignment(3)),
        "allocation": (AllocationMap(), allocation()),
        "pairs": (PairsPanel("affinity"), pairs(kind="affinity")),
    }[which]

    async def act(widget: Panel, pilot: Pilot[None]) -> None:
        widget.show(view)  # type: ignore[attr-defined]
        # Of these heights some have rows of cells that one row more or less makes taller.
        for height in range(5, 16):
            await pilot.resize_terminal(60, height)
            widget.focus()
            await pilot.pause()
            places = [row[:7].strip() for row in rows_of(widget)[:-2]]
            assert ": " in rows_of(widget)[-2]
            pilot.app.screen.set_focus(None)
            await pilot.pause()
            assert [row[:7].strip() for row in rows_of(widget)[:-2]] == places
            assert not rows_of(widget)[-2].strip()

    on_stage(widget, act)


def test_components_in_use_stand_at_their_place() -> None:
    rows = shown(AllocationMap(), allocation())
    assert rows[0].split() == ["conv1", "conv2"]
    assert cells_of(rows, "task-1") == ["a···", "·bcd"]
    assert cells_of(rows, "task-3") == ["··c·", "·bcd"]
    assert "in use" in rows[-1]
    assert "2.00 of 4" in rows[-1]


def test_many_components_are_counted_and_none_is_told() -> None:
    view = allocation(3, 2, 20)
    assert cells_of(shown(AllocationMap(), view), "task-2") == ["1", "19"]
    used = view.used.copy()
    used[0, 1] = False
    view = replace(view, used=used, groups=groups(used))
    assert cells_of(shown(AllocationMap(), view), "task-2") == ["none", "19"]


def test_cells_that_use_the_same_look_the_same_and_others_do_not() -> None:
    widget = AllocationMap()
    widget.show(allocation())

    async def act(widget: AllocationMap, pilot: Pilot[None]) -> None:
        styles = [widget.content(task, unit)[1].style for unit in (0, 1) for task in range(3)]
        assert len(set(styles[:3])) == 3
        assert len(set(styles[3:])) == 1

    on_stage(widget, act)


def test_inside_an_allocation() -> None:
    rows = shown(UsedMap(), allocation(), 0)
    assert rows[0].split() == ["a", "b", "c", "d"]
    assert cells_of(rows, "task-2") == ["20", "90", "20", "20"]
    unsure = replace(allocation(), probabilities=None)
    assert cells_of(shown(UsedMap(), unsure, 0), "task-2") == ["-", "x", "-", "-"]
    common = shown(CommonMap(), allocation(), 1)
    assert cells_of(common, "task-2") == ["3", "3", "3"]
    assert cells_of(shown(CommonMap(), allocation(), 0), "task-2") == ["0", "1", "0"]


def test_pairs_are_hundredths_of_one_unit() -> None:
    rows = shown(PairsPanel("similarity"), pairs())
    assert rows[0].split() == ["task-1", "task-2", "task-3"]
    assert cells_of(rows, "task-1") == ["-", "25", "25"]
    assert "mean of 2 units" in rows[-1]
    assert "20" in rows[-1]
    assert "mean " in shown(PairsPanel("similarity"), pairs(units=1))[-1]
    assert "mean of" not in shown(PairsPanel("similarity"), pairs(units=1))[-1]
    assert cells_of(shown(UnitPairs(), pairs(), 1), "task-1") == ["-", "-50", "-50"]
    # 0.25 and -0.5.
    assert cells_of(shown(MeanPairs(), pairs()), "task-2") == ["-12", "-", "-12"]


@pytest.mark.parametrize(
    ("make", "view", "words"),
    [
        (UnitMap, sure(), ("conv2 of task-1: b 100 %", "conv2 of task-1: a 0 %")),
        (SharedMap, assignment(3, 2),
         ("task-1 and task-2: 2 of 2 units", "task-1 and task-1: the same task")),
        (UsedMap, allocation(),
         ("conv2 of task-1: b 90 %", "conv2 of task-1: a 20 %")),
        (UsedMap, replace(allocation(), probabilities=None),
         ("conv2 of task-1: b in use", "conv2 of task-1: a not in use")),
        (CommonMap, allocation(),
         ("task-1 and task-2: 3 of 4 components", "task-1 and task-1: 3 of 4 components")),
        (UnitPairs, pairs(),
         ("task-1 and task-2: -50.0", "task-1 and task-1: the same task")),
        (MeanPairs, pairs(),
         ("task-1 and task-2: -12.5", "task-1 and task-1: the same task")),
    ],
)  # fmt: skip
def test_maps_inside_a_unit_tell_what_is_under_the_cursor(
    make: Callable[[], CellMap], view: object, words: tuple[str, str]
) -> None:
    async def act(widget: CellMap, pilot: Pilot[None]) -> None:
        widget.show(view, 1)  # type: ignore[attr-defined]
        widget.action_move(-9, -9)
        widget.action_move(0, 1)
        assert rows_of(widget)[-1].rstrip() == words[0]
        widget.action_move(0, -1)
        assert rows_of(widget)[-1].rstrip() == words[1]
        pilot.app.screen.set_focus(None)
        await pilot.pause()
        assert not rows_of(widget)[-1].strip()

    on_stage(make(), act, size=(60, 12))


def test_the_cursor_begins_at_two_tasks_and_one_with_itself_is_told() -> None:
    async def act(widget: PairsPanel, pilot: Pilot[None]) -> None:
        widget.show(pairs())
        assert "task-1 and task-2: 25.0" in rows_of(widget)[-2]
        widget.action_move(0, -1)
        assert "task-1 and task-1: the same task" in rows_of(widget)[-2]
        # One task alone.
        widget.show(pairs(1))
        assert "task-1 and task-1: the same task" in rows_of(widget)[-2]

    on_stage(PairsPanel("similarity"), act)


def test_values_beyond_all_bounds_are_drawn() -> None:
    values = np.full((1, 2, 2), np.inf, np.float32)
    values[0, 1, 0] = -np.inf
    view = replace(pairs(tasks=2, units=1), values=values, means=np.array([np.nan]))
    rows = shown(PairsPanel("similarity"), view)
    assert cells_of(rows, "task-1") == ["-", "999"]
    assert cells_of(rows, "task-2") == ["-999", "-"]


def test_alike_and_opposed_differ_by_more_than_colour() -> None:
    for value, text in ((0.4, "40"), (-0.4, "-40"), (float("nan"), "?"), (-0.001, "0")):
        view = pairs()
        view.values[0, 0, 1] = value
        assert cells_of(shown(PairsPanel("affinity"), view), "task-1")[1] == text


def test_fewer_units_than_before_leave_one_that_is_there() -> None:
    async def act(widget: PairsPanel, pilot: Pilot[None]) -> None:
        widget.show(pairs(units=5))
        widget.action_unit(-1)
        assert widget.unit == 4
        widget.show(pairs(units=2))
        assert widget.unit == 1
        assert any("-50" in row for row in rows_of(widget))

    on_stage(PairsPanel("similarity"), act)


def test_one_pair_that_changes_is_one_row_and_the_mean() -> None:
    async def act(widget: PairsPanel, pilot: Pilot[None]) -> None:
        widget.show(pairs(20))
        await pilot.pause()
        later = pairs(20)
        later.values[0, 3, 4] = 0.9
        widget.show(later)
        # A row of cells is up to three rows of text.
        assert 1 <= widget.rows_changed <= 3
        widget.show(later)
        assert widget.rows_changed <= 3

    on_stage(PairsPanel("similarity"), act, size=(120, 30))


def test_bars_are_as_tall_as_the_values() -> None:
    values = np.array([[8, 4, 2, 0]], np.float32)
    view = replace(spectrum(), units=("conv1",), values=values, ranks=effective_rank(values))
    rows = shown(SpectrumPanel(), view, size=(40, 12))
    bars = [row[7:24] for row in rows[1:7]]
    heights = ["".join(row[place] for row in bars).strip() for place in (0, 4, 8, 12)]
    assert [len(height) for height in heights] == [6, 3, 2, 0]
    assert heights[2] == "▄█"
    assert f"{effective_rank(values)[0]:.2f}" in rows[6]


def test_layers_without_room_are_scrolled() -> None:
    async def act(widget: SpectrumPanel, pilot: Pilot[None]) -> None:
        widget.show(spectrum(units=9))
        assert rows_of(widget)[0].startswith("1-4/9")
        widget.action_scroll_rows(2)
        assert rows_of(widget)[0].startswith("3-6/9")
        widget.action_scroll_rows(100)
        assert rows_of(widget)[0].startswith("6-9/9")
        assert rows_of(widget)[-2].startswith("conv9")

    on_stage(SpectrumPanel(), act, size=(60, 6))


def test_values_that_are_none_show_as_such() -> None:
    values = np.array([[np.nan, np.nan], [0, 0]], np.float32)
    view = replace(spectrum(units=2), values=values, ranks=effective_rank(values))
    rows = shown(SpectrumPanel(), view, size=(60, 5))
    assert "?" in rows[1]
    assert [row.split()[-1] for row in rows[1:3]] == ["-", "-"]


def test_step_sizes_and_their_costs() -> None:
    rows = shown(StepChart(), step_size(), size=(60, 14))
    assert rows[0].split()[:2] == ["●", "accepted"]
    assert "trials " in rows[-2]
    assert "2.5 a step" in rows[-2]
    assert "25 %" in rows[-1]
    # The chart comes first.
    assert "trials" not in "".join(shown(StepChart(), step_size(), size=(60, 4)))
    alone = replace(step_size(), trials=None, share=None)
    assert "step  0" in shown(StepChart(), alone, size=(60, 14))[-1]
