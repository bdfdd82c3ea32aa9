"""Every key of the list of runs."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from shareconsole.console.screens.browser import BrowserScreen
from shareconsole.console.widgets.filter_input import FilterInput
from shareconsole.console.widgets.run_table import RunTable
from tests.cli import synthetic
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (BrowserScreen, RunTable, FilterInput)


def on(d, name):
    """Whether the line below the table is about a run."""
    return lambda: f"-{name}-" in d.rows()[-2]


def test_keys_that_move_the_cursor_and_open(runs):
    for number in range(30):
        synthetic.new_run(runs, f"run-{number:02}")

    async def act(d):
        walk = Walk(d, RunTable)
        await d.until(lambda: "reading" not in d.text() and on(d, "run-29")())
        await walk("down", on(d, "run-28"))
        await walk("j", on(d, "run-27"))
        await walk("up", on(d, "run-28"))
        await walk("k", on(d, "run-29"))
        # 20 rows: the title, the heads, 16 runs, the line about the run, the keys.
        await walk("pagedown", on(d, "run-14"))
        assert "run-29" in d.text()
        await walk("pagedown", on(d, "run-00"))
        assert "run-29" not in d.text()
        await walk("pageup", on(d, "run-15"))
        await walk("home", on(d, "run-29"))
        await walk("end", on(d, "run-00"))
        await walk("g", on(d, "run-29"))
        await walk("G", on(d, "run-00"))
        await walk("enter", lambda: d.screen() == "LiveScreen" and "run-00" in d.text())
        walk.over()

    drive(runs, act, size=(100, 20))


def order(d, *names):
    """Whether these of the fruits are listed, in this order."""

    def holds():
        found = [name for row in d.rows() for name in ("apple", "pear") if f" {name} " in row]
        return tuple(found) == names

    return holds


def test_keys_of_the_screen(runs, training):
    synthetic.ended_run(runs, "apple")
    synthetic.ended_run(runs, "pear")

    async def act(d):
        walk = Walk(d, BrowserScreen)
        await d.until(lambda: "reading" not in d.text() and order(d, "pear", "apple")())
        await walk("o", "state▴")
        await walk("O", "state▾")
        await walk("slash", lambda: isinstance(d.app.focused, Input))
        await d.type("trained")
        await d.until("1 of 3 runs")
        await d.press("enter")
        await walk("c", "trained saved a checkpoint")
        await walk("p", "= paused")
        await walk("r", "● running")
        await walk("s", "Stop trained?")
        await d.press("y")
        await d.until("■ stopped")
        await walk("l", "log of trained")
        await d.press("escape")
        await walk("escape", "   3 runs")
        await walk("n", lambda: d.screen() == "PresetScreen")
        walk.over()

    drive(runs, act, size=(140, 20))


@pytest.mark.parametrize(
    ("keys", "then"),
    [
        (("enter", "4"), "[4 errors]"),
        (("enter", "3", "enter"), "conv1: probability"),
        (("enter", "l"), "│ trained"),
        (("enter", "3", "enter", "escape"), "[3 assignment]"),
    ],
)
def test_keys_in_the_packet_of_enter_are_for_the_run_that_it_opens(runs, ended, keys, then):
    async def act(d):
        await d.until(on(d, "mine"))
        for key in keys:
            d.app.simulate_key(key)
        await d.until(then)
        await d.press("escape")
        if then.endswith("probability"):
            await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, BrowserScreen))

    drive(runs, act, size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_the_ways_out_of_the_filter_are_named(runs, size):
    synthetic.ended_run(runs, "apple")

    async def act(d):
        walk = Walk(d, FilterInput)
        await d.until("finished")
        assert "esc" not in d.rows()[-1]
        await d.press("slash", "a")
        await d.until(
            lambda: d.rows()[-1].startswith(" enter keep the filter  esc clear the filter ")
        )
        assert "/ filter" not in d.rows()[-1]
        await walk("enter", lambda: isinstance(d.app.focused, RunTable))
        await d.until(lambda: "esc clear the filter" in d.rows()[-1])
        await d.press("escape")
        await d.until(lambda: "esc" not in d.rows()[-1])
        walk.over()

    drive(runs, act, size=size)


def test_letters_in_the_packet_of_the_slash_are_the_filters(runs, training):
    _, trainer = training

    async def act(d):
        await d.until(on(d, "trained"))
        for key in ("slash", *"syxnrtq"):
            d.app.simulate_key(key)
        await d.until(lambda: d.app.screen.query_one("#filter-text", Input).value == "syxnrtq")
        assert isinstance(d.app.screen, BrowserScreen)
        assert d.app.is_running
        for key in ("escape", "s", "escape", "n"):
            d.app.simulate_key(key)
        await d.until("new run")

    drive(runs, act)
    assert trainer.seen == []
