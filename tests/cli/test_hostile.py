"""Foreign text shows literally in the output of every command and drives no terminal."""

from __future__ import annotations

import io
import re

import pytest

from shareconsole.headless.output import make_console
from tests.cli import synthetic

NAME = "[@click=app.bell()]x[/]\x1b]0;pwned\x07"
SHOWN = "[@click=app.bell()]x[/]\\x1b]0;pwned\\x07"
IN_JSON = "[@click=app.bell()]x[/]\\u001b]0;pwned\\u0007"
OVERRIDES = (f'run.tags=["{IN_JSON}"]', f'run.notes="{IN_JSON}"')
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e")


def clean(*texts: str) -> bool:
    return not any(character in text for text in texts for character in FORBIDDEN)


@pytest.fixture
def hostile(runs, monkeypatch):
    monkeypatch.setattr(synthetic, "TASKS", (f"{NAME}1", "\u202e[1e-3"))
    monkeypatch.setattr(synthetic, "UNITS", (f"[red]{NAME}", "[/]"))
    monkeypatch.setattr(synthetic, "MODULES", ("\x9b2J", "[b]"))
    return synthetic.ended_run(
        runs,
        NAME,
        *OVERRIDES,
        reason="failed",
        step=15,
        error=f"failed {NAME}",
        log=[NAME.encode(), b"\n"],
        warning=f"warning {NAME}",
    )


@pytest.mark.parametrize("words", [("ls",), ("show", "latest"), ("logs", "latest")])
def test_reading_commands_show_it_literally(cli, hostile, words):
    result = cli(*words)
    assert result.code == 0
    assert SHOWN in result.out
    assert clean(result.out, result.err)


@pytest.mark.parametrize("words", [("ls",), ("show", "latest"), ("logs", "latest")])
def test_json_escapes_it(cli, hostile, words):
    result = cli(*words, "--json")
    assert IN_JSON in result.out
    assert clean(result.out, result.err)


def test_the_rest_is_clean_too(cli, hostile, tmp_path):
    path = tmp_path / "a\x1b]0;pwned\x07.csv"
    for words in (
        ("export", "latest", "-o", str(path)),
        ("export", "latest", "-o", str(tmp_path / "no\x1b" / "x")),
        ("stop", "latest"),
        ("pause", "latest"),
        ("checkpoint", "latest"),
        ("resume", "latest", "--steps", "no\x1b"),
        ("stop", NAME),
        ("ls", "--filter", f"{NAME}<3"),
        ("ls", "--filter", f"nonsense{NAME}:3"),
        ("ls", "--sort", NAME),
        ("check", "digits", "--set", f"run.name={NAME}"),
        ("check", "digits", "--set", f"train.{NAME}=3"),
        ("check", f"{tmp_path}/{NAME}.toml"),
        ("check", NAME),
    ):
        result = cli(*words)
        assert clean(result.out, result.err), words
        assert "Traceback" not in result.err
    assert SHOWN in cli("check", "digits", "--set", f"run.name={NAME}").out


def test_a_runs_folder_with_a_hostile_name(cli, tmp_path):
    runs = tmp_path / "[red]\x1b]0;pwned\x07"
    synthetic.ended_run(runs)
    for words in (("ls",), ("show", "latest"), ("doctor",)):
        result = cli(*words, "--runs", str(runs), own_runs=False)
        assert result.code == 0
        assert clean(result.out, result.err)


def test_a_run_that_is_asked_and_followed(cli, training):
    training(name=NAME, after_resume="failed")
    for words in (("pause", "latest"), ("checkpoint", "latest")):
        result = cli(*words)
        assert result.code == 0
        assert clean(result.out, result.err)
    result = cli("resume", "latest")
    assert SHOWN in result.out
    assert clean(result.out, result.err)


def test_colours_are_ours_alone(hostile, monkeypatch):
    """On a terminal the only escapes are those that rich makes of our own styles."""
    from shareconsole.headless.facts import gather
    from shareconsole.headless.listing import print_runs
    from shareconsole.headless.report import print_report
    from shareconsole.store.index import list_runs

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    console = make_console(terminal)
    print_report(console, gather(hostile), full=True)
    print_runs(console, list_runs(hostile.path.parent), cut=True)
    text = terminal.getvalue()
    assert "\x1b[1m" in text
    assert clean(re.sub(r"\x1b\[[0-9;]*m", "", text))
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    print_report(make_console(terminal), gather(hostile), full=True)
    colours = re.findall(r"\x1b\[([0-9;]*)m", terminal.getvalue())
    assert {part for colour in colours for part in colour.split(";")} <= {"0", "1", "2"}
