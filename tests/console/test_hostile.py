"""Text written by somebody else shows literally everywhere and does nothing."""

from __future__ import annotations

from shareconsole.console.widgets.run_table import RunTable
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import encode_json
from shareconsole.store.identity import read_identity
from tests.cli import synthetic
from tests.console.driving import drive

HOSTILE = (
    "[@click=app.bell()]press[/]", "[red]red[/red]", "[/]", "[", "[[", "]", r"\[b]", "[b",
    "$primary", "[on $error]x", "[link=file:///etc/passwd]x[/link]", "[@click=app.quit]q[/]",
    "[not-a-tag]", ":warning:", "{0}%s%n", "\x1b]0;title\x07", "\x1b[2J\x1b[H",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b2J", "\x90q\x9c", "a\rb", "a\nb", "a\tb", "\u202eevil\u202c", "\u2066x\u2069",
    "\ud800", "\u200b\u2028\u2029", "日本語" * 8 + "e\u0301\U0001f468\u200d\U0001f469",
)  # fmt: skip
CONTROL = set(map(chr, [*range(32), *range(127, 160)])) | set(
    "\u202e\u202c\u2066\u2069\u200b\u2028"
)


def test_there_are_28_of_them():
    assert len(HOSTILE) == 28


def beginning(text):
    """As much of it as any column shows."""
    return safe_text(text)[:8]


def a_hostile_run(runs, text, monkeypatch):
    """A run with the text as name, tag, preset, method, reason, log, task, unit and module."""
    encodable = text.encode("utf-8", "replace").decode()
    for names in ("TASKS", "UNITS", "MODULES"):
        monkeypatch.setattr(synthetic, names, (f"{encodable}1"[:64], f"{encodable}2"[:64]))
    log = [text.encode("utf-8", "replace"), b"\n"]
    folder = synthetic.ended_run(
        runs, reason="failed", error=text, step=15, log=log, warning=encodable
    )
    identity = read_identity(folder).to_json()
    identity |= {"name": text, "tags": [text], "preset": text, "method": text, "notes": text}
    folder.run_json.write_bytes(encode_json(identity))
    return folder.id


def test_they_show_literally_and_do_nothing(tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    ids = {a_hostile_run(runs, text, monkeypatch): text for text in HOSTILE}
    bells = []

    async def act(d):
        def clean():
            assert not CONTROL & set(d.text().replace("\n", ""))

        monkeypatch.setattr(d.app, "bell", lambda: bells.append(1))
        await d.until("28 runs")
        await d.until(lambda: "reading" not in d.text())
        clean()
        for text in HOSTILE:
            assert beginning(text) in d.text()
        for run_id, text in ids.items():
            wanted = beginning(text)
            d.app.screen.query_one(RunTable).select(run_id)
            await d.press("enter")
            await d.until("whole log")
            await d.until("entropy")
            await d.until(lambda wanted=wanted: d.text().count(wanted) > 3)
            clean()
            await d.pilot.click(offset=(14, 0))
            await d.press("enter")
            await d.until("probability")
            clean()
            await d.press("escape", "L")
            await d.until("log of")
            logged = safe_text(text.encode("utf-8", "replace").split(b"\n")[0])
            await d.until(f"│ {logged[:8]}")
            clean()
            await d.press("escape", "escape")
            assert d.screen() == "BrowserScreen"

    drive(runs, act, size=(200, 50))
    assert bells == []


def test_they_may_be_typed_and_asked_for(tmp_path):
    runs = tmp_path / "runs"
    synthetic.new_run(runs)

    async def act(d):
        await d.until("queued")
        await d.press("slash")
        for text in HOSTILE:
            d.app.screen.query_one("#filter-text").value = safe_text(text)
            await d.pilot.pause()
            assert not CONTROL & set(d.text().replace("\n", ""))
        await d.press("escape", "n")
        await d.until("[network]")
        for text in HOSTILE:
            d.app.screen.query_one("#preset-name").value = safe_text(text)
            d.app.screen.query_one("#preset-seed").value = safe_text(text)
            await d.pilot.pause()
        await d.until("run.seed")
        assert not CONTROL & set(d.text().replace("\n", ""))

    drive(runs, act)


def test_a_question_about_a_hostile_run(tmp_path):
    folder = synthetic.live_run(tmp_path / "runs", "[@click=app.quit]x[/]")

    async def act(d):
        await d.until("running")
        await d.press("s")
        await d.until("Stop [@click=app.quit]x[/]?")
        await d.press("n")

    drive(tmp_path / "runs", act, run=folder)
