"""One run: which panels there are, how they are laid out, what shows by itself."""

from __future__ import annotations

from shareconsole.console.screens.panels import Panels
from shareconsole.console.widgets.chart import Chart
from shareconsole.console.widgets.heatmap import AssignmentMap
from shareconsole.store.attempts import read_attempt
from tests.cli import synthetic
from tests.console.driving import drive
from tests.console.training import Trainer, a_training_run


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
        await d.press("tab", "tab")
        await d.until("[1 loss]")
        await d.resize(120, 36)
        await d.until("loss per task")
        assert "test error %" in d.text()

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


def test_y_turns_the_axes_of_all_charts_or_of_the_one_in_front(runs):
    folder = a_training_run(runs, 400)

    async def act(d):
        def logarithmic():
            return [chart.log_y for chart in d.app.screen.query(Chart)]

        await d.until("population fitness")
        assert logarithmic() == [True, True]
        await d.press("y")
        assert logarithmic() == [False, False]
        await d.press("1", "y")
        assert logarithmic() == [True, False]
        assert d.text().count("log y ─") == 1

    drive(runs, act, run=folder)


def test_l_shows_and_hides_the_log_and_its_warnings(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("l")
        await d.until("warning: look at this")
        assert "trained" in d.text()
        await d.press("l")
        await d.gone("warning: look at this")

    drive(runs, act, run=ended)


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


def test_steps_show_by_themselves(runs):
    folder = a_training_run(runs, 400)

    async def act(d):
        await d.until("400/20,000")
        with Trainer(folder, 400):
            await d.until(lambda: "402/20,000" in d.text() or "40" not in d.row("/20,000"))

    drive(runs, act, run=folder)


def test_an_end_shows_by_itself(runs):
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


def test_the_assignment_has_the_keys_at_first(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.until(lambda: isinstance(d.app.focused, AssignmentMap))

    drive(runs, act, run=ended)
