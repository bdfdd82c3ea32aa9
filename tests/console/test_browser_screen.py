"""The list of runs: what a row says, what is filtered and ordered, what shows by itself."""

from __future__ import annotations

from shareconsole.console.widgets.filter_input import FilterInput
from shareconsole.console.widgets.run_columns import SORTABLE
from shareconsole.console.widgets.run_table import RunTable
from tests.cli import synthetic
from tests.console.driving import drive


def table(d):
    return d.app.screen.query_one(RunTable)


def test_runs_show_with_all_that_a_row_says(runs):
    synthetic.ended_run(runs, "mine", 'run.tags=["first"]')

    async def act(d):
        await d.until("✓ finished")
        row = d.row("mine", "finished")
        for word in ("digits", "learned_sharing", "100 %", "18.8"):
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


def test_the_cursor_stays_on_its_run_while_others_come(runs):
    for number in range(4):
        synthetic.new_run(runs, f"run-{number}")

    async def act(d):
        await d.until("run-3")
        newest = table(d).run_id
        await d.press("down")
        chosen = table(d).run_id
        assert chosen != newest
        synthetic.new_run(runs, "newer")
        await d.until("5 runs")
        assert table(d).run_id == chosen
        await d.press("home")
        first = table(d).run_id
        synthetic.new_run(runs, "newest")
        # Else a stop meant for this run would meet the newcomer.
        await d.until("6 runs")
        await d.until("newest")
        assert table(d).run_id == first

    drive(runs, act, size=(100, 20))


def test_a_filter_shows_what_matches_and_says_what_it_is_not(runs):
    synthetic.ended_run(runs, "apple")
    synthetic.ended_run(runs, "pear", reason="failed", error="broke")

    async def act(d):
        await d.until("apple")
        await d.press("slash")
        await d.type("pea")
        await d.until("1 of 2 runs")
        assert "apple" not in d.text()
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


def test_what_is_wrong_with_a_filter_is_readable_beside_it(runs):
    synthetic.ended_run(runs, "apple")
    problems = {
        "seed:x": "'x' is not a number that seed could be compared with",
        "sed:7": "unknown key 'sed'; known: id, ",
        "seed<": "nothing follows '<'; ",
        "state:run": "no state is called 'run'; ",
        "a 'b": "No closing quotation",
        "apple or pear": "there is no 'or'; all terms must hold",
    }

    async def act(d):
        await d.until("apple")
        for text, problem in problems.items():
            await d.press("slash")
            field = d.app.screen.query_one(FilterInput)
            field.value = text
            await d.until(problem)
            row = d.rows()[1]
            assert row.startswith(f" filter  {text} ")
            assert "filter" not in row[8:]
            await d.press("escape")
            await d.gone(problem)

    drive(runs, act, size=(80, 24))


def test_o_orders_by_one_column_after_the_other(runs):
    synthetic.ended_run(runs, "b")
    synthetic.ended_run(runs, "a")

    async def act(d):
        def marked():
            """Where the arrow stands in the heads."""
            return next((place for place, sign in enumerate(d.rows()[1]) if sign in "▾▴"), -1)

        await d.until("finished")
        assert d.rows()[1][: marked() + 1].endswith(" age▾")
        places = []
        for _ in SORTABLE:
            before = marked()
            await d.press("o")
            await d.until(lambda before=before: marked() != before)
            places.append(marked())
        assert len(set(places)) == len(SORTABLE)
        assert places[:-1] == sorted(places[:-1])

    drive(runs, act, size=(200, 20))


def test_an_order_by_a_column_without_room_is_told(runs):
    synthetic.ended_run(runs, "a")

    async def act(d):
        def told():
            """The heads marked, or what the first line says of the order."""
            head = next((word for word in d.rows()[1].split() if word[-1] in "▾▴"), "")
            return head or d.rows()[0].partition("ordered by ")[2].strip()

        await d.until("finished")

        async def following():
            before = told()
            await d.press("o")
            # Each key changes what is on the screen.
            await d.until(lambda: told() not in (before, ""))
            return told()

        assert told() == "age▾"
        seen = [await following() for _ in SORTABLE]
        assert len(set(seen)) == len(SORTABLE)
        while await following() != "seed▴":
            pass
        await d.press("O")
        await d.until("ordered by seed▾")
        await d.resize(160, 24)
        await d.until(lambda: told() == "seed▾")
        assert "ordered" not in d.text()

    drive(runs, act, size=(80, 24))


def test_rows_and_heads_can_be_clicked(runs):
    synthetic.ended_run(runs, "one")
    synthetic.ended_run(runs, "two")

    async def act(d):
        await d.until(lambda: "one" in d.text() and "reading" not in d.text())
        await d.click(5, 3)
        assert table(d).row.name == "one"
        await d.click(3, 1)
        await d.until("state▴")
        await d.click(3, 1)
        await d.until("state▾")
        await d.click(5, 2, times=2)
        await d.until(lambda: d.screen() == "LiveScreen")

    drive(runs, act)


def test_enter_opens_and_escape_returns(runs, ended):
    async def act(d):
        await d.until("mine")
        await d.press("enter")
        await d.until("test error %")
        assert d.screen() == "LiveScreen"
        await d.press("escape")
        assert d.screen() == "BrowserScreen"
        await d.press("escape")
        assert d.screen() == "BrowserScreen"

    drive(runs, act)
