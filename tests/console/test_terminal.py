"""The console as a process: where it declines, how it ends, what it writes, what it loads."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from shareconsole.console.terminal import colour_depth
from shareconsole.store.index import list_runs
from tests.cli import synthetic
from tests.console.in_pty import ROOT, Terminal

COLOURS = re.compile(rb"\x1b\[([0-9;:]*)m")


@pytest.fixture
def runs(tmp_path):
    synthetic.ended_run(tmp_path / "runs", "mine")
    return tmp_path / "runs"


def console(runs, *words, **more):
    return Terminal(*words, "--runs", str(runs), size=(100, 30), **more)


def told_in(terminal):
    """What stands in the terminal after the full screen was left."""
    return terminal.text().rpartition("\x1b[?1049l")[2]


# Refusals


def piped(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "shareconsole", *words],
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=30,
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
def test_a_terminal_that_cannot_draw_is_declined(runs, term):
    with console(runs, "ui", TERM=term) as terminal:
        assert terminal.wait() == 2
    assert "cannot draw on this terminal" in terminal.text()
    assert "\x1b" not in terminal.text()


def test_a_redirected_output_is_declined(runs):
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


def test_a_run_that_is_not_there_is_told_before_anything_is_drawn(runs):
    with console(runs, "attach", "nothing") as terminal:
        assert terminal.wait() == 2
    assert "\x1b[?1049h" not in terminal.text()
    assert "no run in" in terminal.text()


# Ends


def test_q_leaves_with_0_and_the_terminal_as_it_was(runs):
    with console(runs, "ui") as terminal:
        terminal.wait_for("finished")
        terminal.press("q")
        assert terminal.wait() == 0
    for sequence in ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l"):
        assert sequence in terminal.text()
    assert told_in(terminal).strip("\r\n") == "" or "\x1b" in told_in(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_properly(runs, number):
    with console(runs, "ui") as terminal:
        terminal.wait_for("finished")
        os.kill(terminal.pid, number)
        assert terminal.wait(5) == 128 + number
    assert "\x1b[?1049l" in terminal.text()
    assert "Traceback" not in terminal.text()


def test_it_ends_with_its_terminal(runs):
    with console(runs, "ui") as terminal:
        terminal.wait_for("finished")
        terminal.hang_up()
        assert terminal.wait(5) == 128 + signal.SIGHUP


def test_it_ends_with_its_terminal_also_when_nobody_tells(runs):
    def ignore_hang_ups():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    # Only what was ignored when Python began stays so until the console takes it over; so the
    # signal is blocked as well, and the console has to see for itself that nobody is there.
    def deaf():
        ignore_hang_ups()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])

    with console(runs, "ui", start=deaf) as terminal:
        terminal.wait_for("finished")
        terminal.hang_up()
        assert terminal.wait(10) == 128 + signal.SIGHUP


def test_a_terminal_that_takes_nothing_does_not_keep_it(runs):
    """Nobody reads, so the console waits with a full pipe; a signal ends it all the same."""
    with console(runs, "ui") as terminal:
        terminal.wait_for("finished")
        for turn in range(120):
            terminal.resize(150 + turn % 2, 50)
            time.sleep(0.01)
        os.kill(terminal.pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while terminal.process.is_running() and terminal.process.status() != "zombie":
            assert time.monotonic() < end
            time.sleep(0.05)


BREAK = """
import sys
from shareconsole.console.screens.browser import BrowserScreen
def broken(self):
    raise RuntimeError("a mistake of ours")
BrowserScreen._figures = BrowserScreen.on_mount = broken
from shareconsole.cli import main
main()
"""


def test_a_crash_is_told_and_exits_with_1(runs):
    with console(runs, "ui", program=("-c", BREAK)) as terminal:
        assert terminal.wait() == 1
    assert "a mistake of ours" in terminal.text()
    assert "\x1b[?1049l" in terminal.text()


def test_what_trains_on_is_said_at_the_end(runs):
    folder = synthetic.live_run(runs, "trained")
    with console(runs, "attach", folder.id) as terminal:
        terminal.wait_for("running")
        terminal.press("q")
        assert terminal.wait() == 0
    assert f"shareconsole attach {folder.id}" in told_in(terminal)


# Colours


def colours_of(runs, *words, **environment):
    """Every parameter of every SGR sequence that the list of runs is drawn with."""
    with console(runs, *words, **environment) as terminal:
        terminal.wait_for("finished")
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
def test_colours_are_those_asked_for(runs, words, environment, expected):
    assert kinds_of(colours_of(runs, "ui", *words, **environment)) == expected


def test_which_colours_auto_means():
    assert colour_depth("auto", {"TERM": "tmux-256color"}) == "256"
    assert colour_depth("auto", {"TERM": "linux"}) == "16"
    assert colour_depth("auto", {"TERM": "xterm", "COLORTERM": "24bit"}) == "truecolor"
    assert colour_depth("auto", {"TERM": "xterm-256color", "NO_COLOR": "1"}) == "none"
    assert colour_depth("16", {"NO_COLOR": "1"}) == "16"


def test_ascii_draws_with_nothing_else(runs):
    with console(runs, "attach", "latest", "--ascii") as terminal:
        terminal.wait_for("entropy")
        terminal.press("q")
        terminal.wait()
    assert terminal.output.isascii()


def test_an_ascii_locale_draws_ascii(runs):
    more = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with console(runs, "ui", **more) as terminal:
        terminal.wait_for("+ finished")
        terminal.press("q")
        assert terminal.wait() == 0
    assert terminal.output.isascii()


# What it loads and writes

LOADED = """
import json, sys
path = sys.argv.pop(1)
from shareconsole.cli import main
try:
    main()
finally:
    with open(path, "w") as file:
        json.dump(sorted({name.split(".")[0] for name in sys.modules}), file)
"""


def test_the_list_needs_neither_numpy_nor_pydantic_and_nothing_needs_torch(runs, tmp_path):
    loaded = tmp_path / "loaded.json"
    program = ("-c", LOADED, str(loaded))
    with Terminal(program=program, size=(100, 30), SHARECONSOLE_RUNS=str(runs)) as terminal:
        terminal.wait_for("finished")
        terminal.read_for(0.5)
        terminal.press("q")
        assert terminal.wait() == 0
    names = set(json.loads(loaded.read_text()))
    assert "textual" in names
    assert not names & {"torch", "numpy", "pydantic", "sklearn"}
    with Terminal(program=program, size=(100, 30), SHARECONSOLE_RUNS=str(runs)) as terminal:
        terminal.wait_for("finished")
        terminal.press("\r")
        terminal.wait_for("entropy")
        terminal.press("\x1b")
        terminal.read_for(0.5)  # or it would be alt-n
        terminal.press("n")
        terminal.wait_for("planted")
        terminal.wait_for("routed units")
        terminal.press("\x1b")
        terminal.read_for(0.5)
        terminal.press("q")
        assert terminal.wait() == 0
    assert not set(json.loads(loaded.read_text())) & {"torch", "sklearn", "scipy"}


def test_looking_writes_nothing_into_a_run(runs):
    (folder,) = runs.iterdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with console(runs, "ui") as terminal:
        terminal.wait_for("finished")
        terminal.press("\r")
        terminal.wait_for("entropy")
        terminal.press("L")
        terminal.wait_for("log of")
        terminal.press("q")
        assert terminal.wait() == 0
    # The store's probe for the state of a file's clock lies beside the runs, not in them.
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.process
def test_run_watch_trains_on_when_its_console_is_gone_and_another_sees_the_end(tmp_path):
    from tests.trainer.conftest import SMALL

    runs = tmp_path / "runs"
    settings = [word for override in SMALL for word in ("--set", override)]
    endless = ["--set", "train.steps=1000000", "--set", "train.eval_every=50"]
    with console(runs, "run", "digits", "--watch", *settings, *endless) as terminal:
        terminal.wait_for("entropy", patience=60)
        terminal.hang_up()
        assert terminal.wait(10) == 128 + signal.SIGHUP
    (run,) = list_runs(runs)
    assert run.state == "running"
    with console(runs, "attach", "latest") as terminal:
        terminal.wait_for("entropy", patience=60)
        from shareconsole.store.attempts import read_attempt
        from shareconsole.store.folder import RunFolder

        pid = read_attempt(RunFolder(runs / run.id), 1).pid
        os.kill(pid, signal.SIGKILL)
        at = time.monotonic()
        terminal.wait_for("resumes from the last checkpoint")
        assert time.monotonic() - at < 6
        assert "crashed" in terminal.text()
        terminal.press("q")
        assert terminal.wait() == 0
