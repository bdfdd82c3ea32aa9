"""run --watch: what the console is drawn with, and what is refused before a run is made."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from shareconsole import launch
from shareconsole.console import run as console


@pytest.fixture
def drawn(monkeypatch):
    """The consoles that would have been opened, as (run, colours, ASCII alone)."""
    calls = []

    def run_console(runs_dir, run=None, *, color="auto", ascii_only=False):
        calls.append((run.id, color, ascii_only))
        return 0

    def start(folder, steps=None, allow_inexact=False, *, narrate=None):
        return SimpleNamespace(attempt=SimpleNamespace(number=1, pid=1))

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(console, "run_console", run_console)
    monkeypatch.setattr(console, "require_terminal", lambda: None)
    return calls


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ("auto", False)),
        (("--color", "16"), ("16", False)),
        (("--color=none", "--ascii"), ("none", True)),
        (("--ascii",), ("auto", True)),
    ],
)
def test_watch_draws_as_it_is_told(cli, runs, drawn, words, expected):
    assert cli("run", "digits", "--watch", *words).code == 0
    (folder,) = runs.iterdir()
    assert drawn == [(folder.name, *expected)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--ascii",), "--ascii goes with --watch"),
        (("--color", "256"), "--color goes with --watch"),
        (("--watch", "--json"), "--watch does not go with --json"),
        (("--watch", "--detach", "--ascii"), "--watch does not go with --detach"),
        (("--watch", "--color", "many"), "'many' is not one of"),
    ],
)
def test_what_does_not_go_together_makes_no_run(cli, runs, drawn, words, told):
    result = cli("run", "digits", *words)
    assert (result.code, result.out, drawn) == (2, "", [])
    assert told in result.err
    assert not runs.exists()
