"""Command lines that open the console mean the same whether typer reads them or we do."""

from __future__ import annotations

import pytest

from shareconsole.cli import console
from shareconsole.console import run
from tests.cli import synthetic

LINES = (
    ("",),
    ("ui",),
    ("--ascii",),
    ("--color=256",),
    ("ui", "--color", "none", "--ascii"),
    ("ui", "--color", "many"),
    ("ui", "--color="),
    ("ui", "extra"),
    ("ui", "--runs", "elsewhere"),
    ("ui", "--runs=elsewhere"),
    ("ui", "--runs"),
    ("ui", "--runs", "--ascii"),
    ("ui", "--runs", "one", "--runs", "two"),
    ("ui", "--help"),
    ("ui", "--no-such"),
    ("ui", "--"),
    ("attach",),
    ("attach", "latest"),
    ("attach", "latest", "--ascii", "--color=16"),
    ("attach", "--ascii", "latest"),
    ("attach", "latest", "more"),
    ("attach", "nothing"),
    ("attach", "--", "latest"),
    ("attach", "-h"),
    ("attach", "latest", "--asci"),
)


@pytest.fixture
def opened(monkeypatch):
    """The consoles that would have been opened, as (folder of runs, run, colours, ASCII)."""
    calls = []

    def run_console(runs_dir, folder=None, *, color="auto", ascii_only=False):
        calls.append((str(runs_dir), folder and folder.id, color, ascii_only))
        return 0

    monkeypatch.setattr(run, "run_console", run_console)
    monkeypatch.setattr(run, "require_terminal", lambda: None)
    return calls


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_line_means_the_same_either_way(cli, runs, opened, monkeypatch, line):
    synthetic.ended_run(runs)
    monkeypatch.setenv("SHARECONSOLE_RUNS", str(runs))
    words = [word for word in line if word]
    ours = cli(*words, own_runs=False), list(opened)
    opened.clear()
    monkeypatch.setattr(console, "everyday", lambda words: None)
    if words:
        assert ours == (cli(*words, own_runs=False), opened)
    else:
        assert ours == (type(ours[0])(0, "", ""), [(str(runs), None, "auto", False)])


def test_the_lines_of_every_day_are_read_without_typer():
    for line in ((), ("ui",), ("attach", "a"), ("ui", "--runs", "x"), ("attach", "a", "--ascii")):
        assert console.everyday(line) is not None
    for line in (("ls",), ("attach",), ("ui", "--help"), ("ui", "--color", "many")):
        assert console.everyday(line) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", ""),
        ("ls --json", "ls --json"),
        ("--runs=x", "ui --runs=x"),
        ("--runs x --ascii", "ui --runs x --ascii"),
        ("--runs", "ui --runs"),
        ("--ascii --help", "ui --ascii --help"),
        ("--runs x ls --json", "ls --runs x --json"),
        ("--runs ls ls", "ls --runs ls"),
        ("--color=16 --runs x attach latest", "attach --color=16 --runs x latest"),
        ("--version", "--version"),
    ],
)
def test_options_may_be_typed_before_the_command(typed, meant):
    assert console.command_first(typed.split()) == meant.split()


def test_the_folder_of_runs_may_be_named_before_the_command(cli, runs):
    run = synthetic.ended_run(runs)
    found = cli("--runs", str(runs), "ls", "--json", own_runs=False)
    assert (found.code, run.id in found.out) == (0, True), found
    assert cli("--ascii", "ls").code == 2
