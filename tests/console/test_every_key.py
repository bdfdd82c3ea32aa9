"""No key without a test: whatever class of the console binds keys is walked through somewhere."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from shareconsole.console.app import ConsoleApp
from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.screens.browser import BrowserScreen
from shareconsole.console.screens.help import MOVES, sections
from shareconsole.console.screens.live import LiveScreen
from shareconsole.console.screens.presets import PresetScreen
from shareconsole.console.screens.unit import UnitScreen
from shareconsole.console.widgets.key_bar import key_words
from tests.console.walking import bindings_of, keys_of, kinds


def binding_kinds():
    """All classes of the console that bind keys."""
    return {kind for kind in kinds() if bindings_of(kind)}


def walked_kinds():
    """Those that a test presses every key of, as its module says in KINDS."""
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        module = importlib.import_module(f"tests.console.{file.stem}")
        found |= set(getattr(module, "KINDS", ()))
    return found


def test_every_key_has_a_test():
    assert {kind.__name__ for kind in binding_kinds()} == {kind.__name__ for kind in walked_kinds()}


def test_every_binding_is_in_the_help():
    told = {word for _, keys in sections() for words, what in keys for word in (what, words)}
    for kind in binding_kinds():
        for binding in bindings_of(kind):
            assert binding.description in told, kind
            # Those that move a cursor are named once for all.
            moves = binding.action.split("(")[0] in MOVES
            assert moves or key_words(binding.key) in told, kind


@pytest.mark.parametrize("screen", [BrowserScreen, LiveScreen, PresetScreen, UnitScreen])
def test_ids_of_bindings_are_there_and_unique_on_a_screen(screen):
    ids = [binding.id for kind in (screen, ConsoleScreen, ConsoleApp) for binding in
           bindings_of(kind)]  # fmt: skip
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_ids_that_people_may_have_bound_stay():
    ids = {binding.id for binding in bindings_of(LiveScreen)}
    assert {"pause", "resume", "stop", "checkpoint", "log", "log-y", "drill"} <= ids


def test_no_screen_gives_a_key_two_meanings():
    for kind in binding_kinds():
        keys = [key for binding in bindings_of(kind) for key in binding.key.split(",")]
        assert len(keys) == len(keys_of(kind)), kind
