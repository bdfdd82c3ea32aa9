from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.assignment import AssignmentView
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.heatmap import AssignmentMap, SharedMap, UnitMap
from tests.console.widgets.fakes import assignment, assignment_of, sure
from tests.console.widgets.stage import on_stage, rows_of, screen_of, updates_as_text

SIZES = [(1, 1), (3, 2), (20, 5), (38, 9), (80, 24), (200, 60)]
PALETTES = [Palette("auto"), Palette("16"), Palette("none"), Palette("none", ascii=True)]
BIG = assignment(50, 9, 20)


def overview(view: AssignmentView | None) -> AssignmentMap:
    widget = AssignmentMap()
    widget.show(view)
    return widget


def inside(view: AssignmentView | None, unit: int = 0) -> UnitMap:
    widget = UnitMap()
    widget.show(view, unit)
    return widget


def shared(view: AssignmentView | None) -> SharedMap:
    widget = SharedMap()
    widget.show(view)
    return widget


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("make", [AssignmentMap, lambda: inside(None), SharedMap])
def test_every_size_holds_every_assignment(
    make: Callable[[], AssignmentMap], size: tuple[int, int]
) -> None:
    unknown = assignment_of(np.full((2, 3, 4), np.nan, np.float32))
    nothing = assignment_of(np.zeros((0, 0, 0), np.float32))

    async def act(widget: AssignmentMap | UnitMap | SharedMap, pilot: Pilot[None]) -> None:
        for view in (None, nothing, unknown, assignment(1, 1, 1), BIG, None, BIG):
            if isinstance(widget, UnitMap):
                widget.show(view, 0)
            else:
                widget.show(view)
            rows = rows_of(widget)
            assert len(rows) == size[1]
            assert {cell_len(row) for row in rows} == {size[0]}

    on_stage(make(), act, size=size)


@pytest.mark.parametrize("palette", PALETTES, ids=str)
def test_letters_tell_the_modules(palette: Palette) -> None:
    rows = screen_of(overview(sure()), (60, 12), palette)
    assert rows[0].split() == ["conv1", "conv2"]
    lines = [row.replace("[", " ").replace("]", " ") for row in rows if row.startswith("task-")]
    letters = [[part for part in line.split() if part in "abc"] for line in lines]
    assert letters == [["a", "b"], ["b", "c"]]
    assert palette.ascii == "".join(rows).isascii()


def test_a_title_stands_over_its_column() -> None:
    rows = screen_of(overview(sure()), (60, 12))
    line = next(row for row in rows if "task-2" in row)
    for title, letter in (("conv1", "b"), ("conv2", "c")):
        assert abs(rows[0].index(title) + 2 - line.index(letter, 8)) <= 1


def test_unknown_probabilities_are_question_marks() -> None:
    view = assignment_of(np.full((1, 2, 3), np.nan, np.float32))
    rows = screen_of(overview(view), (60, 12), Palette("none"))
    assert sum("?" in row for row in rows if row.startswith("task-")) == 2
    rows = screen_of(inside(view), (60, 12))
    assert sum(row.count("?") for row in rows) == 6


def test_probabilities_in_per_cent() -> None:
    probabilities = np.array([[[0.93, 0.05, 0.02], [0.0, 0.5, 0.5]]], np.float32)
    rows = screen_of(inside(assignment_of(probabilities)), (60, 12))
    assert rows[0].split() == ["a", "b", "c"]
    lines = [row.replace("[", " ").replace("]", " ").split() for row in rows[:-1] if "task-" in row]
    assert lines == [["task-1", "93", "5", "2"], ["task-2", "0", "50", "50"]]


def test_a_unit_that_is_not_there_shows_nothing() -> None:
    assert "no assignment" in "".join(screen_of(inside(sure(), 7), (60, 12)))


def test_shared_units_are_counted() -> None:
    probabilities = np.zeros((3, 2, 2), np.float32)
    probabilities[:, 0, 0] = 1
    probabilities[:2, 1, 0] = 1
    probabilities[2, 1, 1] = 1
    rows = screen_of(shared(assignment_of(probabilities)), (60, 12))
    lines = [
        row.replace("[", " ").replace("]", " ").split()
        for row in rows[:-1]
        if row.startswith("task-")
    ]
    assert lines == [["task-1", "-", "2"], ["task-2", "2", "-"]]


@pytest.mark.parametrize("size", [(78, 20), (118, 30), (198, 58)])
def test_fifty_tasks_nine_units_twenty_modules(size: tuple[int, int]) -> None:
    async def act(widget: CellMap, pilot: Pilot[None]) -> None:
        rows = rows_of(widget)
        assert all(f"conv{unit}" in rows[0] for unit in range(1, 10))
        seen: set[str] = set()
        for _ in range(60):
            seen.update(row.split()[0] for row in rows_of(widget) if row.startswith("task-"))
            widget.action_move(1, 0)
        assert len(seen) == 50
        assert widget.cursor == (49, 0)
        await pilot.press("home")
        assert rows_of(widget)[1].startswith("task-1 ")

    on_stage(overview(BIG), act, size=size)

    rows = screen_of(inside(BIG), size)
    assert rows[0].split()[-20:] == [chr(ord("a") + module) for module in range(20)]


def test_more_units_than_fit_scroll_sideways() -> None:
    async def act(widget: CellMap, pilot: Pilot[None]) -> None:
        assert "conv30" not in rows_of(widget)[0]
        assert "+" in rows_of(widget)[0]
        await pilot.press("end")
        assert rows_of(widget)[0].rstrip().endswith("30")
        assert widget.cursor == (3, 29)

    on_stage(overview(assignment(4, 30, 4)), act, size=(60, 12))


def test_names_that_are_cut_keep_their_number() -> None:
    view = replace(sure(2, 2), units=("fully-connected1", "fully-connected12"))
    title = screen_of(overview(view), (30, 12))[0].split()
    assert [name[-2:] for name in title] == ["…1", "12"] or title[0].endswith("1")
    assert title[1].endswith("12")


class Listener(App[None]):
    """Keeps the units that were chosen."""

    def __init__(self, widget: AssignmentMap) -> None:
        super().__init__()
        self.widget = widget
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_drill_map_unit_chosen(self, message: AssignmentMap.UnitChosen) -> None:
        self.chosen.append(message.index)


def test_keys_and_mouse() -> None:
    import asyncio

    async def run() -> None:
        app = Listener(overview(assignment(4, 3, 4)))
        async with app.run_test(size=(60, 12)) as pilot:
            app.widget.focus()
            await pilot.press("enter", "right", "right", "right", "down", "enter")
            assert app.chosen == [0, 2]
            assert app.widget.cursor == (1, 2)
            assert "conv3 of task-2" in "".join(rows_of(app.widget))
            await pilot.press("up", "up", "left", "k", "j")
            assert app.widget.cursor == (1, 1)
            line = next(y for y, row in enumerate(rows_of(app.widget)) if "task-3" in row)
            await pilot.click(app.widget, offset=(9, line))
            assert app.widget.cursor == (2, 0)
            await pilot.press("pagedown", "end", "home")
            assert app.widget.cursor == (0, 0)

    asyncio.run(run())


def test_an_empty_map_chooses_nothing() -> None:
    import asyncio

    async def run() -> None:
        app = Listener(overview(None))
        async with app.run_test(size=(60, 12)) as pilot:
            app.widget.focus()
            await pilot.press("enter", "right", "down", "pagedown", "end")
            assert app.chosen == []

    asyncio.run(run())


def test_noise_within_a_shade_changes_nothing_and_a_switch_one_row() -> None:
    view = sure(6, 3, 4)
    noisy = assignment_of(np.clip(view.probabilities, 0.003, 0.99).astype(np.float32))
    switched = noisy.probabilities.copy()
    switched[1, 4] = (0.99, 0.003, 0.003, 0.003)

    async def act(widget: AssignmentMap, pilot: Pilot[None]) -> None:
        # Without the focus: the row about the cell under the cursor shows the exact number.
        widget.can_focus = False
        pilot.app.screen.set_focus(None)
        await pilot.pause()
        rows_of(widget)
        updates_as_text(pilot.app, widget)
        widget.show(noisy)
        assert widget.rows_changed == 0
        widget.show(assignment_of(switched))
        assert widget.rows_changed == 1
        assert len(updates_as_text(pilot.app, widget)) < 400

    on_stage(overview(view), act, size=(60, 10))


def test_a_large_map_sends_little_when_one_cell_in_twenty_changes() -> None:
    random = np.random.default_rng(1)
    other = BIG.probabilities.copy()
    changed = random.random((9, 50)) < 0.05
    other[changed] = np.roll(other[changed], 1, axis=-1)

    async def act(widget: AssignmentMap, pilot: Pilot[None]) -> None:
        rows_of(widget)
        updates_as_text(pilot.app, widget)
        widget.show(assignment_of(other))
        assert len(updates_as_text(pilot.app, widget).encode()) <= 14_000

    on_stage(overview(BIG), act, size=(100, 60))


def test_foreign_names_are_literal() -> None:
    names = ("[red]x[/red]", "日本語のとても長いタスクの名前", "[@click=app.quit]go[/]", "ok")
    view = replace(assignment(4, 2, 3), tasks=names, units=("[bold]u", "単位"))
    text = "\n".join(screen_of(overview(view), (90, 14)))
    assert "[red]x[/red]" in text
    assert "[@click=app.quit]go[/]" in text
    assert "[bold]u" in text


@pytest.mark.parametrize("make", [overview, inside, shared])
def test_no_color(monkeypatch: pytest.MonkeyPatch, make: object) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def act(widget: CellMap, pilot: Pilot[None]) -> None:
        strips = pilot.app.screen._compositor.render_strips()
        assert all(segment.style is not None for strip in strips for segment in strip)

    on_stage(make(assignment()), act, palette=Palette("none"))  # type: ignore[operator]


def test_the_cursor_shows_only_with_the_focus() -> None:
    async def act(widget: AssignmentMap, pilot: Pilot[None]) -> None:
        widget.focus()
        await pilot.pause()
        assert "[a]" in "".join(rows_of(widget))
        pilot.app.screen.set_focus(None)
        await pilot.pause()
        assert "[" not in "".join(rows_of(widget))

    on_stage(overview(sure()), act, size=(60, 12))
