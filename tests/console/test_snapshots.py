"""Every screen, frozen: ``tests/console/snapshots/*.ansi`` are what a terminal would show.

``cat`` one to look at it. ``SHARECONSOLE_SNAPSHOTS=write`` writes them anew, for a person to look
at the difference before it is committed.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.widgets import Input

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel import listing
from shareconsole.headless.figures import age
from shareconsole.launch import create_run
from shareconsole.spec.toml import load_preset
from shareconsole.store.attempts import Attempt, AttemptExit, create_attempt, end_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.process import this_process
from tests.cli import synthetic
from tests.console.driving import drive

SNAPSHOTS = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("SHARECONSOLE_SNAPSHOTS") == "write"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RUNS = (
    ("first", "finished", 20, ("baseline",)),
    ("second", "finished", 20, ()),
    ("third", "failed", 13, ("to look at",)),
    ("fourth", "stopped", 17, ()),
)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Runs whose every name and time is the same each time."""
    monkeypatch.setattr(listing, "age", lambda when, now: age(when, BEGAN + timedelta(hours=30)))
    monkeypatch.setattr("shareconsole.store.folder.secrets.token_hex", lambda size: "ab" * size)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    shipped = Path(__file__).parents[2] / "presets" / "digits.toml"
    shutil.copy(shipped, tmp_path / "presets" / "own.toml")
    runs = Path("runs")
    for place, (name, end, step, tags) in enumerate(RUNS):
        words = [f"run.name={name}", f"run.seed={place}", f"run.tags={list(tags)}"]
        loaded = load_preset("digits", ["train.steps=20", "device.device=cpu", *words])
        folder = create_run(loaded, runs, now=BEGAN + timedelta(hours=place))
        me = this_process()
        attempt = Attempt(1, me.pid, me.boot_id, me.start_ticks, me.host, ("trainer",),
                          "2026-01-02T03:04:06.000Z", 20)  # fmt: skip
        create_attempt(folder, attempt)
        synthetic.write_records(folder, attempt, step)
        synthetic.write_hints(folder, attempt, step)
        folder.log(1).write_text(f"training {name}\nstep 10: macro error 18.75%\n")
        error = "the loss is not a number" if end == "failed" else ""
        end_attempt(folder, attempt, AttemptExit(0, end, step, error, "2026-01-02T04:00:00.000Z"))
    return runs


def run_of(runs, name):
    return next(RunFolder(path) for path in runs.iterdir() if f"-{name}-" in path.name)


# Name of a screen: the run to begin with, what to press, what to wait for.
SCREENS = {
    "runs": (None, (), "fourth"),
    "filter": (None, ("slash", "f", "i", "r"), "1 of 4 runs"),
    "live": ("first", (), "20/20"),
    "failed": ("third", (), "whole log"),
    "assignment": ("first", ("3",), "entropy"),
    "unit": ("first", ("3", "enter"), "probability of each module"),
    "log": ("second", ("L",), "training second"),
    "presets": (None, ("n",), "[network]"),
    "help": ("first", ("question_mark",), "Moving"),
    "palette": (None, ("ctrl+p",), "New run"),
}
SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
LOOKS = {
    "256": Palette("256"),
    "no-color": Palette("none"),
}


def ansi_of(driver, *, colour):
    """The screen with the escapes of 256 colours, or of none; what looks the same is one piece."""
    lines = []
    for strip in driver.app.screen._compositor.render_strips():
        pieces = []
        for segment in strip:
            codes = codes_of(segment.style or Style(), colour=colour)
            if pieces and pieces[-1][0] == codes:
                pieces[-1][1] += segment.text
            else:
                pieces.append([codes, segment.text])
        lines.append("".join(f"\x1b[{codes}m{text}\x1b[m" if codes else text
                             for codes, text in pieces))  # fmt: skip
    return "\n".join(lines) + "\n"


async def settled(driver, *, colour):
    """The screen once it stays as it is."""
    before = ""
    for _ in range(100):
        now = ansi_of(driver, colour=colour)
        if now == before:
            return now
        before = now
        await driver.pilot.pause(0.08)
    raise AssertionError("it never came to rest")


def codes_of(style, *, colour):
    """Not by the style's own ``render``, which remembers what another test rendered it for."""
    marks = ((style.bold, "1"), (style.dim, "2"), (style.italic, "3"), (style.underline, "4"),
             (style.reverse, "7"))  # fmt: skip
    codes = [code for on, code in marks if on]
    for one, foreground in ((style.color, True), (style.bgcolor, False)):
        if colour and one is not None:
            codes += one.downgrade(ColorSystem.EIGHT_BIT).get_ansi_codes(foreground)
    return ";".join(codes)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(runs, screen, size, look, monkeypatch):
    name, keys, awaited = SCREENS[screen]
    if look == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)  # it blinks
    found = []

    async def act(d):
        # The lists fill by and by; so all is awaited that is to be there in the end.
        await d.until("fourth" if name is None else name)
        if name is not None:
            await d.until("20" if screen != "failed" else "13/20")
            await d.until(lambda: "opening" not in d.text())
        await d.press(*keys)
        if awaited in d.text() or size == "120x36" or screen not in ("presets", "help"):
            await d.until(awaited)
        else:
            await d.until("settings" if screen == "presets" else "keys")
            await d.until("method" if screen == "presets" else "One run")
        found.append(await settled(d, colour=look == "256"))

    drive(runs, act, run=name and run_of(runs, name), size=SIZES[size], palette=LOOKS[look])
    file = SNAPSHOTS / f"{screen}.{size}.{look}.ansi"
    if WRITE:
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(found[0], encoding="utf-8")
    assert found[0] == file.read_text(encoding="utf-8"), f"\n{found[0]}"


def test_no_snapshot_is_left_over():
    expected = {f"{screen}.{size}.{look}.ansi" for screen in SCREENS for size in SIZES
                for look in LOOKS}  # fmt: skip
    assert {file.name for file in SNAPSHOTS.iterdir()} == expected
