"""Smoothing equals the plain recursion, and no spike hides in a column."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from shareconsole.console.viewmodel.curve_builder import CurveBuilder
from shareconsole.console.viewmodel.curves import ALPHA, Ema, columns
from shareconsole.console.viewmodel.scale import axis_end
from shareconsole.console.viewmodel.stages import StageMark, by_stage

RNG = np.random.default_rng


def plain(values, alpha=ALPHA):
    average, found = None, []
    for value in values:
        if not math.isfinite(value):
            found.append(math.nan)
            continue
        average = value if average is None else alpha * average + (1 - alpha) * value
        found.append(average)
    return np.array(found)


def awkward(rng, count, *, bad=0.1):
    values = rng.lognormal(0, 2, count)
    for what in (np.nan, np.inf, -np.inf):
        values[rng.random(count) < bad / 3] = what
    return values


@pytest.mark.parametrize("bad", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 129, 5000])
def test_the_average_is_the_plain_recursion(count, bad):
    values = awkward(RNG(count), count, bad=3 * bad)
    np.testing.assert_allclose(Ema().extend(values), plain(values), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_pieces_give_what_the_whole_gives(seed):
    rng = RNG(seed)
    values = awkward(rng, 3000)
    cuts = np.sort(rng.integers(0, 3000, rng.integers(1, 200)))
    ema = Ema()
    pieces = [ema.extend(piece) for piece in np.split(values, cuts)]
    np.testing.assert_allclose(np.concatenate(pieces), Ema().extend(values), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_any_kind_of_number(kind):
    assert Ema(0.5).extend(np.array([4, 2, 2], kind)).tolist() == [4, 3, 2.5]


def brute(steps, y, x0, x1, num_columns):
    lo, hi, above, below = [], [], [], []
    edges = np.linspace(x0, x1 if x1 > x0 else x0 + 1, num_columns + 1)
    for c in range(num_columns):
        end = steps <= edges[c + 1] if c == num_columns - 1 else steps < edges[c + 1]
        inside = y[(steps >= edges[c]) & end]
        finite = inside[np.isfinite(inside)]
        lo.append(finite.min() if len(finite) else np.nan)
        hi.append(finite.max() if len(finite) else np.nan)
        above.append(bool((inside == np.inf).any()))
        below.append(bool((inside == -np.inf).any()))
    return lo, hi, above, below


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_no_spike_hides(first):
    for seed in range(first, first + 100):
        check_columns(seed)


def check_columns(seed):
    rng = RNG(seed)
    count = int(rng.integers(0, 400))
    steps = np.cumsum(rng.integers(1, int(rng.integers(2, 50)), count))
    y = awkward(rng, count, bad=rng.choice([0.0, 0.02, 0.5, 1.5]))
    if count:
        y[rng.integers(count)] = 1e9
    y = y.astype(rng.choice(["f4", "f8"]))
    x0, x1 = np.sort(rng.uniform(-100, 1.3 * (steps[-1] if count else 10), 2))
    if seed % 3 == 0:
        x0, x1 = 0, int(steps[-1]) if count else 1
    num_columns = int(rng.integers(1, 120))
    found = columns(steps, y, x0, x1, num_columns)
    lo, hi, above, below = brute(steps, y, x0, x1, num_columns)
    np.testing.assert_array_equal(found.lo, lo)
    np.testing.assert_array_equal(found.hi, hi)
    np.testing.assert_array_equal(found.above, above)
    np.testing.assert_array_equal(found.below, below)


def test_columns_of_nothing_and_of_one_point():
    nothing = np.empty(0, np.int64), np.empty(0, np.float32)
    assert np.isnan(columns(*nothing, 0, 10, 4).lo).all()
    one = np.array([0]), np.array([2.5])
    assert columns(*one, 0, 0, 3).hi[0] == 2.5
    assert len(columns(*one, 0, 10, 0).lo) == 0
    for x0, x1 in ((math.nan, 1), (0, math.inf)):
        assert np.isnan(columns(*one, x0, x1, 3).lo).all()
    assert np.isnan(columns(np.array([5]), np.array([np.nan]), 0, 10, 3).hi).all()


def test_columns_of_steps_that_no_trainer_writes():
    steps = np.array([-(2**63), 7, 3, 2**63 - 1, 5])
    found = columns(steps, np.arange(5.0), 0.0, 1e300, 5)
    assert len(found.lo) == 5


def rows(count, first=1, **series):
    names = [("step", "<i8"), *((name, "<f4") for name in series)]
    table = np.zeros(count, names)
    table["step"] = np.arange(first, first + count)
    for name, values in series.items():
        table[name] = values
    return table


def test_curves_and_their_mean():
    table = rows(3, **{"loss.a": [1, np.nan, 3], "loss.b": [3, np.nan, np.inf], "fitness.0": 9})
    curves = CurveBuilder("loss.", "loss").update(table["step"], table, True, 1000)
    assert [series.name for series in curves.series] == ["a", "b", "mean"]
    assert curves.series[0].raw.tolist()[::2] == [1, 3]
    assert curves.series[0].raw.dtype == np.float32
    mean = curves.series[2].raw
    assert mean[0] == 2
    assert np.isnan(mean[1])
    assert mean[2] == np.inf
    assert np.isnan(curves.series[2].smooth).tolist() == [False, True, True]
    assert not curves.series[0].raw.flags.writeable
    assert curves.x_max == 10


STAGES = (StageMark(40, "second"), StageMark(70, "third"))


def staged(cuts, stages=STAGES, first=1):
    """Curves of 100 steps that arrive bit by bit."""
    table = rows(100, first, **{"loss.a": np.arange(100) % 7, "loss.b": 1})
    builder, curves = CurveBuilder("loss.", "loss"), None
    for begin, end in pairwise([0, *cuts, 100]):
        steps = np.ascontiguousarray(table["step"][:end])
        curves = builder.update(steps, table[begin:end], begin == 0, 100, stages)
    return curves


@pytest.mark.parametrize("cuts", [[], [40], [39, 41], [70], list(range(1, 100)), [5, 95]])
def test_smoothing_begins_anew_with_each_stage(cuts):
    curves = staged(cuts)
    assert curves.stages == STAGES
    raw, smooth = curves.series[0].raw, curves.series[0].smooth
    for begin, end in ((0, 40), (40, 70), (70, 100)):
        np.testing.assert_allclose(smooth[begin:end], Ema().extend(raw[begin:end]), rtol=1e-6)
        assert smooth[begin] == raw[begin]
    whole = staged(cuts, ())
    np.testing.assert_allclose(whole.series[0].smooth, Ema().extend(raw), rtol=1e-6)


def test_a_stage_whose_first_rows_are_lost_still_begins_anew():
    table = rows(100, **{"loss.a": np.arange(100)})
    table = np.delete(table, range(35, 45))
    curves = CurveBuilder("loss.", "loss").update(table["step"], table, True, 100, STAGES)
    assert curves.series[0].smooth[35] == table["loss.a"][35] == 45


def test_rows_of_several_stages_come_apart():
    table = rows(20_000, **{"loss.a": 0})
    stages = (StageMark(100, "b"), StageMark(9000, "c"), StageMark(30_000, "d"))
    parts = list(by_stage(table, 0, stages))
    assert np.concatenate([part for part, _ in parts])["step"].tolist() == list(range(1, 20_001))
    begun = [(int(part["step"][0]), stage.name) for part, stage in parts if stage]
    assert begun == [(101, "b"), (9001, "c")]
    assert list(by_stage(table[:0], 0, stages)) == []
    # Between two looks.
    assert next(by_stage(table[100:], 100, stages))[1] == stages[0]
    assert next(by_stage(table[101:], 101, stages))[1] is None


def test_one_task_has_no_mean_and_another_table_no_curves():
    table = rows(1, **{"loss.a": 1})
    assert len(CurveBuilder("loss.", "loss").update(table["step"], table, True, 9).series) == 1
    assert CurveBuilder("fitness.", "").update(table["step"], table, True, 9) is None


def test_what_was_handed_out_never_changes():
    builder, table = CurveBuilder("loss.", "loss"), rows(500, **{"loss.a": np.arange(500)})
    steps = np.ascontiguousarray(table["step"])
    first = builder.update(steps[:100], table[:100], True, 1000)
    kept = first.series[0].smooth.copy()
    for at in range(100, 500, 7):
        later = builder.update(steps[: at + 7], table[at : at + 7], False, 1000)
    assert later.version > first.version
    np.testing.assert_array_equal(first.series[0].smooth, kept)
    assert builder.update(steps, table[:0], False, 1000) is later


def test_the_axis_ends_at_the_aim():
    assert axis_end(700, 750) == 750
    assert axis_end(700, 5000) == 800
    assert axis_end(700, 0) == 800
