"""The start of a run from a preset: the keys, what it becomes, and why it cannot."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from shareconsole.console.screens.presets import PresetScreen
from shareconsole.console.viewmodel.presets import PresetChoice
from shareconsole.console.widgets.preset_list import PresetList
from shareconsole.store.folder import RunFolder
from shareconsole.store.identity import read_identity
from shareconsole.store.status import derive_state
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (PresetScreen, PresetList)


@pytest.fixture
def started(monkeypatch):
    """The runs that would have been started."""
    found = []
    monkeypatch.setattr("shareconsole.launch.start", found.append)
    return found


def test_keys_of_the_screen(runs, started):
    async def act(d):
        def field(name):
            return lambda: isinstance(d.app.focused, Input) and d.app.focused.id == f"preset-{name}"

        walk = Walk(d, PresetScreen)
        await d.press("n")
        await d.until("[network]")
        await walk("tab", field("name"))
        await d.press("tab")
        await walk("shift+tab", field("name"))
        await d.press("shift+tab")
        await walk("enter", lambda: d.screen() == "LiveScreen")
        walk.over()

    drive(runs, act)
    assert len(started) == 1


def test_keys_of_the_list(runs):
    async def act(d):
        def chosen(place):
            presets = d.app.screen.query_one(PresetList)
            return lambda: presets.chosen == names[place]

        await d.press("n")
        await d.until("[network]")
        names = [choice.name for choice in d.app.screen.query_one(PresetList)._choices]
        walk = Walk(d, PresetList)
        await walk("down", chosen(1))
        await walk("up", chosen(0))
        await walk("j", chosen(1))
        await walk("k", chosen(0))
        await walk("end", chosen(-1))
        await walk("home", chosen(0))
        await walk("G", chosen(-1))
        await walk("g", chosen(0))
        walk.over()

    drive(runs, act)


@pytest.mark.parametrize(("size", "cells"), [((80, 24), 34), ((120, 36), 47), ((200, 50), 47)])
def test_the_list_is_as_wide_as_its_longest_name(runs, monkeypatch, size, cells):
    longest = "p" * 40
    choices = (PresetChoice("digits", "", True, "presets/digits.toml"),
               PresetChoice(longest, "", True, "presets/p.toml"))  # fmt: skip
    monkeypatch.setattr("shareconsole.console.viewmodel.presets.preset_choices", lambda: choices)

    async def act(d):
        await d.press("n")
        await d.until("parameters")
        assert d.app.screen.query_one(PresetList).outer_size.width == cells
        assert any(longest in row for row in d.rows()) == (size[0] > 80)
        assert d.app.screen.query_one("#settings").outer_size.width == size[0] - cells

    drive(runs, act, size=size)


def test_a_short_list_keeps_its_width(runs, monkeypatch):
    choices = (PresetChoice("digits", "", True, "presets/digits.toml"),)
    monkeypatch.setattr("shareconsole.console.viewmodel.presets.preset_choices", lambda: choices)

    async def act(d):
        await d.press("n")
        await d.until("parameters")
        assert d.app.screen.query_one(PresetList).outer_size.width == 34

    drive(runs, act, size=(200, 50))


def test_a_preset_starts_under_another_name_and_seed(runs, started):
    async def act(d):
        await d.until("no runs yet")
        await d.press("n")
        await d.until('name = "digits"')
        second = d.app.screen.query_one(PresetList)._choices[1].name
        await d.press("down")
        await d.until(f'name = "{second}"')
        await d.press("up", "tab")
        await d.type("my run")
        await d.press("tab")
        await d.type("7x")
        await d.until("run.seed")
        await d.press("backspace")
        await d.until("[train]")
        await d.press("enter")
        await d.until(lambda: d.screen() == "LiveScreen")

    drive(runs, act, size=(120, 60))
    identity = read_identity(started[0])
    assert (identity.name, identity.seed, identity.preset) == ("my run", 7, "digits")
    assert derive_state(RunFolder(started[0].path)).word == "queued"


def test_a_preset_that_cannot_start_says_why(runs):
    async def act(d):
        await d.press("n")
        await d.until("[network]")
        await d.press("tab", "tab")
        await d.type("no")
        await d.until("run.seed")
        await d.press("enter")
        await d.until(lambda: d.text().count("run.seed") > 1)
        assert d.screen() == "PresetScreen"
        await d.press("escape")
        assert d.screen() == "BrowserScreen"

    drive(runs, act)
    assert not runs.exists()
