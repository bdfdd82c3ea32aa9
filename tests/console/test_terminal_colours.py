"""What is written for which terminal: the colours and the characters that it can show."""

from __future__ import annotations

import re

import pytest

from shareconsole.console.terminal import colour_depth
from tests.console.in_pty import console

COLOURS = re.compile(rb"\x1b\[([0-9;:]*)m")


def colours_of(runs, *words, **environment):
    """Every parameter of every SGR sequence that the list of runs is drawn with."""
    with console(runs, *words, **environment) as terminal:
        terminal.until("finished")
        terminal.press("q")
        terminal.wait()
    return {match[1].decode() for match in COLOURS.finditer(terminal.output)}


def kinds_of(parameters):
    kinds = set()
    for text in parameters:
        if re.search(r"[34]8;2;", text):
            kinds.add("truecolor")
        elif re.search(r"[34]8;5;", text):
            kinds.add("256")
        elif any(30 <= int(part or 0) <= 107 and int(part or 0) not in (39, 49)
                 for part in text.split(";")):  # fmt: skip
            kinds.add("16")
    return kinds


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        ((), {}, {"256"}),
        ((), {"COLORTERM": "truecolor"}, {"truecolor"}),
        ((), {"TERM": "xterm"}, {"16"}),
        (("--color", "none"), {}, set()),
        (("--color", "16"), {"COLORTERM": "truecolor"}, {"16"}),
        (("--color", "256"), {"NO_COLOR": "1"}, {"256"}),
    ],
    ids=str,
)
def test_colours_are_those_asked_for(finished_runs, words, environment, expected):
    assert kinds_of(colours_of(finished_runs, "ui", *words, **environment)) == expected


def test_which_colours_auto_means():
    assert colour_depth("auto", {"TERM": "tmux-256color"}) == "256"
    assert colour_depth("auto", {"TERM": "linux"}) == "16"
    assert colour_depth("auto", {"TERM": "xterm", "COLORTERM": "24bit"}) == "truecolor"
    assert colour_depth("auto", {"TERM": "xterm-256color", "NO_COLOR": "1"}) == "none"
    assert colour_depth("16", {"NO_COLOR": "1"}) == "16"


def test_ascii_draws_with_nothing_else(finished_runs):
    with console(finished_runs, "attach", "latest", "--ascii") as terminal:
        terminal.until("entropy")
        terminal.press("q")
        terminal.wait()
    assert terminal.output.isascii()


def test_an_ascii_locale_draws_ascii(finished_runs):
    more = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with console(finished_runs, "ui", **more) as terminal:
        terminal.until("+ finished")
        terminal.press("q")
        assert terminal.wait() == 0
    assert terminal.output.isascii()
