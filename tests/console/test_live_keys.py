"""Every key of the screen of one run, and of the panels on it."""

from __future__ import annotations

import threading

import pytest

from shareconsole.console.feed import LiveFeed
from shareconsole.console.screens.live import LiveScreen
from shareconsole.console.widgets.cell_map import CellMap
from shareconsole.console.widgets.chart import Chart
from shareconsole.console.widgets.drill_map import DrillMap
from shareconsole.console.widgets.errors import ErrorPanel
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (LiveScreen, DrillMap, CellMap, ErrorPanel)


def test_keys_of_the_screen(runs, training):
    folder, _ = training

    async def act(d):
        def front(name):
            return lambda: f"[{name}]" in d.rows()[2]

        walk = Walk(d, LiveScreen)
        await d.until("test error %")
        await walk("l", "│ training")
        await walk("L", "log of trained")
        await d.press("escape")
        await walk("z", front("3 assignment"))
        await walk("1", front("1 loss"))
        chart = d.app.screen.query_one("#loss", Chart)
        assert "log y" in d.text()
        await walk("y", lambda: "log y ─" not in d.text())
        await walk("f", lambda: chart.front == 0)
        await walk("tab", front("3 assignment"))
        await walk("shift+tab", front("1 loss"))
        await walk("4", front("4 errors"))
        await walk("3", front("3 assignment"))
        await walk("2", "logs nothing for that panel")
        for key in "567890":
            told = len(d.app._notifications)
            await walk(key, lambda told=told: len(d.app._notifications) > told)
        await d.press("z", "1")
        # With the assignment in front the key would be the map's own.
        await walk("enter", "conv1: probability")
        await d.press("escape")
        await walk("c", "trained saved a checkpoint")
        await walk("p", "= paused")
        await walk("r", "● running")
        await walk("s", "Stop trained?")
        walk.over()

    drive(runs, act, run=folder)


@pytest.mark.parametrize(
    ("keys", "then"),
    [
        (("4",), "[4 errors]"),
        (("4", "tab"), "[1 loss]"),
        (("4", "2", "3"), "[3 assignment]"),
        (("3", "enter"), "conv1: probability"),
        (("3", "right", "enter"), "conv2: probability"),
        (("3", "enter", "question_mark"), "One unit"),
        (("3", "enter", "right_square_bracket"), "conv2: probability"),
        (("4", "l"), "│ trained"),
    ],
)
def test_what_is_typed_before_a_run_is_open_is_carried_out_when_it_is(
    runs, ended, monkeypatch, keys, then
):
    typed = threading.Event()
    watch = LiveFeed.run

    def slow(feed, *arguments):
        typed.wait(30)
        watch(feed, *arguments)

    monkeypatch.setattr(LiveFeed, "run", slow)

    async def act(d):
        await d.until("opening")
        await d.press(*keys)
        typed.set()
        await d.until(then)
        told = [notice.message for notice in d.app._notifications]
        assert told == (["this run logs nothing for that panel"] if "2" in keys else [])

    drive(runs, act, run=ended, size=(80, 24))


def test_zoom_is_offered_where_it_makes_a_panel_larger(runs, ended):
    async def act(d):
        await d.until("[1 loss]")
        assert "y log y" in d.rows()[-1]
        assert "z zoom" not in d.rows()[-1]
        for size in ((120, 36), (200, 50)):
            await d.resize(*size)
            await d.until(lambda: "z zoom" in d.rows()[-1])
        for size in ((99, 36), (120, 29)):
            await d.resize(*size)
            await d.until(lambda: "z zoom" not in d.rows()[-1])

    drive(runs, act, run=ended, size=(80, 24))


def test_the_way_back_gives_way_last(runs, ended):
    async def act(d):
        await d.until("[1 loss]")
        for width in (80, 60, 40, 20, 10):
            await d.resize(width, 24)
            await d.until(lambda: "esc back" in d.rows()[-1])
            assert ("q quit" in d.rows()[-1]) == (width >= 20)
        await d.resize(6, 24)
        await d.until(lambda: "esc" not in d.rows()[-1])

    drive(runs, act, run=ended, size=(80, 24))


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
def test_a_run_that_does_not_open_can_be_left(runs, ended, monkeypatch, key):
    never = threading.Event()
    monkeypatch.setattr(LiveFeed, "run", lambda feed, *arguments: never.wait(30))

    async def act(d):
        await d.until("opening")
        await d.press("3")
        d.app.simulate_key(key)
        await d.until(lambda: d.app._exit)
        never.set()

    drive(runs, act, run=ended, size=(80, 24))


def test_keys_of_the_test_errors(runs, ended):
    async def act(d):
        def shows(task):
            return lambda: d.panel("#errors").splitlines()[1].startswith(task)

        walk = Walk(d, ErrorPanel)
        await d.until("[1 loss]")
        await d.press("4")
        await d.until("macro")
        await walk("down", shows("rotated"))
        await walk("up", shows("upright"))
        await walk("j", shows("rotated"))
        await walk("k", shows("upright"))
        walk.over()

    # The means and one task have room.
    drive(runs, act, run=ended, size=(80, 9))


def test_keys_of_the_assignment(runs, ended):
    async def act(d):
        def at(task, unit):
            """Brackets stand around the cell that the cursor is on."""

            def holds():
                rows = d.panel("#assignment").splitlines()
                row = next(row for row in rows if row.startswith(task))
                return "[" in row and (row.index("[") > rows[0].index("conv2") - 3) == (unit == 2)

            return holds

        walk = Walk(d, DrillMap, CellMap)
        await d.until("entropy")
        await d.until(at("upright", 1))
        await walk("down", at("rotated", 1))
        await walk("up", at("upright", 1))
        await walk("j", at("rotated", 1))
        await walk("k", at("upright", 1))
        await walk("right", at("upright", 2))
        await walk("left", at("upright", 1))
        await walk("pagedown", at("rotated", 1))
        await walk("pageup", at("upright", 1))
        await walk("end", at("rotated", 2))
        await walk("home", at("upright", 1))
        await walk("enter", "conv1: probability")
        walk.over()

    drive(runs, act, run=ended)
