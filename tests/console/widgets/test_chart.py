from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.band import Band
from shareconsole.console.viewmodel.curves import CurveSet, Series
from shareconsole.console.viewmodel.stages import StageMark
from shareconsole.console.widgets.chart import Chart
from tests.console.widgets.fakes import band, curves, falling, series, until
from tests.console.widgets.stage import on_stage, rows_of, screen_of, updates_as_text

SIZES = [(1, 1), (2, 3), (5, 20), (20, 5), (24, 4), (38, 9), (80, 24), (160, 48)]
PALETTES = [
    Palette("auto"),
    Palette("256", dark=False),
    Palette("16"),
    Palette("none"),
    Palette("none", ascii=True),
    Palette("256", ascii=True),
]
NAN, INF = float("nan"), float("inf")


def of(*values: list[float], steps: list[int] | None = None, x_max: float = 10.0) -> CurveSet:
    places = None if steps is None else np.array(steps)
    made = [series(f"s{i}", np.array(v), places) for i, v in enumerate(values)]
    return CurveSet(tuple(made), "loss", x_max, 1)


ODD: dict[str, CurveSet | Band | None] = {
    "none": None,
    "no series": CurveSet((), "loss", 10.0, 1),
    "no points": of([]),
    "one point": of([1.0]),
    "one NaN": of([NAN]),
    "all NaN": of([NAN] * 9, [NAN] * 9),
    "all infinite": of([INF, -INF, INF]),
    "a gap": of([1.0, 0.5, NAN, NAN, 0.2, 0.1]),
    "diverged": of([1.0, 2.0, 1e30, INF, NAN, NAN]),
    "zeros": of([0.0] * 5),
    "negative": of([-1.0, -2.0, 3.0]),
    "constant": of([3.0] * 5),
    "huge": of([1e300, -1e300, 1e308]),
    "beyond the axis": of([1.0, 2.0, 3.0], steps=[5, 50, 500]),
    "no axis": of([1.0, 2.0], x_max=0.0),
    "many": curves(50, names=tuple(f"a rather long task name {i}" for i in range(50)), aim=50),
    "wide names": curves(50, names=("日本語のタスク", "[bold]x[/bold]"), aim=50),
    "usual": curves(400),
    "stages": replace(
        curves(400),
        stages=(
            StageMark(1, "a"),
            StageMark(399, "b" * 300),
            StageMark(400, "日本"),
            StageMark(2**61, "c"),
        ),
    ),
    "stages without points": replace(of([]), stages=(StageMark(1, "a"),)),
    "stages of a band": replace(band(400), stages=(StageMark(200, "a"), StageMark(400, "b"))),
    "band": band(400),
    "empty band": band(0),
    "band of one": band(1),
}


def staged(*names: str, points: int = 200, start: int = 100, x_max: float = 200.0) -> CurveSet:
    """A loss that is 1, and 9 from the second stage on; each further stage as many steps later."""
    values = np.where(np.arange(1, points + 1) <= start, 1.0, 9.0)
    curve = Series("s", np.arange(1, points + 1), values, values)
    marks = tuple(StageMark(start * (n + 1), name) for n, name in enumerate(names))
    return CurveSet((curve,), "loss", x_max, points, marks)


def show(data: CurveSet | Band | None, *, log: bool = False) -> Chart:
    chart = Chart("loss")
    chart.show(data)
    chart.log_y = log
    return chart


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size_holds_every_curve(size: tuple[int, int]) -> None:
    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        for log in (False, True):
            chart.log_y = log
            for name, data in ODD.items():
                chart.show(data)
                chart.cycle_front()
                rows = rows_of(chart)
                assert len(rows) == size[1]
                assert {cell_len(row) for row in rows} == {size[0]}, name

    on_stage(Chart("loss"), act, size=size)


@pytest.mark.parametrize("palette", PALETTES, ids=str)
@pytest.mark.parametrize("kind", ["usual", "band", "diverged"])
def test_every_palette(palette: Palette, kind: str) -> None:
    rows = screen_of(show(ODD[kind]), (60, 16), palette)
    text = "".join(rows)
    assert text.isascii() == palette.ascii
    marker = palette.marker(0)
    assert any(marker in row for row in rows[2:]), "a marker on the line tells it apart"


@pytest.mark.parametrize("name", ["none", "no series", "no points", "empty band"])
def test_without_points_it_says_so(name: str) -> None:
    assert "no data yet" in "".join(screen_of(show(ODD[name]), (40, 9)))


def test_the_rulers() -> None:
    rows = screen_of(show(of([0.0, 100.0], steps=[0, 1000], x_max=1000.0)), (60, 20))
    assert rows[-1].split() == ["step", "0", "500", "1k"]
    assert "┬" in rows[-2]
    labels = [row[:6].strip() for row in rows[1:-2]]
    assert [label for label in labels if label] == ["100", "80", "60", "40", "20", "0"]
    # The first and the last label stand at the ends of the axis.
    assert labels[0] == "100"
    assert labels[-1] == "0"


def test_a_label_stands_under_its_tick() -> None:
    rows = screen_of(show(of([1.0, 2.0], steps=[0, 999], x_max=1000.0)), (60, 20))
    middle = rows[-1].index("500")
    assert rows[-2][middle + 1] == "┬"


def test_a_falling_line_falls() -> None:
    line = np.linspace(1.0, 0.0, 200)
    data = CurveSet((Series("s", np.arange(200), line, line),), "loss", 199.0, 1)
    rows = screen_of(show(data), (50, 20))[1:-2]
    places = [row[8:].strip() for row in rows]
    starts = [row.index(part) for row, part in zip(rows, places, strict=True) if part]
    assert starts == sorted(starts)
    assert len(starts) >= 16


def test_the_legend_names_all_and_their_newest_values() -> None:
    rows = screen_of(show(of([1.0, 1.0], [0.25, 0.25])), (60, 20))
    assert rows[0].split() == ["●", "s0", "1.00", "▲", "s1", "0.250"]


def test_the_mean_leads_the_legend_that_has_no_room() -> None:
    names = (*(f"task-{i}" for i in range(20)), "mean")
    rows = screen_of(show(curves(50, names=names, aim=50)), (60, 8))
    assert rows[0].split()[:2] == ["◇", "mean"]
    assert rows[0].rstrip().endswith("+18")


def test_no_curve_is_dropped_from_the_legend_beside_empty_space() -> None:
    names = ("upright-1", "a long name of", "b", "mean")
    rows = screen_of(show(curves(50, names=names, aim=50)), (79, 8))
    assert "+" not in rows[0]
    assert [name for name in names if f" {name} " in rows[0]] == list(names)
    # Below one another where all have room so.
    tall = screen_of(show(curves(50, names=names, aim=50)), (79, 14))
    assert tall[1].index("■") == tall[0].index("◇")


def test_bringing_to_the_front() -> None:
    data = of([1.0] * 9, [1.0] * 9)

    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        seen = []
        for _ in range(4):
            seen.append(chart.front)
            chart.cycle_front()
        assert seen == [None, 0, 1, None]
        # Both lines lie on each other; the marker at their end is the front one's.
        assert chart.front == 0
        assert "●" in "".join(rows_of(chart)[1:])
        chart.cycle_front()
        assert chart.front == 1
        assert "▲" in "".join(rows_of(chart)[1:])

    on_stage(show(data), act, size=(30, 12))


def test_a_gap_is_marked_and_empty() -> None:
    steps = np.arange(100)
    values = np.ones(100)
    values[40:60] = NAN
    data = CurveSet((Series("s", steps, values, values),), "loss", 99.0, 1)
    rows = screen_of(show(data), (108, 12))
    curve = next(row for row in rows[1:] if "⣀" in row or "⠤" in row or "⠒" in row or "⠉" in row)
    assert curve[8 + 41 : 8 + 59].strip() == ""
    assert rows[-3][8 + 42 : 8 + 58] == "×" * 16  # noqa: RUF001


def test_infinity_and_a_spike_are_marked_at_the_top() -> None:
    values = falling(2000, 0)
    values[700] = INF
    values[1500] = 1e6
    smooth = np.minimum(np.nan_to_num(values, posinf=NAN), 3.0)
    data = CurveSet((Series("s", np.arange(2000), values, smooth),), "loss", 2000.0, 1)
    top = screen_of(show(data), (100, 20))[1]
    assert top.index("∞") < top.index("↑")
    low = screen_of(show(data), (100, 20), Palette(ascii=True))[1]
    assert low.index("!") < low.index("^")


def plot_of(data: CurveSet | Band, size: tuple[int, int] = (108, 12), **how: bool) -> list[str]:
    """The cells right of the left ruler, without the legend and the lower ruler."""
    return [row[8:] for row in screen_of(show(data), size, Palette("256", **how))[1:-2]]


@pytest.mark.parametrize("points", [200, 2000])
def test_a_stage_is_marked_where_it_begins_and_its_line_stands_apart(points: int) -> None:
    """Whether there are fewer points than columns of dots, or more."""
    start = points // 2
    rows = plot_of(staged("tree", points=points, start=start, x_max=float(points)))
    # In between there is nothing but the upright: the two lines are not joined.
    between = [row for row in rows if not any(c in row for c in "⣀⠤⠒⠉●")]
    assert len(between) > 4
    assert {row.rstrip() for row in between[:-1]} <= {" " * 50 + upright for upright in "⠅⢐⠨⡂"}
    assert between[-1].strip()[1:].strip() in ("", "tree")
    assert sum("tree" in row for row in rows) == 1


def test_a_stage_is_marked_in_ascii_too() -> None:
    rows = plot_of(staged("tree"), ascii=True)
    assert sum(row[50] == "|" for row in rows) >= len(rows) - 2
    assert any(row[50:].startswith("| tree") for row in rows)


def test_no_stage_is_marked_before_it_begins_nor_named_where_there_is_no_room() -> None:
    assert not any("tree" in row for row in plot_of(staged("tree", points=99)))
    ahead = staged("tree", "much later", points=190)
    assert not any("later" in row for row in plot_of(ahead))
    late = staged("tree", points=199, start=196)
    assert not any("tree" in row for row in plot_of(late))
    assert not any("日" in row for row in plot_of(staged("日本")))


def test_what_ends_with_a_stage_shows_where_the_next_begins() -> None:
    whole = band(200, aim=400.0)
    rows = plot_of(replace(whole, stages=(StageMark(200, "retrain"),)))
    assert any("retrain" in row for row in rows)
    assert not any("retrain" in row for row in plot_of(whole))


def test_a_logarithmic_axis() -> None:
    chart = show(curves(400), log=True)
    rows = screen_of(chart, (80, 24))
    labels = [float(row[:6]) for row in rows[2:-2] if row[:6].strip()]
    assert labels == sorted(labels, reverse=True)
    ratios = {round(a / b) for a, b in pairwise(labels)}
    assert min(ratios) >= 2
    assert str(chart.border_title) == "loss, log y"


@pytest.mark.parametrize("stages", [(), (StageMark(2500, "tree"),)])
def test_a_new_point_changes_few_rows(stages: tuple[StageMark, ...]) -> None:
    whole = replace(curves(5100), stages=stages)

    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        chart.show(until(whole, 5000, 10_000.0))
        await pilot.pause()
        rows_of(chart)
        updates_as_text(pilot.app, chart)
        counts, sent = [], []
        for points in range(5001, 5101):
            chart.show(until(whole, points, 10_000.0))
            counts.append(chart.rows_changed)
            sent.append(len(updates_as_text(pilot.app, chart).encode()))
        assert sum(counts) / len(counts) <= 4
        assert sum(sent) / len(sent) <= 2200

    on_stage(Chart("loss"), act, size=(160, 48))


def test_a_row_is_one_span_that_ends_where_the_change_ends() -> None:
    whole = curves(1100)

    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        chart.show(until(whole, 1000, 10_000.0))
        await pilot.pause()
        rows_of(chart)
        chart._exchange_repaint_regions()
        chart.show(until(whole, 1001, 10_000.0))
        regions = chart._exchange_repaint_regions()
        assert len(regions) == len({region.y for region in regions}) == chart.rows_changed
        assert all(region.x == 0 and region.height == 1 for region in regions)
        # A tenth of the axis is filled, so no change in the plot reaches far; the legend may.
        assert all(region.right <= 40 for region in regions if region.y > 2)

    on_stage(Chart("loss"), act, size=(160, 48))


def test_the_same_curves_again_cost_nothing() -> None:
    data = curves(100)

    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        rows_of(chart)
        updates_as_text(pilot.app, chart)
        chart.show(data)
        assert updates_as_text(pilot.app, chart) == ""
        # Another object with the same points draws the same picture.
        chart.show(until(data, 100, 1000.0))
        assert chart.rows_changed == 0

    on_stage(show(data), act)


def test_rows_after_updates_are_those_of_a_fresh_chart() -> None:
    whole = curves(600)
    grown: list[str] = []

    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        for points in (1, 2, 10, 300, 301, 302, 599, 600):
            chart.show(until(whole, points, 800.0))
            grown[:] = rows_of(chart)

    on_stage(Chart("loss"), act)
    assert grown == screen_of(show(until(whole, 600, 800.0)))


def test_resizing_to_almost_nothing_and_back() -> None:
    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        before = rows_of(chart)
        for size in ((1, 1), (20, 5), (3, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert rows_of(chart) == before

    on_stage(show(curves(300)), act)


@pytest.mark.parametrize("palette", [Palette("none"), Palette("none", ascii=True)], ids=str)
def test_the_last_members_are_dashes_along_the_axis_apart_from_the_curve(palette: Palette) -> None:
    data = band(200)
    rows = screen_of(show(data), (80, 24), palette)
    axis = [row[8:10] for row in rows[2:-2]]
    assert set(axis) == {"- " if palette.ascii else "╶ ", "  "}
    assert "members       8" in " ".join(rows[:2])


def test_without_a_population_there_are_no_members() -> None:
    over = replace(band(200), last_members=())
    rows = screen_of(show(over), (80, 24))
    assert "╶" not in "".join(rows)
    assert "members" not in "".join(rows)
    assert "median" in rows[0]
    upright = {row.index("│") for row in rows if "│" in row}
    assert upright == {rows[-2].index("└")}


@pytest.mark.parametrize("kind", ["usual", "band"])
def test_the_rulers_meet(kind: str) -> None:
    rows = screen_of(show(ODD[kind]), (80, 24))
    upright = {row.index("│") for row in rows if "│" in row}
    assert upright == {rows[-2].index("└")}
    assert rows[-2].split() == [rows[-2].strip()]


@pytest.mark.parametrize("kind", ["usual", "band", "diverged"])
def test_no_color(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def act(chart: Chart, pilot: Pilot[None]) -> None:
        assert pilot.app.no_color
        strips = pilot.app.screen._compositor.render_strips()
        assert len(strips) == 24
        assert all(segment.style is not None for strip in strips for segment in strip)

    on_stage(show(ODD[kind]), act, palette=Palette("none"))
