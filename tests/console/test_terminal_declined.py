"""Terminals that the console declines, each in one line and before anything is done."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.console.in_pty import ROOT, Terminal, console


def piped(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "shareconsole", *words],
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("words", [(), ("ui",), ("--ascii",), ("attach", "latest"),
                                   ("run", "digits", "--watch")], ids=" ".join)  # fmt: skip
def test_without_a_terminal_it_declines_in_one_line(words, tmp_path):
    result = piped(*words, SHARECONSOLE_RUNS=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: the console needs a terminal")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_draw_is_declined(finished_runs, term):
    with console(finished_runs, "ui", TERM=term) as terminal:
        assert terminal.wait() == 2
    assert "cannot draw on this terminal" in terminal.text()
    assert "\x1b" not in terminal.text()


def test_a_redirected_output_is_declined():
    code = (
        "import os, sys; os.dup2(os.open(os.devnull, os.O_WRONLY), 1);"
        "from shareconsole.cli import main; main()"
    )
    with Terminal("ui", program=("-c", code)) as terminal:
        assert terminal.wait() == 2
    assert "stdout is none" in terminal.text()


@pytest.mark.parametrize("other", ["--detach", "--json"])
def test_watch_does_not_go_with_what_returns_at_once(other, tmp_path):
    result = piped("run", "digits", "--watch", other, SHARECONSOLE_RUNS=str(tmp_path))
    assert result.returncode == 2
    assert f"--watch does not go with {other}" in result.stderr


def test_a_run_that_is_not_there_is_told_before_anything_is_drawn(finished_runs):
    with console(finished_runs, "attach", "nothing") as terminal:
        assert terminal.wait() == 2
    assert "\x1b[?1049h" not in terminal.text()
    assert "no run in" in terminal.text()
