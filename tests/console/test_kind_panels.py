"""The screen of a run that emits another kind than assignments: panels, keys, drill-downs."""

from __future__ import annotations

import pytest

from shareconsole.console.screens.panels import Panels
from shareconsole.console.widgets.pair_map import PairsPanel
from shareconsole.console.widgets.spectrum import SpectrumPanel
from shareconsole.console.widgets.tree import TreePanel
from tests.cli import synthetic
from tests.console import kinds
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (PairsPanel, SpectrumPanel)
BRANCHED = {**kinds.pairs("affinity"), **kinds.tree()}
TRACE = {**kinds.pairs("similarity"), **kinds.spectrum()}


@pytest.mark.parametrize(
    ("tensors", "columns", "pages"),
    [
        (kinds.allocation(), (), [("5", "allocation")]),
        (TRACE, (), [("6", "similarity"), ("7", "spectrum")]),
        (BRANCHED, (), [("8", "affinity"), ("9", "tree")]),
        ({}, kinds.RULE, [("0", "step_size")]),
    ],
    ids=["allocation", "trace norm", "branched", "line search"],
)
def test_a_run_has_the_panels_of_what_it_emits(runs, tensors, columns, pages):
    folder = kinds.a_run(runs, tensors, columns=columns)

    async def act(d):
        await d.until("[1 loss]")
        panels = d.app.screen.query_one(Panels)
        assert panels.pages() == [("1", "loss"), ("4", "errors"), *pages]
        for key, name in pages:
            await d.press(key)
            await d.until(f"[{key} {name.replace('_', ' ')}]")
            assert d.app.focused is d.app.screen.query_one(f"#{name}")
        await d.press("3")
        await d.until("this run logs nothing for that panel")
        # All of them at once, two to a row.
        await d.resize(120, 36)
        await d.until("test error %")
        places = [d.app.screen.query_one(f"#{name}").region for _, name in panels.pages()]
        assert len({(place.x, place.y) for place in places}) == len(places)
        assert all(place.width >= 60 for place in places)

    drive(runs, act, run=folder, size=(80, 24))


def test_the_map_has_the_keys_at_first(runs):
    folder = kinds.a_run(runs, BRANCHED)

    async def act(d):
        await d.until(lambda: isinstance(d.app.focused, TreePanel))
        await d.until("conv1 of digits-1: shared with")

    drive(runs, act, run=folder)


def test_a_panel_for_what_comes_later_is_there_before(runs):
    folder = kinds.a_run(runs, kinds.tree(late=True), upto=12)

    async def act(d):
        await d.until("no tree yet")
        await d.press("8")
        await d.until("this run logs nothing for that panel")

    drive(runs, act, run=folder)


def test_before_the_first_record_no_panel_is_ruled_out(runs):
    folder = synthetic.new_run(runs, "new")
    synthetic.begin(folder)
    synthetic.beat(folder, step=0)

    async def act(d):
        await d.until("nothing was recorded yet")
        await d.press("3")
        await d.until(lambda: len(d.app._notifications) == 1)
        (notice,) = d.app._notifications
        assert notice.message == "nothing to show there yet"

    drive(runs, act, run=folder)


def test_keys_of_the_pairs(runs):
    folder = kinds.a_run(runs, TRACE)

    async def act(d):
        walk = Walk(d, PairsPanel)
        await d.until("conv1 (1 of 4)")
        await walk("right_square_bracket", "conv2 (2 of 4)")
        await walk("left_square_bracket", "conv1 (1 of 4)")
        await walk("b", "dense1 (4 of 4)")
        await walk("n", "conv1 (1 of 4)")
        await d.until("digits-1 and digits-2: ")
        await d.press("down")
        await d.until("digits-2 and digits-2: the same task")
        walk.over()

    drive(runs, act, run=folder)


def test_keys_of_the_spectrum(runs):
    folder = kinds.a_run(runs, TRACE)

    async def act(d):
        def first(unit):
            return lambda: d.panel("#spectrum").splitlines()[1].startswith(unit)

        walk = Walk(d, SpectrumPanel)
        await d.until("[1 loss]")
        await d.press("7")
        await d.until(first("conv1"))
        await walk("down", first("conv2"))
        await walk("up", first("conv1"))
        await walk("j", first("conv2"))
        await walk("k", first("conv1"))
        walk.over()

    drive(runs, act, run=folder, size=(80, 9))


@pytest.mark.parametrize(
    ("tensors", "own", "beside"),
    [
        (kinds.allocation(), "probability of each component, %", "components in common, of 4"),
        (TRACE, "similarity of weights, hundredths", "similarity of weights: mean of 4 units"),
        (BRANCHED, "affinity of tasks, hundredths", "affinity of tasks: mean of 4 units"),
    ],
    ids=["allocation", "similarity", "affinity"],
)
def test_enter_looks_into_a_unit(runs, tensors, own, beside):
    folder = kinds.a_run(runs, tensors)

    async def act(d):
        await d.until("macro")
        await d.press("enter")
        await d.until(f"conv1: {own}")
        assert beside in d.text()
        await d.press("n")
        await d.until(f"conv2: {own}")
        await d.press("b", "b")
        await d.until(f"dense1: {own}")
        await d.press("escape")
        assert d.screen() == "LiveScreen"

    drive(runs, act, run=folder)
