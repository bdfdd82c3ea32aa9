"""Every screen, frozen: ``tests/console/snapshots/*.ansi`` are what a terminal would show.

``cat`` one to look at it. ``SHARECONSOLE_SNAPSHOTS=write`` writes them anew, for a person to look
at the difference before it is committed.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Input

from shareconsole.console.palette import Palette
from shareconsole.console.screens.browser import BrowserScreen
from shareconsole.console.screens.confirm import ConfirmStop
from shareconsole.console.screens.help import HelpScreen
from shareconsole.console.screens.live import LiveScreen
from shareconsole.console.screens.log import LogScreen
from shareconsole.console.screens.presets import PresetScreen
from shareconsole.console.screens.unit import UnitScreen
from shareconsole.console.viewmodel import listing, presets
from shareconsole.console.viewmodel.presets import PresetChoice, ResolvedPreset
from shareconsole.headless.figures import age
from shareconsole.launch import create_run
from shareconsole.spec.toml import load_preset
from shareconsole.store.attempts import Attempt, AttemptExit, create_attempt, end_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.process import this_process
from tests.cli import synthetic
from tests.console import kinds as kinds_of_runs
from tests.console.driving import drive
from tests.console.walking import kinds

SNAPSHOTS = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("SHARECONSOLE_SNAPSHOTS") == "write"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# Runs that log something else than the others, and what.
KINDS_OF_RUNS = {
    "allocating": {"tensors": kinds_of_runs.allocation()},
    "alike": {"tensors": {**kinds_of_runs.pairs("similarity"), **kinds_of_runs.spectrum()}},
    "branching": {"tensors": {**kinds_of_runs.pairs("affinity"), **kinds_of_runs.tree()}},
    "searching": {"tensors": {}, "columns": kinds_of_runs.RULE},
    "staged": {"tensors": kinds_of_runs.tree(), "stages": {"single task": 0, "tree": 10}},
}
RUNS = (
    ("first", "finished", 20, ("baseline",)),
    ("second", "finished", 20, ()),
    ("third", "failed", 13, ("to look at",)),
    ("fourth", "stopped", 17, ()),
)
# Which presets there are, and what they need, is not the console's affair.
CHOICES = tuple(
    PresetChoice(name, f"what {name} is for", shipped, f"presets/{name}.toml")
    for name, shipped in (("digits", True), ("own", False), ("planted", True))
)
RESOLVED = ResolvedPreset(
    "digits",
    lines=("[run]", 'name = "digits"', "seed = 0", "tags = []", "", "[network]", "conv = [16, 32]"),
    run_name="digits",
    seed=0,
    facts=(("method", "learned_sharing"), ("tasks", "4"), ("memory", "about 0.4 GiB")),
    notes=("presets/digits.toml begins with a byte order mark, which was skipped",),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the console is started: runs, whose every name and time is the same each time."""
    folder = tmp_path_factory.mktemp("frozen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shareconsole.store.folder.secrets.token_hex", lambda size: "ab" * size)
        for place, (name, end, step, tags) in enumerate(RUNS):
            run, attempt = begun(folder / "runs", name, place, step, tags)
            error = "the loss is not a number" if end == "failed" else ""
            synthetic.save(run)
            end_attempt(run, attempt, AttemptExit(0, end, step, error, "2026-01-02T04:00:00.000Z"))
        run, _ = begun(folder / "training", "fifth", 4, 12, ())
        synthetic.beat(run)
        for place, (name, logged) in enumerate(KINDS_OF_RUNS.items()):
            kinds_of_runs.write_run(made(folder / "kinds", name, place), **logged)
    return folder


def made(runs, name, place, tags=()):
    words = [f"run.name={name}", f"run.seed={place}", f"run.tags={list(tags)}"]
    loaded = load_preset("digits", ["train.steps=20", "device.device=cpu", *words])
    return create_run(loaded, runs, now=BEGAN + timedelta(hours=place))


def begun(runs, name, place, step, tags):
    run = made(runs, name, place, tags)
    me = this_process()
    attempt = Attempt(1, me.pid, me.boot_id, me.start_ticks, me.host, ("trainer",),
                      "2026-01-02T03:04:06.000Z", 20)  # fmt: skip
    create_attempt(run, attempt)
    synthetic.write_records(run, attempt, step)
    synthetic.write_hints(run, attempt, step)
    run.log(1).write_text(f"training {name}\nstep 10: macro error 18.75%\n")
    return run, attempt


def run_of(name):
    return next(RunFolder(path) for path in Path().glob(f"*/*-{name}-*"))


# Name of a picture: the runs, the one to begin with, what to press, and what then is there.
PICTURES = {
    "empty": ("none", None, (), "no runs yet in none", BrowserScreen),
    "runs": ("runs", None, (), "fourth", BrowserScreen),
    "filter": ("runs", None, ("slash", "f", "i", "r"), "1 of 4 runs", BrowserScreen),
    "live": ("runs", "first", (), "20/20", LiveScreen),
    "failed": ("runs", "third", (), "whole log", LiveScreen),
    "assignment": ("runs", "first", ("3",), "entropy", LiveScreen),
    "allocation": ("kinds", "allocating", ("5",), "components in use", LiveScreen),
    "similarity": ("kinds", "alike", ("6",), "similarity of weights", LiveScreen),
    "spectrum": ("kinds", "alike", ("7",), "mean effective rank", LiveScreen),
    "tree": ("kinds", "branching", ("9",), "tree of tasks", LiveScreen),
    "stages": ("kinds", "staged", (), "tree 10/10", LiveScreen),
    "step-size": ("kinds", "searching", ("0",), "time of trials", LiveScreen),
    "unit-pairs": ("kinds", "branching", ("8", "enter"), "hundredths", UnitScreen),
    "unit": ("runs", "first", ("3", "enter"), "probability of each module", UnitScreen),
    "log": ("runs", "second", ("L",), "training second", LogScreen),
    "presets": ("runs", None, ("n",), "learned_sharing", PresetScreen),
    "help": ("runs", "first", ("question_mark",), "One run", HelpScreen),
    "palette": ("runs", None, ("ctrl+p",), "New run", CommandPalette),
    "stop": ("training", "fifth", ("s",), "Stop fifth?", ConfirmStop),
}
SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
LOOKS = {
    "256": Palette("256"),
    "no-color": Palette("none"),
}


def ansi_of(driver, *, colour):
    """The screen with the escapes of 256 colours, or of none; what looks the same is one piece."""
    lines = []
    for strip in driver.strips():
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


def codes_of(style, *, colour):
    """Not by the style's own ``render``, which remembers what another test rendered it for."""
    marks = ((style.bold, "1"), (style.dim, "2"), (style.italic, "3"), (style.underline, "4"),
             (style.reverse, "7"))  # fmt: skip
    codes = [code for on, code in marks if on]
    for one, foreground in ((style.color, True), (style.bgcolor, False)):
        if colour and one is not None:
            codes += one.downgrade(ColorSystem.EIGHT_BIT).get_ansi_codes(foreground)
    return ";".join(codes)


def is_read(driver):
    """Whether the runs, or the run, were read and are shown, so that nothing more will come."""
    screen = driver.app.screen
    if driver.screen() == "BrowserScreen":
        return screen._listing is not None and not screen._listing.pending
    return bool(screen.query("Chart")) and not screen.query_one("#opening").display


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("picture", PICTURES)
def test_a_screen_looks_as_it_did(folder, picture, size, look, monkeypatch):
    runs, name, keys, awaited, kind = PICTURES[picture]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(listing, "age", lambda when, now: age(when, BEGAN + timedelta(hours=30)))
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)  # it blinks
    monkeypatch.setattr(presets, "preset_choices", lambda: CHOICES)
    monkeypatch.setattr(presets, "resolve_preset", lambda name, **edited: RESOLVED)
    if look == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    found = []

    async def act(d):
        await d.until(lambda: is_read(d))
        await d.press(*keys)
        await d.until(awaited)
        assert type(d.app.screen) is kind
        found.append(ansi_of(d, colour=look == "256"))

    drive(Path(runs), act, run=name and run_of(name), size=SIZES[size], palette=LOOKS[look])
    file = SNAPSHOTS / f"{picture}.{size}.{look}.ansi"
    if WRITE:
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(found[0], encoding="utf-8")
    assert found[0] == file.read_text(encoding="utf-8"), f"\n{found[0]}"


def test_no_snapshot_is_left_over():
    expected = {f"{picture}.{size}.{look}.ansi" for picture in PICTURES for size in SIZES
                for look in LOOKS}  # fmt: skip
    assert {file.name for file in SNAPSHOTS.iterdir()} == expected


def test_every_screen_has_a_snapshot():
    screens = {kind for kind in kinds() if issubclass(kind, Screen) and "compose" in vars(kind)}
    assert screens | {CommandPalette} == {kind for *_, kind in PICTURES.values()}
