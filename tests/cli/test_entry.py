"""The command as a process: what it loads, pipes, colours, completion."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import synthetic

COMMAND = [sys.executable, "-m", "shareconsole"]
LOADED = """
import json, sys
from shareconsole.cli.app import run
code = run(sys.argv[1:])
names = {name.split(".")[0] for name in sys.modules}
print("\\n" + json.dumps([code, sorted(names)]))
"""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "TERM": "xterm-256color", **more}


def loaded_by(*words: str) -> set[str]:
    command = [sys.executable, "-c", LOADED, *words]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout.splitlines()[-1])[1])


def test_importing_the_command_line_costs_typer_only():
    code = "import json, sys, shareconsole.cli; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    names = {name.split(".")[0] for name in json.loads(result.stdout)}
    assert not names & {"torch", "numpy", "pydantic", "rich", "textual", "psutil", "tomli"}


@pytest.mark.parametrize(
    "words",
    [("ls",), ("show", "latest"), ("check", "digits"), ("doctor",), ("export", "latest")],
    ids=lambda words: words[0],
)
def test_no_command_loads_torch_or_textual(runs, words):
    synthetic.ended_run(runs)
    names = loaded_by(*words, "--runs", str(runs))
    assert "typer" in names
    assert not names & {"torch", "textual", "sklearn", "scipy"}


def complete(line: str, cwd: Path, **more: str) -> list[str]:
    code = (
        "import sys\nfrom shareconsole.cli.app import app\n"
        "try:\n    app(prog_name='shareconsole')\n"
        "finally:\n"
        # Not pydantic: typer itself parses with it.
        "    heavy = {'torch', 'numpy', 'tomli', 'rich', 'textual', 'psutil'} & set(sys.modules)\n"
        "    print(sorted(heavy), file=sys.stderr)\n"
    )
    words = line.split(" ")
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(
            _SHARECONSOLE_COMPLETE="complete_bash",
            COMP_WORDS=line,
            COMP_CWORD=str(len(words) - 1),
            PYTHONPATH=str(Path(__file__).parents[2]),
            **more,
        ),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr.splitlines()[-1] == "[]", result.stderr
    return [name for name in result.stdout.splitlines() if name]


def test_completion_of_presets_and_runs_needs_typer_alone(runs, tmp_path):
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "mine.toml").touch()
    assert complete("shareconsole run mi", tmp_path) == ["mine"]
    assert "digits-full" in complete("shareconsole run digits", tmp_path)
    assert complete("shareconsole stat", tmp_path) == []
    ids = [synthetic.ended_run(runs, name).id for name in ("one", "two")]
    (runs / ".trash").mkdir()
    assert complete("shareconsole show la", tmp_path) == ["latest"]
    assert complete(f"shareconsole show {ids[0][:8]}", tmp_path) == sorted(ids, reverse=True)
    elsewhere = complete("shareconsole stop 2", tmp_path, SHARECONSOLE_RUNS=str(tmp_path / "no"))
    assert elsewhere == []
    assert complete(f"shareconsole logs --runs {runs} {ids[1]}", Path("/")) == [ids[1]]


def test_a_closed_pipe_ends_a_command_without_a_word(runs):
    synthetic.ended_run(runs)
    command = " ".join(COMMAND) + f" export latest --runs '{runs}' | head -n 1"
    result = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True, env=environment()
    )
    assert result.stdout.startswith("step,")
    assert result.stderr == ""


def test_a_full_stdout_is_told(runs):
    synthetic.ended_run(runs)
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*COMMAND, "ls", "--json", "--runs", str(runs)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert "cannot write the output" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_ascii_locale_shows_escapes_and_no_traceback(runs):
    synthetic.ended_run(runs, "naïve 界")
    result = subprocess.run(
        [*COMMAND, "show", "latest", "--runs", str(runs)],
        capture_output=True,
        check=True,
        env=environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    )
    assert b"na\\xefve \\u754c" in result.stdout
    assert result.stderr == b""


def in_terminal(words: list[str], **more: str) -> bytes:
    """Run a command with stdout on a terminal of 80 columns; return what it wrote."""
    ours, theirs = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more)
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # Linux says EIO once the last writer has closed
        written += b""
    finally:
        os.close(ours)
    assert process.wait(30) == 0
    return written


def test_colours_are_for_terminals_and_not_under_no_color(runs):
    synthetic.ended_run(runs, "a name of its own " * 9)
    words = ["ls", "--runs", str(runs)]
    coloured = in_terminal(words)
    assert b"\x1b[32m" in coloured
    plain = in_terminal(words, NO_COLOR="1")
    assert b"\x1b[32m" not in plain
    lines = plain.replace(b"\x1b[1m", b"").replace(b"\x1b[2m", b"").replace(b"\x1b[0m", b"")
    assert max(len(line) for line in lines.decode().splitlines()) <= 80
    piped = subprocess.run(
        [*COMMAND, *words], capture_output=True, check=True, env=environment(FORCE_COLOR="1")
    )
    assert b"\x1b" not in piped.stdout


@pytest.mark.parametrize("words", [["ls"], ["export", "latest"], ["show", "latest", "--json"]])
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-", "1</dev/null"])
def test_a_closed_stdout_is_no_defect(runs, words, closed):
    synthetic.ended_run(runs)
    command = f"{sys.executable} -m shareconsole {' '.join(words)} --runs {runs} {closed}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    assert result.returncode == (1 if "1<" in closed else 0)


@pytest.mark.parametrize("module", ["typer", "shareconsole.store.index", "numpy"])
def test_ctrl_c_while_modules_load_ends_with_130(runs, module):
    """Also where the interrupted import shows as another error."""
    synthetic.ended_run(runs)
    code = f"""
import os, signal, sys
class Press:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt as error:
                raise ImportError("cannot load") from error if name == "numpy" else error
sys.meta_path.insert(0, Press())
sys.argv = ["shareconsole", "export", "latest", "--runs", {str(runs)!r}]
from shareconsole.cli import main
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (130, "")
    assert "Traceback" not in result.stderr
