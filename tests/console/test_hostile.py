"""Text written by somebody else shows literally everywhere and does nothing."""

from __future__ import annotations

import json

import pytest

from shareconsole.console.viewmodel.presets import resolve_preset
from shareconsole.console.widgets.preset_list import PresetList
from shareconsole.console.widgets.run_table import RunTable
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import encode_json
from shareconsole.store.identity import read_identity
from tests.cli import synthetic
from tests.console.driving import drive
from tests.console.in_pty import ROOT

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
    return safe_text(text)[:5]


def encodable(text):
    """What can be written where lone surrogates cannot."""
    return text.encode("utf-8", "replace").decode()


def a_hostile_run(runs, text, other, monkeypatch):
    """A run with the text as name, tag, preset, method, reason and log, and both as parts of it."""
    pair = (f"{encodable(text)}1"[:64], f"{encodable(other)}2"[:64])
    for names in ("TASKS", "UNITS", "MODULES"):
        monkeypatch.setattr(synthetic, names, pair)
    log = [encodable(text).encode(), b"\n"]
    folder = synthetic.ended_run(
        runs, reason="failed", error=text, step=15, log=log, warning=pair[0]
    )
    identity = read_identity(folder).to_json()
    identity |= {"name": text, "tags": [text], "preset": text, "method": text, "notes": text}
    folder.run_json.write_bytes(encode_json(identity))
    return folder.id


def clean(d):
    assert not CONTROL & set(d.text().replace("\n", ""))


def test_they_show_literally_and_do_nothing(runs, monkeypatch):
    others = [encodable(text) for text in HOSTILE[14:] + HOSTILE[:14]]
    pairs = list(zip(HOSTILE, others, strict=True))
    ids = [a_hostile_run(runs, text, other, monkeypatch) for text, other in pairs]
    bells = []

    async def act(d):
        def shows(*texts, characters=5):
            return lambda: all(beginning(text)[:characters] in d.text() for text in texts)

        monkeypatch.setattr(d.app, "bell", lambda: bells.append(1))
        await d.until("28 runs")
        await d.until(lambda: "reading" not in d.text())
        clean(d)
        assert shows(*HOSTILE)()
        for place, (text, other) in enumerate(pairs):
            d.app.screen.query_one(RunTable).select(ids[place])
            await d.until(lambda text=text: f"#{beginning(text)}" in d.rows()[-2])
            await d.press("enter")
            await d.until("whole log")
            await d.until("entropy")
            await d.until(shows(text, other, characters=3))
            clean(d)
            await d.click(14, 0)
            # The other half would show the same two texts.
            if place < 14:
                await d.press("enter")
                # Beside names as long as these a title has no room.
                await d.until(lambda: d.screen() == "UnitScreen")
                await d.until(shows(encodable(text), other, characters=3))
                clean(d)
                await d.press("escape")
            await d.press("escape")
            assert d.screen() == "BrowserScreen"

    drive(runs, act, size=(120, 36))
    assert bells == []


def test_as_lines_of_a_log(runs):
    # A log is bytes, which need not be text.
    lines = [text.encode("utf-8", "surrogatepass").split(b"\n")[0] for text in HOSTILE]
    folder = synthetic.ended_run(runs, "mine", log=[line + b"\n" for line in lines])

    async def act(d):
        await d.until("entropy")
        await d.press("L")
        await d.until("log of mine")
        for line in lines:
            await d.until(f"│ {safe_text(line.decode('utf-8', 'backslashreplace'))[:20]}")
        clean(d)

    drive(runs, act, run=folder)


@pytest.fixture
def hostile_presets(tmp_path, monkeypatch):
    """Presets whose notes, or whose data set, are such a text; TOML has no lone surrogates."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    shipped = (ROOT / "presets" / "digits.toml").read_text(encoding="utf-8")
    names = []
    for place, text in enumerate(HOSTILE):
        quoted = json.dumps(encodable(text), ensure_ascii=False)
        quoted = "".join(f"\\u{ord(c):04x}" if c in CONTROL else c for c in quoted)
        for kind, line in (("notes", "notes = "), ("wrong", 'name = "digits"')):
            start = shipped.index(f"\n{line}") + 1
            end = shipped.index("\n", start)
            changed = f"{line.partition('=')[0]}= {quoted}"
            name = f"{place:02}-{kind}"
            file = tmp_path / "presets" / f"{name}.toml"
            file.write_text(shipped[:start] + changed + shipped[end:], encoding="utf-8")
            names.append(name)
    return names


def test_as_values_of_presets(runs, hostile_presets):
    async def act(d):
        def shows(name):
            resolved = resolve_preset(name)
            told = [line for line in resolved.lines if line.startswith("notes")]
            (line,) = resolved.problems if name.endswith("wrong") else told
            # From the text on; what is too long for a row goes on in the next.
            return lambda: line[line.index('"') :][:30] in d.text()

        await d.press("n")
        for name in hostile_presets:
            await d.until(lambda name=name: d.app.screen.query_one(PresetList).chosen == name)
            await d.until(shows(name))
            clean(d)
            await d.press("down")

    drive(runs, act, size=(140, 60))


def test_they_may_be_typed_and_asked_for(runs):
    synthetic.new_run(runs)

    async def act(d):
        await d.until("queued")
        await d.press("slash")
        for text in HOSTILE:
            d.app.screen.query_one("#filter-text").value = safe_text(text)
            await d.rest()
            clean(d)
        await d.press("escape", "n")
        await d.until("[network]")
        for text in HOSTILE:
            d.app.screen.query_one("#preset-name").value = safe_text(text)
            d.app.screen.query_one("#preset-seed").value = safe_text(text)
            await d.rest()
        await d.until("run.seed")
        clean(d)

    drive(runs, act)


def test_a_question_about_a_hostile_run(runs):
    folder = synthetic.live_run(runs, "[@click=app.quit]x[/]")

    async def act(d):
        await d.until("running")
        await d.press("s")
        await d.until("Stop [@click=app.quit]x[/]?")
        await d.press("n")

    drive(runs, act, run=folder)
