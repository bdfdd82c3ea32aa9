"""Inside one routed unit: the keys, and what there is room for."""

from __future__ import annotations

from shareconsole.console.screens.unit import UnitScreen
from shareconsole.console.widgets.heatmap import SharedMap, UnitMap
from tests.console import kinds
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (UnitScreen,)
WORDS = ("] next unit", "[ unit before", "w other map")


def test_keys_of_the_screen(runs, ended):
    async def act(d):
        def keys_at(kind):
            return lambda: isinstance(d.app.focused, kind)

        walk = Walk(d, UnitScreen)
        await d.until("entropy")
        await d.press("enter")
        await d.until("conv1: probability")
        await walk("right_square_bracket", "conv2: probability")
        await walk("left_square_bracket", "conv1: probability")
        await walk("b", "conv2: probability")
        await walk("n", "conv1: probability")
        await walk("w", keys_at(SharedMap))
        await d.press("w")
        await walk("tab", keys_at(SharedMap))
        await d.press("tab")
        assert keys_at(UnitMap)()
        walk.over()

    drive(runs, act, run=ended)


def test_enter_drills_into_the_unit_under_the_cursor(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("right", "enter")
        await d.until("conv2: probability")
        assert "units shared by two tasks, of 2" in d.text()
        assert d.app.screen.query_one(UnitMap).has_focus
        await d.press("escape")
        assert d.screen() == "LiveScreen"
        # From another panel too.
        await d.press("1", "enter")
        await d.until("conv2: probability")

    drive(runs, act, run=ended)


def test_the_sharing_of_a_unit_is_a_page_where_there_is_no_room(runs, ended):
    async def act(d):
        await d.until("[1 loss]")
        await d.press("enter")
        assert d.screen() == "LiveScreen"
        await d.press("3", "enter")
        await d.until("conv1: probability")
        assert "units shared" not in d.text()
        await d.press("w")
        await d.until("units shared")
        assert "conv1: probability" not in d.text()

    drive(runs, act, run=ended, size=(80, 24))


def test_keys_to_other_units_are_named_where_they_change_something(runs):
    folder = kinds.a_run(runs, kinds.pairs("affinity"))

    async def act(d):
        def named(*words):
            return lambda: [word for word in WORDS if word in d.rows()[-1]] == list(words)

        await d.until("[1 loss]")
        await d.press("8", "enter")
        await d.until("conv1: affinity of tasks")
        assert named(*WORDS)()
        # The mean of all units is the same whichever unit is looked into.
        await d.press("w")
        await d.until("mean of 4 units, hundredths")
        await d.until(named("w other map"))
        await d.resize(120, 36)
        await d.until(named(*WORDS))

    drive(runs, act, run=folder, size=(80, 24))


def test_a_unit_that_is_the_only_one_names_no_keys_to_others(runs):
    (kind, (found, (_, *axes))), *_ = kinds.pairs("affinity").items()
    alone = {kind: ([one[:1] for one in found], (("conv1",), *axes))}
    folder = kinds.a_run(runs, alone)

    async def act(d):
        await d.until("macro")
        await d.press("8", "enter")
        await d.until("conv1: affinity of tasks")
        assert "w other map" in d.rows()[-1]
        assert "unit" not in d.rows()[-1]
        assert "mean of 1 unit, hundredths" in d.text()

    drive(runs, act, run=folder)
