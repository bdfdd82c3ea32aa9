"""Every key of every screen, on real run folders."""

from __future__ import annotations

import pytest
from textual.binding import Binding
from textual.widgets import Input

from shareconsole.console.acting import fits
from shareconsole.console.palette import Palette
from shareconsole.console.screens.help import sections
from shareconsole.console.screens.panels import Panels
from shareconsole.console.widgets.chart import Chart
from shareconsole.console.widgets.heatmap import AssignmentMap, UnitMap
from shareconsole.console.widgets.key_bar import key_words, shown_bindings
from shareconsole.console.widgets.lines import Lines
from shareconsole.console.widgets.run_columns import COLUMNS
from shareconsole.console.widgets.run_table import RunTable
from shareconsole.store.attempts import read_attempt
from shareconsole.store.folder import RunFolder
from shareconsole.store.status import derive_state
from tests.cli import synthetic
from tests.cli.acting import Trainer
from tests.console.driving import drive


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def training(runs):
    """A run whose trainer is a thread of ours, which obeys."""
    folder = synthetic.live_run(runs, "trained")
    trainer = Trainer(folder)
    trainer.start()
    yield folder, trainer
    trainer.close()


def verbs(trainer):
    return [verb for verb, _ in trainer.seen]


# Runs


def test_runs_show_with_all_that_a_row_says(runs):
    synthetic.ended_run(runs, "mine", 'run.tags=["first"]')

    async def act(d):
        await d.until("mine")
        row = next(line for line in d.rows() if "mine" in line)
        for word in ("finished", "digits", "learned_sharing", "100 %", "18.8"):
            assert word in row
        assert "#first" in d.text()
        assert "1 run" in d.text()

    drive(runs, act, size=(160, 30))


def test_an_empty_list_says_what_to_do(runs):
    async def act(d):
        await d.until("no runs yet in")
        assert "n  choose a preset" in d.text()
        await d.press("enter", "p", "s", "l", "up", "down", "end")
        assert d.screen() == "BrowserScreen"
        synthetic.ended_run(runs, "appeared")
        await d.until("appeared")

    drive(runs, act)


def test_the_cursor_moves_and_stays_on_its_run(runs):
    for number in range(40):
        synthetic.new_run(runs, f"run-{number:02}")

    async def act(d):
        await d.until("run-39")
        table = d.app.screen.query_one(RunTable)
        newest = table.run_id
        await d.press("down", "j", "k")
        assert table.run_id != newest
        chosen = table.run_id
        synthetic.new_run(runs, "z-newer")
        await d.until("41 runs")
        assert table.run_id == chosen
        await d.press("end")
        await d.until("run-00")
        await d.press("g")
        await d.until("newer")
        await d.press("pagedown", "pageup", "G", "home")
        await d.until("newer")

    drive(runs, act, size=(100, 20))


def test_a_filter_shows_what_matches_and_says_what_it_is_not(runs):
    synthetic.ended_run(runs, "apple")
    synthetic.ended_run(runs, "pear", reason="failed", error="broke")

    async def act(d):
        await d.until("apple")
        await d.press("slash")
        await d.type("pea")
        await d.gone("apple")
        assert "1 of 2 runs" in d.text()
        await d.press("enter")
        assert isinstance(d.app.focused, RunTable)
        await d.press("escape")
        await d.until("apple")
        await d.press("slash")
        await d.type("seed:x")
        await d.until("not a number")
        await d.press("escape")
        await d.press("slash")
        await d.type("zebra")
        await d.until("none of 2 runs")
        await d.press("escape")
        await d.until("apple")
        await d.press("slash", "enter")
        assert isinstance(d.app.focused, RunTable)

    drive(runs, act)


def test_o_orders_by_one_column_after_the_other(runs):
    synthetic.ended_run(runs, "b")
    synthetic.ended_run(runs, "a")

    async def act(d):
        await d.until("finished")
        heads = []
        for _ in [column for column in COLUMNS if column.key]:
            await d.press("o")
            await d.until(lambda: "▾" in d.text() or "▴" in d.text())
            await d.pilot.pause(0.1)
            head = next(line for line in d.rows() if "run" in line and "state" in line)
            heads.append(next(word for word in head.split() if "▾" in word or "▴" in word))
        assert len(set(heads)) == len(heads)
        assert heads[0] == "state▴"
        before = d.rows()[1]
        await d.press("O")
        await d.until(lambda: d.rows()[1] != before)

    drive(runs, act, size=(160, 20))


def test_enter_opens_and_escape_returns(runs):
    synthetic.ended_run(runs, "mine")

    async def act(d):
        await d.until("mine")
        await d.press("enter")
        await d.until("test error %")
        assert d.screen() == "LiveScreen"
        await d.press("escape")
        assert d.screen() == "BrowserScreen"
        await d.press("l")
        await d.until("log of mine")
        await d.until("trained")
        await d.press("up", "down", "pageup", "pagedown", "home", "end", "escape")
        assert d.screen() == "BrowserScreen"

    drive(runs, act)


@pytest.mark.parametrize("opened", [False, True], ids=["from the list", "on its own screen"])
def test_p_r_c_and_s_act_on_the_run(runs, training, opened):
    folder, trainer = training

    async def act(d):
        await d.until("running")
        if opened:
            await d.until("test error %")
        await d.press("c")
        await d.until("trained saved a checkpoint")
        await d.press("p")
        await d.until("= paused")
        await d.until(lambda: "resume" in d.rows()[-1])
        assert "pause" not in d.rows()[-1]
        await d.press("r")
        await d.until("● running")
        await d.press("s")
        await d.until("Stop trained?")
        await d.press("n")
        await d.gone("Stop trained?")
        await d.press("s")
        await d.until("Stop trained?")
        await d.press("escape", "s")
        await d.until("Stop trained?")
        await d.press("y")
        await d.until("■ stopped")
        await d.press("s", "p", "c")
        await d.until("cannot stop trained: it is stopped")
        await d.until("cannot pause")
        await d.until("cannot checkpoint")

    drive(runs, act, run=folder if opened else None)
    assert verbs(trainer) == ["checkpoint", "pause", "resume", "stop"]
    assert trainer.seen[-1][1] == {"now": False}


def test_n_in_the_question_stops_at_once(runs, training):
    folder, trainer = training

    async def act(d):
        await d.until("running")
        await d.press("s")
        await d.until("Stop trained?")
        await d.press("N")
        await d.until("stopped")

    drive(runs, act, run=folder)
    assert trainer.seen == [("stop", {"now": True})]


def test_r_restarts_what_ended_and_tells_why_it_cannot(runs, monkeypatch):
    crashed = synthetic.crashed_run(runs, "gone")
    started = []

    class Started:
        class attempt:
            number = 2

    monkeypatch.setattr(
        "shareconsole.launch.start", lambda folder: started.append(folder.id) or Started
    )

    async def act(d):
        await d.until("crashed")
        assert "r resumes from the last checkpoint" in d.text()
        assert "and then" in d.text()
        await d.press("r")
        await d.until("gone goes on as attempt 2")

    drive(runs, act, run=crashed)
    assert started == [crashed.id]

    finished = synthetic.ended_run(runs, "done")

    async def again(d):
        await d.until("finished")
        await d.press("r")
        await d.until("--steps N")

    drive(runs, again, run=finished)


# One run


@pytest.fixture
def ended(runs):
    return synthetic.ended_run(runs, "mine", warning="look at this")


def test_all_panels_are_there_where_there_is_room(runs, ended):
    async def act(d):
        await d.until("rotated  ")
        for text in ("loss per task", "assignment", "test error %", "entropy", "macro"):
            assert text in d.text()
        assert "population" not in d.text()
        assert "! look at this" in d.text()

    drive(runs, act, run=ended)


def test_panels_are_pages_where_there_is_none(runs, ended):
    async def act(d):
        await d.until("[1 loss]")
        assert "test error %" not in d.text()
        await d.press("4")
        await d.until("[4 errors]")
        assert "test error %" in d.text()
        await d.press("3")
        await d.until("entropy")
        await d.press("2")
        await d.until("logs nothing for that panel")
        await d.press("tab")
        await d.until("[4 errors]")
        await d.press("tab")
        await d.until("[1 loss]")
        await d.press("shift+tab")
        await d.until("[4 errors]")
        await d.pilot.resize_terminal(120, 36)
        await d.until("loss per task")

    drive(runs, act, run=ended, size=(80, 24))


def test_z_gives_one_panel_all_the_room(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("z")
        await d.gone("test error %")
        await d.press("4")
        await d.until("test error %")
        await d.press("z")
        await d.until("loss per task")

    drive(runs, act, run=ended)


def test_y_turns_the_axes(runs, ended):
    async def act(d):
        await d.until("loss per task, EMA .98, log y")
        await d.press("y")
        await d.gone("log y ─")
        await d.press("1", "y")
        await d.until("log y ─")
        chart = d.app.screen.query_one("#loss", Chart)
        await d.press("f")
        assert chart.front == 0

    drive(runs, act, run=ended)


def test_l_shows_and_hides_the_log_and_its_warnings(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("l")
        await d.until("warning: look at this")
        assert "trained" in d.text()
        await d.press("l")
        await d.gone("warning: look at this")
        await d.press("L")
        await d.until("log of mine")

    drive(runs, act, run=ended)


def test_enter_drills_into_the_unit_under_the_cursor(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("right", "enter")
        await d.until("conv2: probability")
        assert "units shared by two tasks, of 2" in d.text()
        await d.press("right_square_bracket")
        await d.until("conv1: probability")
        await d.press("left_square_bracket")
        await d.until("conv2: probability")
        await d.press("n", "b", "right", "down", "left", "up", "home", "end")
        assert d.app.screen.query_one(UnitMap).has_focus
        await d.press("w")
        assert not d.app.screen.query_one(UnitMap).has_focus
        await d.press("tab", "escape")
        assert d.screen() == "LiveScreen"
        await d.press("1", "enter")
        await d.until("conv2: probability")

    drive(runs, act, run=ended)


def test_the_sharing_of_a_unit_is_a_page_where_there_is_no_room(runs, ended):
    async def act(d):
        await d.until("[1 loss]")
        await d.press("enter")
        assert d.screen() == "LiveScreen"
        await d.press("3", "enter")
        await d.until("conv1: probability")
        assert "units shared" not in d.text()
        await d.press("w")
        await d.until("units shared")
        assert "conv1: probability" not in d.text()

    drive(runs, act, run=ended, size=(80, 24))


def test_a_run_without_assignment_closes_up(runs):
    folder = synthetic.ended_run(runs, "plain", tensors=False)

    async def act(d):
        await d.until("test error %")
        assert "assignment" not in d.text()
        assert d.app.screen.query_one(Panels).pages() == [("1", "loss"), ("4", "errors")]
        # Each has the full width.
        assert all(
            d.app.screen.query_one(f"#{name}").size.width > 110 for name in ("loss", "errors")
        )

    drive(runs, act, run=folder)


def test_a_run_that_trains_moves_on_by_itself(runs):
    folder = synthetic.live_run(runs, "moving")

    async def act(d):
        await d.until("12/20")
        await d.until("● running")
        synthetic.end(folder, read_attempt(folder, 1), "failed", 13, "it broke\x1b[2J", code=1)
        await d.until("✗ failed")
        await d.until("it broke\\x1b[2J")

    drive(runs, act, run=folder)


def test_from_a_run_that_was_opened_first_escape_leads_to_the_list(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("escape")
        await d.until("1 run")
        assert d.screen() == "BrowserScreen"
        await d.press("escape", "escape")
        assert d.screen() == "BrowserScreen"

    drive(runs, act, run=ended)


# New run


def test_n_starts_a_preset_under_another_name_and_seed(runs, monkeypatch):
    started = []
    monkeypatch.setattr("shareconsole.launch.start", lambda folder: started.append(folder))

    async def act(d):
        await d.until("no runs yet")
        await d.press("n")
        await d.until("planted")
        await d.until("learned_sharing")
        first = d.text()
        await d.press("down")
        await d.until("full_sharing")
        assert d.text() != first
        await d.press("up", "end", "home", "tab")
        assert isinstance(d.app.focused, Input)
        await d.type("my run")
        await d.press("tab")
        await d.type("7x")
        await d.until("run.seed")
        await d.press("backspace")
        await d.until("[train]")
        await d.press("tab")
        assert isinstance(d.app.focused, Lines)
        await d.press("pagedown", "pageup", "shift+tab", "enter")
        await d.until(lambda: d.screen() == "LiveScreen")

    drive(runs, act, size=(120, 60))
    from shareconsole.store.identity import read_identity

    identity = read_identity(started[0])
    assert (identity.name, identity.seed, identity.preset) == ("my run", 7, "digits")
    assert derive_state(RunFolder(started[0].path)).word == "queued"


def test_a_preset_that_cannot_start_says_why(runs):
    async def act(d):
        await d.press("n")
        await d.until("[network]")
        await d.press("tab", "tab")
        await d.type("no")
        await d.until("run.seed")
        await d.press("enter")
        await d.until(lambda: d.text().count("run.seed") > 1)
        assert d.screen() == "PresetScreen"
        await d.press("escape")
        assert d.screen() == "BrowserScreen"

    drive(runs, act)
    assert not runs.exists()


# Everywhere


def test_t_switches_between_dark_and_light(runs, ended):
    async def act(d):
        await d.until("entropy")
        dark = d.app.export_screenshot()
        await d.press("t")
        assert not d.app.palette.dark
        assert d.app.export_screenshot() != dark
        await d.press("t", "escape")
        await d.until("1 run")
        await d.press("t", "t")

    drive(runs, act, run=ended)


def test_every_key_is_in_the_help_and_the_keys_of_the_screen_come_first(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("question_mark")
        await d.until("One run")
        assert d.rows()[1].startswith("│ One run")
        named = d.text()
        for _, keys in sections():
            assert keys
            for words, what in keys:
                assert words in named
                assert what in named
        await d.press("question_mark", "escape")
        assert d.screen() == "LiveScreen"
        await d.press("f1", "escape")
        assert d.screen() == "LiveScreen"

    drive(runs, act, run=ended, size=(120, 60))


def test_ids_of_bindings_are_there_and_unique_on_a_screen():
    from shareconsole.console.app import ConsoleApp
    from shareconsole.console.screens.browser import BrowserScreen
    from shareconsole.console.screens.live import LiveScreen
    from shareconsole.console.screens.presets import PresetScreen
    from shareconsole.console.screens.unit import UnitScreen

    for screen in (BrowserScreen, LiveScreen, PresetScreen, UnitScreen):
        own = [one for one in (*screen.BINDINGS, *ConsoleApp.BINDINGS) if isinstance(one, Binding)]
        ids = [binding.id for binding in own]
        assert None not in ids
        assert len(set(ids)) == len(ids)
    stable = {"pause", "resume", "stop", "checkpoint", "log", "log-y", "drill"}
    assert stable <= {one.id for one in LiveScreen.BINDINGS if isinstance(one, Binding)}


def test_the_palette_offers_what_the_keys_do(runs, ended):
    async def act(d):
        await d.until("entropy")
        offered = {binding.description for binding in shown_bindings(d.app.screen)}
        assert {"Log", "Log y", "Zoom", "Back", "Help", "Quit"} <= offered
        await d.press("ctrl+p")
        await d.until("Search for commands")
        for word in ("Log y", "key y", "Light or dark"):
            assert word in d.text()
        await d.type("zoom")
        await d.until(lambda: "Log y" not in d.text())
        await d.press("enter")
        await d.until("[3 assignment]")

    drive(runs, act, run=ended)


def test_the_row_of_keys_can_be_clicked(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.pilot.click(offset=(d.rows()[-1].index("zoom"), 35))
        await d.until("[3 assignment]")
        tabs = next(y for y, row in enumerate(d.rows()) if "[3 assignment]" in row)
        await d.pilot.click(offset=(4, tabs))
        await d.until("[1 loss]")

    drive(runs, act, run=ended)


def test_rows_can_be_clicked(runs):
    synthetic.ended_run(runs, "one")
    synthetic.ended_run(runs, "two")

    async def act(d):
        await d.until("one")
        table = d.app.screen.query_one(RunTable)
        await d.pilot.click(offset=(5, 3))
        assert table.row.name == "one"
        await d.pilot.click(offset=(3, 1))
        await d.until("state▴")
        await d.pilot.click(offset=(3, 1))
        await d.until("state▾")
        await d.pilot.click(offset=(5, 2), times=2)
        await d.until(lambda: d.screen() == "LiveScreen")

    drive(runs, act)


def test_q_quits_and_says_what_trains_on(runs, training):
    folder, _ = training

    async def act(d):
        await d.until("● running")
        await d.press("q")

    app = drive(runs, act, run=folder)
    assert app.return_code == 0
    assert f"shareconsole attach {folder.id}" in app.parting


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (5, 40)])
def test_any_size_will_do(runs, ended, size):
    synthetic.crashed_run(runs)

    async def act(d):
        await d.pilot.pause(0.2)
        for keys in (("3", "enter"), ("w", "escape"), ("l", "z"), ("question_mark", "escape"),
                     ("escape", "down"), ("n", "escape"), ("slash", "a", "escape")):  # fmt: skip
            await d.press(*keys)
            d.text()
        await d.pilot.resize_terminal(1, 1)
        await d.pilot.pause()
        await d.pilot.resize_terminal(120, 36)
        await d.until("finished")

    drive(runs, act, run=ended, size=size)


@pytest.mark.parametrize(
    "palette", [Palette("16"), Palette("none"), Palette("256", ascii=True), Palette(dark=False)]
)
def test_any_palette_will_do(runs, ended, palette, monkeypatch):
    if palette.colourless:
        monkeypatch.setenv("NO_COLOR", "1")

    async def act(d):
        await d.until("entropy")
        if palette.ascii:
            assert all(row.isascii() for row in d.rows())
        await d.press("t", "3", "enter", "w", "escape", "question_mark", "escape", "l", "escape")
        await d.until("1 run")
        await d.press("n")
        await d.until("planted")
        await d.press("escape", "s", "ctrl+p")
        if palette.colourless:
            assert _colours(d) == set()

    drive(runs, act, run=ended, palette=palette)


def _colours(d):
    found = set()
    for strip in d.app.screen._compositor.render_strips():
        for segment in strip:
            if segment.style is not None:
                found |= {segment.style.color, segment.style.bgcolor}
    return {colour.name for colour in found if colour is not None and not colour.is_default}


def test_words_for_keys():
    assert key_words("ctrl+p") == "^p"
    assert key_words("question_mark,f1") == "? f1"
    assert key_words("shift+tab") == "shift-tab"


def test_what_fits_a_state():
    assert fits("pause", "running")
    assert fits("resume", "paused")
    assert fits("resume", "crashed")
    assert not fits("resume", "finished")
    assert not fits("stop", "stopped")


def test_the_assignment_has_the_keys_at_first(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.until(lambda: isinstance(d.app.focused, AssignmentMap))

    drive(runs, act, run=ended)
