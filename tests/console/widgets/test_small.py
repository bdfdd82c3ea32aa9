"""The bar, the error table and the sparkline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.errors import ErrorRow
from shareconsole.console.viewmodel.header import RunHeader
from shareconsole.console.widgets.errors import ErrorPanel
from shareconsole.console.widgets.header import RunBar
from shareconsole.console.widgets.log_tail import LogTail
from shareconsole.console.widgets.panel import Panel
from shareconsole.console.widgets.sparkline import Sparkline, spark
from tests.console.widgets.fakes import errors, header
from tests.console.widgets.stage import on_stage, rows_of, screen_of

NAN, INF = float("nan"), float("inf")
PALETTES = [Palette("auto"), Palette("16"), Palette("none"), Palette("none", ascii=True)]
SIZES = [(1, 1), (4, 2), (20, 5), (38, 9), (80, 24), (200, 60)]


def table(*args: object, **changes: object) -> ErrorPanel:
    panel = ErrorPanel()
    panel.show(errors(*args, **changes))  # type: ignore[arg-type]
    return panel


def bar(shown: RunHeader | None, height: int = 2) -> RunBar:
    widget = RunBar()
    widget.styles.height = height
    widget.show(shown)
    return widget


class TestErrorPanel:
    def test_the_title_tells_the_stage_that_best_is_of(self) -> None:
        panel = ErrorPanel()
        titles = []

        async def act(panel: ErrorPanel, pilot: Pilot[None]) -> None:
            for stage in ("", "tree"):
                panel.show(replace(errors(), stage=stage))
                await pilot.pause()
                titles.append(str(panel.border_title))

        on_stage(panel, act)
        assert titles == ["test error %", "test error %, best of tree"]

    @pytest.mark.parametrize("palette", PALETTES[-2:], ids=str)
    def test_a_trend_shows_where_a_stage_begins(self, palette: Palette) -> None:
        mark = "|" if palette.ascii else "┊"
        values = (60.0, 20.0, 9.0, 5.0, 70.0, 20.0, 9.0)
        rows = tuple(replace(row, trend=values) for row in errors(2).rows)

        def drawn(width: int, *since: int) -> list[str]:
            panel = ErrorPanel()
            panel.show(replace(errors(2), rows=rows, macro_trend=values, since=since))
            return screen_of(panel, (width, 12), palette)

        for width, before in ((60, 4), (30, 4), (28, 2)):
            trends = [row.split()[-1] for row in drawn(width, 3) if mark in row]
            assert len(trends) == 3  # two tasks and the mean of them
            for trend in trends:
                assert [len(part) for part in trend.split(mark)] == [before, 3]
        # With no evaluation of another stage in view, and in a stage that begins long before.
        for since in ((7,), (), (30, 7)):
            assert mark not in "".join(drawn(60, *since))
        assert drawn(60, 5, 3, 3)[1].count(mark) == 2

    def test_rows(self) -> None:
        rows = screen_of(table(3, rand=True), (60, 14))
        assert rows[0].split() == ["task", "now", "best", "trend"]
        assert [row.split()[:3] for row in rows[1:4]] == [
            ["task-1", "4.0", "3.5"],
            ["task-2", "5.0", "4.5"],
            ["task-3", "6.0", "5.5"],
        ]
        text = [row.split() for row in rows]
        assert ["macro", "5.5", "5.0"] in [row[:3] for row in text]
        assert ["micro", "5.4"] in text
        assert ["Rand", "index", "conv1", "1.00", "conv2", "0.24"] in text

    def test_numbers_stand_in_one_column(self) -> None:
        panel = ErrorPanel()
        rows = tuple(
            ErrorRow(name, value, value, ())
            for name, value in (("a", 100.0), ("longer", 0.0), ("nan", NAN), ("none", None))
        )
        panel.show(replace(errors(), rows=rows))
        ends = [len(row[: 8 + 6].rstrip()) for row in screen_of(panel, (40, 12))[1:5]]
        assert len(set(ends)) == 1

    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_every_size(self, size: tuple[int, int]) -> None:
        async def act(panel: ErrorPanel, pilot: Pilot[None]) -> None:
            for shown in (None, errors(1), errors(4, rand=True), errors(50, rand=True)):
                panel.show(shown)
                assert {cell_len(row) for row in rows_of(panel)} == {size[0]}

        on_stage(ErrorPanel(), act, size=size)

    def test_before_the_first_evaluation(self) -> None:
        panel = ErrorPanel()
        empty = tuple(ErrorRow(f"t{i}", None, None, ()) for i in range(3))
        panel.show(replace(errors(), rows=empty, macro=None, micro=None, steps=np.empty(0)))
        assert "no evaluation yet" in "".join(screen_of(panel, (60, 14)))

    def test_fifty_tasks_scroll(self) -> None:
        async def act(panel: ErrorPanel, pilot: Pilot[None]) -> None:
            assert rows_of(panel)[0].startswith("1-")
            await pilot.press("down")
            assert rows_of(panel)[1].startswith("task-2 ")
            panel.action_scroll_rows(60)
            assert any(row.startswith("task-50") for row in rows_of(panel))
            panel.action_scroll_rows(-60)
            await pilot.press("k")
            assert rows_of(panel)[1].startswith("task-1 ")

        on_stage(table(50), act, size=(60, 14))

    def test_a_new_evaluation_leaves_the_head(self) -> None:
        async def act(panel: ErrorPanel, pilot: Pilot[None]) -> None:
            rows_of(panel)
            before = errors(4)
            rows = (replace(before.rows[0], error=1.0), *before.rows[1:])
            panel.show(replace(before, rows=rows))
            assert panel.rows_changed == 1

        on_stage(table(4), act, size=(60, 14))


class TestRunBar:
    def test_eighty_cells_hold_it_all(self) -> None:
        first, second = screen_of(bar(header(), 2), (80, 2))
        assert first.split() == ["●", "running", "digits", "learned_sharing", "seed", "3"]
        for part in ("43 %", "2,140/5,000", "17.2 steps/s", "eta 2m46s"):
            assert part in second
        assert "━" in second

    def test_a_run_whose_aim_is_not_known_is_at_no_per_cent(self) -> None:
        for height in (1, 2):
            last = screen_of(bar(header(step=160, steps=0, fraction=0.0), height), (80, height))[-1]
            assert "step 160" in last
            assert "%" not in last.partition("macro")[0]
            assert "160/0" not in last

    def test_the_stage_comes_before_what_made_the_run_and_leaves_the_figures_alone(self) -> None:
        first, second = screen_of(bar(header(stage="retrain 140/3,000"), 2), (80, 2))
        words = ["digits", "retrain", "140/3,000", "learned_sharing", "seed", "3"]
        assert first.split() == ["●", "running", *words]
        assert second == screen_of(bar(header(), 2), (80, 2))[1]
        narrow = screen_of(bar(header(stage="retrain 140/3,000"), 2), (40, 2))[0]
        assert narrow.split() == ["●", "running", *words[:3]]

    def test_a_long_stage_is_cut_and_one_row_has_it_where_there_is_room(self) -> None:
        long = header(stage="a stage whose name goes on and on 140/3,000")
        assert (
            "digits  a stage whose name goes on and… 140/3,000"
            in screen_of(bar(long, 2), (60, 2))[0]
        )
        short = header(stage="retrain 140/3,000")
        assert "digits  retrain 140/3,000" in screen_of(bar(short, 1), (120, 1))[0]
        assert "retrain" not in screen_of(bar(short, 1), (60, 1))[0]

    def test_the_bar_is_as_long_as_the_run_is_far(self) -> None:
        async def act(widget: RunBar, pilot: Pilot[None]) -> None:
            def full(fraction: float) -> int:
                widget.show(header(fraction=fraction))
                return rows_of(widget)[1].count("━")

            whole = full(1.0)
            assert full(0.0) == full(NAN) == full(-3.0) == 0
            assert full(9.0) >= whole - 2
            assert abs(full(0.5) - whole / 2) <= 1

        on_stage(bar(header()), act, size=(120, 2))

    @pytest.mark.parametrize("size", [(1, 1), (1, 2), (5, 2), (20, 2), (40, 1), (80, 2), (200, 2)])
    def test_every_size(self, size: tuple[int, int]) -> None:
        odd = header(
            name="日本語 [red]x" * 9, flags="disk full", reason="asked to", tags=("a",) * 9
        )

        async def act(widget: RunBar, pilot: Pilot[None]) -> None:
            for shown in (RunHeader("id"), header(), odd, None):
                widget.show(shown)
                assert {cell_len(row) for row in rows_of(widget)} == {size[0]}

        on_stage(bar(None, size[1]), act, size=size)

    def test_what_matters_now_is_never_cut_by_the_name(self) -> None:
        shown = header(name="n" * 200, flags="disk full")
        assert screen_of(bar(shown), (80, 2))[0].rstrip().endswith("disk full")
        assert "disk full" in screen_of(bar(shown, 1), (80, 1))[0]

    def test_why_it_ended_is_cut_rather_than_left_out(self) -> None:
        shown = header(state="crashed", reason="process 23747 is gone and left no word, " * 2)
        for width in (40, 80, 120):
            assert "process 23747 is go" in screen_of(bar(shown), (width, 2))[0]
        assert "seed 3" in screen_of(bar(shown), (80, 2))[0]
        assert "seed 3" not in screen_of(bar(shown), (60, 2))[0]
        assert "seed 3" in screen_of(bar(header(reason="asked to")), (80, 2))[0]

    @pytest.mark.parametrize("width", [80, 120, 200])
    def test_neither_a_long_reason_nor_a_long_name_takes_the_stage_away(self, width: int) -> None:
        reason = "process 23747 is gone and left no word (killed, or out of memory), " * 4
        for name in ("branched", "n" * 200):
            gone = header(name=name, state="crashed", reason=reason, stage="single task 140/3,000")
            row = screen_of(bar(gone), (width, 2))[0]
            assert "single task 140/3,000" in row
            assert ("process 23747 is go" in row) == (width > 80 or name == "branched")
            if width == 200:
                assert row.split()[-2:] == ["seed", "3"]
        for shown in (header(name="n" * 200), header(name="n" * 200, flags="disk full")):
            assert "learned_sharing" in screen_of(bar(shown), (width, 2))[0]
        alone = RunHeader("n" * 60, state="lost")
        assert "n" * 60 in screen_of(bar(alone), (width, 2))[0]
        staged = header(name="n" * 200, stage="single task 140/3,000")
        assert "single task 140/3,000" in screen_of(bar(staged, 1), (200, 1))[0]

    def test_an_ended_run_has_no_speed(self) -> None:
        rows = screen_of(bar(header(state="finished", fraction=1.0, eta_seconds=None)), (120, 2))
        assert rows[0].startswith("✓ finished")
        assert "steps/s" not in rows[1]
        assert "macro error 12.3 %" in rows[1]

    @pytest.mark.parametrize("palette", PALETTES, ids=str)
    def test_every_state_has_a_mark_and_a_word(self, palette: Palette) -> None:
        async def act(widget: RunBar, pilot: Pilot[None]) -> None:
            for state in ("queued", "running", "paused", "finished", "crashed", "lost", "stalled"):
                widget.show(header(state=state))
                row = rows_of(widget)[0]
                assert row.split()[1] == state
                assert row.isascii() or not palette.ascii

        on_stage(bar(header()), act, size=(80, 2), palette=palette)

    def test_an_equal_header_costs_nothing(self) -> None:
        async def act(widget: RunBar, pilot: Pilot[None]) -> None:
            rows_of(widget)
            widget.show(header())
            assert widget.rows_changed <= 2
            widget.show(header(step=2141))
            assert widget.rows_changed == 1

        on_stage(bar(header()), act, size=(80, 2))


class TestLogTail:
    def rows(self, size: tuple[int, int], *warnings: str, **changes: object) -> list[str]:
        widget = LogTail()
        widget.styles.height = size[1]
        widget.show(header(log_tail=tuple(f"line {n}" for n in range(50)), **changes), warnings)
        return [row.rstrip() for row in screen_of(widget, size)]

    def test_a_crash_tells_why_what_to_do_and_the_last_lines(self) -> None:
        reason = "process 23747 is gone and left no word (killed, or out of memory)"
        for width in (80, 120, 200):
            rows = self.rows((width, 6), state="crashed", reason=reason)
            assert "r resumes from the last checkpoint" in "".join(rows[:2])
            assert f"crashed: {reason}" in "".join(rows[:2])
            assert rows[-1] == "line 49"
        assert len(self.rows((80, 3), state="crashed", reason=reason)) == 3

    def test_a_refused_resume_is_not_offered_as_if_it_would_work(self) -> None:
        rows = self.rows((80, 6), "resume refused: other data", state="stopped", refused=True)
        assert rows[0].startswith("r tries again   L whole log   stopped")
        assert rows[1] == "warning: resume refused: other data"

    def test_without_a_checkpoint_r_is_said_to_start_again(self) -> None:
        rows = self.rows((80, 6), state="stopped", saved=False)
        assert rows[0].startswith("r starts again from step 0   L whole log   stopped")

    def test_a_run_that_goes_well_shows_its_lines_alone(self) -> None:
        assert self.rows((80, 3)) == ["line 47", "line 48", "line 49"]

    def test_what_came_of_a_resume_is_told(self) -> None:
        note = "attempt 2 went on from step 60; 3 repeated steps are identical"
        assert self.rows((80, 5), "look out", resume_note=note)[:3] == [
            note, "warning: look out", "line 47",
        ]  # fmt: skip


class TestSparkline:
    def test_levels(self) -> None:
        palette = Palette()
        assert spark([0, 1, 2, 3, 4, 5, 6], 10, palette) == "▁▂▃▄▅▆▇"
        assert spark([5, 5], 10, palette) == "▄▄"
        assert spark([1, NAN, INF, 2], 10, palette) == "▁??▇"
        assert spark([], 10, palette) == spark([1.0], 0, palette) == ""
        assert spark([NAN], 3, palette) == "?"
        assert spark([0.5], 3, palette, low=0.0, high=1.0) == "▄"
        assert spark([-5, 50], 3, palette, low=0.0, high=1.0) == "▁▇"

    def test_a_long_history_keeps_its_old_bars(self) -> None:
        palette = Palette()
        values = list(np.linspace(1, 0, 200))
        one = spark(values[:150], 64, palette, low=0.0, high=1.0)
        two = spark(values[:160], 64, palette, low=0.0, high=1.0)
        assert len(one) <= len(two) <= 64
        assert two.startswith(one[:-1])

    @pytest.mark.parametrize("width", [1, 5, 12, 40])
    def test_widget(self, width: int) -> None:
        line = Sparkline("entropy")
        line.show([3.0, 2.0, 1.0], "0.61 nats")
        row = screen_of(line, (width, 1))[0]
        assert cell_len(row) == width
        if width == 40:
            assert row.split() == ["entropy", "▇▄▁", "0.61", "nats"]


@pytest.mark.parametrize("widget", [lambda: table(4, rand=True), lambda: bar(header())])
def test_no_color(monkeypatch: pytest.MonkeyPatch, widget: object) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def act(shown: Panel, pilot: Pilot[None]) -> None:
        strips = pilot.app.screen._compositor.render_strips()
        assert all(segment.style is not None for strip in strips for segment in strip)

    on_stage(widget(), act, palette=Palette("none"))  # type: ignore[operator]
