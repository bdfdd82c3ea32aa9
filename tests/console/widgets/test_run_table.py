"""The list of runs: its columns, and what of it is built again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.listing import RunListing, RunRow
from shareconsole.console.widgets import run_table
from shareconsole.console.widgets.panel import row_text
from shareconsole.console.widgets.run_columns import SORTABLE, fit, run_row
from shareconsole.console.widgets.run_table import RunTable
from shareconsole.store.index import RunSummary
from shareconsole.store.status import STATES
from tests.console.widgets.stage import on_stage, rows_of

DARK = Palette("256")
ROW = RunRow(
    "20261122-011530-digits-7f3a", state="running", preset="digits", method="learned_sharing",
    data="digits", seed=7, step=430, steps=1000, progress=0.43, macro_error=0.123,
    best_macro_error=0.112, age="3m", name="digits wide", tags=("keep",), filled=True,
)  # fmt: skip


def shown(row: RunRow, width: int = 200, palette: Palette = DARK) -> str:
    return row_text(run_row(row, fit(width), width, palette))


def some(number: int) -> RunListing:
    usual = RunSummary(
        id="", name="", state="finished", preset="p", method="m", data="d", seed=1, tags=(),
        step=5, steps=5, macro_error=0.5, micro_error=0.5, best_macro_error=0.25,
        created="2026-11-22T01:15:30.000Z", updated=None,
    )  # fmt: skip
    runs = {
        f"run-{place:04d}": replace(usual, id=f"run-{place:04d}", name=f"name-{place:04d}")
        for place in range(number)
    }
    return RunListing(
        tuple(runs), runs, total=number, now=lambda: datetime(2026, 11, 23, tzinfo=UTC)
    )


@pytest.mark.parametrize("name", ["digits", "名前" * 20, "e\u0301" * 40, "", "a" * 300])
def test_a_row_is_as_wide_as_it_should_be(name: str) -> None:
    row = ROW._replace(name=name, tags=(name, "b" * 50))
    for width in (1, 2, 5, 13, 14, 15, 30, 60, 79, 80, 81, 100, 119, 120, 200, 400):
        for palette in (DARK, Palette("none", ascii=True)):
            assert cell_len(shown(row, width, palette)) == width


def test_the_best_error_outlives_the_last_one_where_there_is_little_room() -> None:
    wide = shown(ROW, 120).split()
    assert wide[-3:] == ["12.3", "11.2", "3m"]
    narrow = shown(ROW, 80).split()
    assert narrow[-2:] == ["11.2", "3m"]
    assert "12.3" not in narrow
    assert {column.key for column, _ in fit(80)} == {
        "state", "name", "method", "step", "best_macro_error", "created",
    }  # fmt: skip
    assert {"macro_error", "best_macro_error"} <= set(SORTABLE)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_every_state_is_written_out(width: int) -> None:
    for state in STATES:
        assert f" {state} " in shown(ROW._replace(state=state), width)


def test_the_longest_data_set_is_written_out_where_there_is_room() -> None:
    row = ROW._replace(data="digits_overlaid")
    assert " digits_overlaid " in shown(row, 200)
    assert " digits_… " in shown(row, 120)
    assert "tags" in {column.head for column, _ in fit(200)}


def test_a_best_error_that_nobody_recorded_is_a_dash() -> None:
    assert shown(ROW._replace(best_macro_error=None), 80).split()[-2:] == ["-", "3m"]


@pytest.mark.parametrize("state", ["running", "paused", "stalled", "lost"])
def test_what_may_move_on_has_a_bar(state: str) -> None:
    assert " 43 % ━━━─────" in shown(ROW._replace(state=state))
    assert " 43 % ===-----" in shown(ROW._replace(state=state), 200, Palette("none", ascii=True))


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "crashed", "unreadable"])
def test_what_has_ended_says_where(state: str) -> None:
    row = shown(ROW._replace(state=state))
    assert "  43 %" in row
    assert "━" not in row
    place = shown(ROW).index(" 43 %")
    assert row.index(" 43 %") == place


def test_a_row_that_was_on_the_screen_is_not_put_together_again() -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show(some(60))
        rows_of(table)
        built, strips = dict(table._built), dict(table._kept)
        table.action_page(1)
        rows_of(table)
        table.action_page(-1)
        table.action_move(-60)
        assert rows_of(table)[3].split()[2] == "name-0002"
        assert all(table._built[run] is row for run, row in built.items())
        assert all(table._kept[key][2] is kept[2] for key, kept in strips.items())

    on_stage(RunTable(), act, size=(120, 20))


def test_other_colours_and_widths_do_build_anew() -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show(some(5))
        before = [table.render_line(y) for y in range(1, 5)]
        pilot.app.palette = Palette("256", dark=False)  # type: ignore[attr-defined]
        table.redraw()
        after = [table.render_line(y) for y in range(1, 5)]
        assert [strip.text for strip in after] == [strip.text for strip in before]
        assert all(one != other for one, other in zip(after, before, strict=True))
        await pilot.resize_terminal(80, 20)
        assert all(len(row) == 80 for row in rows_of(table))

    on_stage(RunTable(), act, size=(120, 20))


def test_the_next_page_is_built_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_table, "_IDLE_SECONDS", 0.001)

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        listing = some(100)
        table.show(listing)
        table.action_page(1)
        table.action_page(1)
        await pilot.pause(0.05)
        ahead = table._top + 18
        assert listing[ahead + 5] in table._built
        assert listing[ahead + 40] not in table._built
        table.action_page(1)
        assert rows_of(table)[-1].split()[2] == f"name-{table._top + 18:04d}"

    on_stage(RunTable(), act, size=(120, 20))


def test_many_rows_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_table, "_MOST_BUILT", 60)

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show(some(900))
        for _ in range(40):
            table.action_page(1)
            rows_of(table)
        assert len(table._built) < 120
        assert len(table._kept) < 120

    on_stage(RunTable(), act, size=(120, 20))
