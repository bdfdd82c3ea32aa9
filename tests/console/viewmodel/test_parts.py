"""The band, the assignment and the error table, with whatever a log may hold."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from shareconsole.console.viewmodel.assignment import (
    LEVELS,
    AssignmentView,
    cells,
    likeliest,
    mean_entropy,
    shared_with,
    unit_cells,
)
from shareconsole.console.viewmodel.band import BandBuilder
from shareconsole.console.viewmodel.errors import TREND, ErrorBuilder
from shareconsole.console.viewmodel.growing import Arrivals, Growing
from shareconsole.console.viewmodel.stages import StageMark
from shareconsole.console.viewmodel.tensor_log import MOST_POINTS, thinned


def members(values):
    values = np.asarray(values, np.float32)
    table = np.zeros(len(values), [("step", "<i8"), *((f"fitness.{m}", "<f4") for m in
                                                      range(values.shape[1]))])  # fmt: skip
    table["step"] = np.arange(len(values))
    for m in range(values.shape[1]):
        table[f"fitness.{m}"] = values[:, m]
    return table


@pytest.mark.parametrize("num_members", [1, 2, 3, 8, 13, 32, 33])
def test_the_band_is_what_numpy_says(num_members):
    rng = np.random.default_rng(num_members)
    values = rng.lognormal(size=(400, num_members)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:5] = np.nan
    table = members(values)
    band = BandBuilder().update(table["step"], table, True, 400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(band.lo, np.nanmin(values, 1))
        np.testing.assert_array_equal(band.hi, np.nanmax(values, 1))
        np.testing.assert_allclose(band.median, np.nanmedian(values, 1), rtol=1e-6)
    assert band.num_members == num_members
    np.testing.assert_array_equal(band.last_members, values[-1])


def test_a_band_of_infinities_and_of_nothing():
    table = members([[np.inf, 1, 2], [np.inf, np.inf, -np.inf], [np.nan] * 3])
    band = BandBuilder().update(table["step"], table, True, 3)
    assert band.hi[0] == np.inf
    assert band.median[0] == 2
    assert np.isnan(band.median[2])
    empty = BandBuilder().update(np.empty(0, np.int64), table[:0], True, 3)
    assert len(empty.lo) == 0
    assert empty.last_members == ()
    assert empty.num_members == 3


def view(probabilities, modules=("a", "b", "c")):
    p = np.asarray(probabilities, np.float32)
    units, tasks = (tuple(f"{axis}{i}" for i in range(n)) for axis, n in
                    zip("ut", p.shape, strict=False))  # fmt: skip
    nothing = np.empty(0)
    return AssignmentView(units, tasks, tuple(modules), p, likeliest(p), 10,
                          nothing.astype(np.int64), nothing, 1)  # fmt: skip


def test_the_maps_of_an_assignment():
    shown = view([[[0.9, 0.05, 0.05], [0.2, 0.3, 0.5]], [[0, 1, 0], [0, 1, 0]]])
    assert [[cell.letter for cell in row] for row in cells(shown)] == [["a", "b"], ["c", "b"]]
    assert cells(shown)[0][1].level == LEVELS - 1
    assert cells(shown)[0][0].probability == pytest.approx(0.9)
    assert [cell.level for cell in unit_cells(shown, 0)[1]] == [1, 2, 4]
    assert shared_with(shown).tolist() == [[2, 1], [1, 2]]


def test_cells_that_look_the_same_are_equal():
    one, other = view([[[0.9, 0.1, 0]]]), view([[[0.91, 0.09, 0]]])
    assert cells(one) == cells(other)
    assert cells(one) != cells(view([[[0.1, 0.9, 0]]]))


def test_an_assignment_that_is_no_number():
    odd = view([[[np.nan] * 3, [np.nan, 0.2, 0.1], [np.inf, -1, 2]]])
    assert [row[0].letter for row in cells(odd)] == ["?", "b", "a"]
    assert cells(odd)[2][0].level == LEVELS - 1
    assert shared_with(odd).tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert math.isnan(mean_entropy(odd.probabilities[:, :1]))


def test_entropy_is_in_nats():
    assert mean_entropy(np.full((2, 3, 4), 0.25, np.float32)) == pytest.approx(math.log(4))
    assert mean_entropy(np.array([[[1, 0]]], np.float32)) == 0


def test_thinning_keeps_what_was_read():
    before: set[int] = set()
    for count in range(3000):
        places = thinned(count)
        assert len(places) <= MOST_POINTS + 1
        assert places == sorted(set(places))
        assert places[-1:] == ([count - 1] if count else [])
        assert len(set(places) - before) <= 1
        before = set(places)


def evaluations(*errors):
    table = np.zeros(len(errors), [("step", "<i8"), ("test_error.a", "<f4"),
                                   ("macro_error", "<f4"), ("rand_index.u", "<f4")])  # fmt: skip
    table["step"] = np.arange(len(errors)) * 100
    for name in ("test_error.a", "macro_error", "rand_index.u"):
        table[name] = errors
    return table


def test_the_error_table_is_in_per_cent():
    table = evaluations(0.5, 0.125, np.nan, 0.25)
    errors = ErrorBuilder().update(table, table, True)
    assert errors.rows[0].task == "a"
    assert errors.rows[0].error == 25
    assert errors.rows[0].best == 12.5
    assert errors.rows[0].trend[:2] == (50, 12.5)
    assert (errors.macro, errors.best_macro, errors.micro) == (25, 12.5, None)
    assert errors.rand_index == {"u": 0.25}
    assert errors.steps.tolist() == [0, 100, 200, 300]


def test_the_best_is_of_the_stage_that_was_evaluated_last():
    table = evaluations(0.5, 0.125, 0.25, 0.75, 0.5, np.nan)
    stages = (StageMark(200, "tree"),)
    builder = ErrorBuilder()
    first = builder.update(table[:3], table[:3], True, stages)
    assert (first.stage, first.best_macro, first.rows[0].best) == ("", 12.5, 12.5)
    assert first.since == ()
    second = builder.update(table[:4], table[3:4], False, stages)
    assert (second.stage, second.best_macro, second.rows[0].best) == ("tree", 75, 75)
    assert second.rows[0].trend == (50, 12.5, 25, 75)
    assert second.since == (1,)
    last = builder.update(table, table[4:], False, stages)
    assert (last.best_macro, last.rows[0].best) == (50, 50)
    nothing = np.concatenate([table[:2], evaluations(*[np.nan] * 4)[3:]])
    assert ErrorBuilder().update(nothing, nothing, True, stages).best_macro is None


def test_a_stage_without_a_population_has_no_band():
    table = members(np.random.default_rng(0).random((40, 3)))
    table["step"] += 1
    stages = (StageMark(20, "retrain"),)
    for member in range(3):
        table[f"fitness.{member}"][20:] = np.nan
    builder = BandBuilder()
    band = builder.update(table["step"][:30], table[:30], True, 40, stages)
    assert band.steps.tolist() == list(range(1, 21))
    assert len(band.lo) == len(band.median) == len(band.hi) == 20
    assert band.last_members == ()
    assert (band.x_max, band.stages) == (30, stages)
    same_axis = builder.update(table["step"][:30], table[30:30], False, 40, stages)
    assert same_axis is band
    grown = builder.update(table["step"], table[30:], False, 40, stages)
    assert grown.steps.tolist() == band.steps.tolist()
    assert grown.x_max == 40
    # The last population is gone with the first step of the stage, whether or not the axis grows.
    builder = BandBuilder()
    search = builder.update(table["step"][:20], table[:20], True, 40, stages)
    assert search.last_members == tuple(table[f"fitness.{m}"][19] for m in range(3))
    aim = int(search.x_max)
    assert builder.update(table["step"][:20], table[20:20], False, aim, stages) is search
    over = builder.update(table["step"][:20], table[20:22], False, aim, stages)
    assert (over.last_members, over.x_max) == ((), search.x_max)
    assert over.version != search.version
    # Where nothing says that a stage begins, a step without fitness is a gap.
    whole = BandBuilder().update(table["step"], table, True, 40)
    assert np.isnan(whole.median).sum() == 20


def test_the_error_table_before_and_after_many_evaluations():
    builder, table = ErrorBuilder(), evaluations(*[0.5] * 100)
    empty = builder.update(table[:0], table[:0], True)
    assert (empty.rows[0].error, empty.macro, empty.rand_index) == (None, None, {})
    full = builder.update(table, table, False)
    assert len(full.rows[0].trend) == TREND
    assert builder.update(table, table[:0], False) is full
    assert full.version > empty.version
    none = np.zeros(2, [("step", "<i8"), ("seconds", "<f4")])
    assert ErrorBuilder().update(none, none, True) is None


def test_a_column_that_grows_keeps_what_it_showed():
    column = Growing(np.float32)
    seen = []
    for value in range(200):
        column.append(np.array([value, 1e300]))
        seen.append(column.view())
    assert all(len(view) == 2 * n for n, view in enumerate(seen, 1))
    assert seen[3].tolist() == [0, np.inf, 1, np.inf, 2, np.inf, 3, np.inf]


def test_arrivals_tell_growth_from_replacement():
    table = evaluations(*np.linspace(0, 1, 50))
    arrivals = Arrivals()
    assert arrivals.take(table[:10])[1]
    fresh, anew = arrivals.take(table[:30])
    assert (len(fresh), anew) == (20, False)
    fresh, anew = arrivals.take(table.copy()[:40])
    assert (len(fresh), anew) == (10, False)
    changed = table.copy()
    changed["macro_error"][5] = 7
    fresh, anew = arrivals.take(changed)
    assert (len(fresh), anew) == (50, True)
    assert arrivals.take(changed)[1] is False
    assert arrivals.take(table[:20])[1]
    assert arrivals.take(np.zeros(60, [("step", "<i8")]))[1]
