"""What the console loads, and that it writes nothing into what it shows."""

from __future__ import annotations

import json

from tests.console.in_pty import Terminal, console

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


def telling(runs, path):
    """The console, which writes the names of what it loaded into a file when it ends."""
    program = ("-c", LOADED, str(path))
    return Terminal(program=program, size=(100, 30), SHARECONSOLE_RUNS=str(runs))


def is_list(rows):
    return "1 run" in rows[0]


def test_the_list_needs_neither_numpy_nor_pydantic(finished_runs, tmp_path):
    loaded = tmp_path / "loaded.json"
    with telling(finished_runs, loaded) as terminal:
        terminal.until("finished")
        terminal.press("q")
        assert terminal.wait() == 0
    names = set(json.loads(loaded.read_text()))
    assert "textual" in names
    assert not names & {"torch", "numpy", "pydantic", "sklearn"}


def test_nothing_needs_torch(finished_runs, tmp_path):
    loaded = tmp_path / "loaded.json"
    with telling(finished_runs, loaded) as terminal:
        terminal.until("finished")
        terminal.press("\r")
        terminal.until("entropy")
        terminal.press("\x1b")
        terminal.until(is_list)
        terminal.press("n")
        terminal.until("choose a preset")
        terminal.until("routed units")
        terminal.press("\x1b")
        terminal.until(is_list)
        terminal.press("q")
        assert terminal.wait() == 0
    names = set(json.loads(loaded.read_text()))
    assert {"numpy", "pydantic"} <= names
    assert not names & {"torch", "sklearn", "scipy"}


def test_looking_writes_nothing_into_a_run(finished_runs):
    (folder,) = (path for path in finished_runs.iterdir() if path.is_dir())
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with console(finished_runs, "ui") as terminal:
        terminal.until("finished")
        terminal.press("\r")
        terminal.until("entropy")
        terminal.press("L")
        terminal.until("log of")
        terminal.press("q")
        assert terminal.wait() == 0
    # The store's probe for the state of a file's clock lies beside the runs, not in them.
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
