"""Axes hold anything that a log may hold, and labels stay short."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from shareconsole.console.viewmodel.numerals import (
    VALUE_CELLS,
    format_label,
    format_step,
    format_value,
)
from shareconsole.console.viewmodel.scale import (
    LinearScale,
    LogScale,
    fit_scale,
    nice_ticks,
    stepped_max,
)

ODD = (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308, 1.0, -3.7)


@pytest.mark.parametrize(
    ("lo", "hi", "n", "expected"),
    [
        (0, 10, 6, (0, 2, 4, 6, 8, 10)),
        (0, 1, 6, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 1000, 4, (0, 500, 1000)),
        (-1, 1, 5, (-1, -0.5, 0, 0.5, 1)),
        (0.03, 3.2, 2, (0.03, 3.2)),
        (3, 3, 5, ()),
        (math.nan, 1, 5, ()),
        (5, 1, 5, ()),
    ],
)
def test_nice_ticks(lo, hi, n, expected):
    assert nice_ticks(lo, hi, n) == expected


def test_ticks_lie_inside_and_are_few():
    rng = np.random.default_rng(1)
    for _ in range(3000):
        lo = float(rng.normal() * 10 ** rng.uniform(-12, 12))
        hi = lo + float(10 ** rng.uniform(-6, 12))
        n = int(rng.integers(1, 12))
        for scale in (LinearScale(lo, hi), LogScale(abs(lo), abs(lo) + (hi - lo))):
            if not scale.lo < scale.hi:
                continue
            if isinstance(scale, LogScale) and scale.hi / scale.lo < 1 + 1e-6:
                assert scale.ticks(n)
                continue
            ticks = scale.ticks(n)
            assert 2 <= len(ticks) <= max(2, n)
            assert all(-1e-6 <= tick.position <= 1 + 1e-6 for tick in ticks), (scale, ticks)
            assert [t.value for t in ticks] == sorted(t.value for t in ticks)
            assert all(len(tick.label) <= VALUE_CELLS for tick in ticks)


def test_ticks_close_together_get_longer_labels():
    labels = [tick.label for tick in LinearScale(1000, 1004).ticks(5)]
    assert labels == ["1k", "1.001k", "1.002k", "1.003k", "1.004k"]


def test_log_ticks():
    assert [tick.label for tick in LogScale(0.01, 100).ticks(5)] == [
        "0.01",
        "0.1",
        "1",
        "10",
        "100",
    ]
    assert [tick.label for tick in LogScale(0.5, 5).ticks(6)] == ["0.5", "1", "2", "5"]
    assert [tick.label for tick in LogScale(1e-12, 1).ticks(4)] == ["1e-12", "1e-8", "0.0001", "1"]


@pytest.mark.parametrize("log", [False, True])
def test_a_scale_fits_anything(log):
    for lo, hi in product(ODD, ODD):
        check_fit(lo, hi, log)


def check_fit(lo, hi, log):
    scale = fit_scale(lo, hi, log=log)
    assert math.isfinite(scale.lo)
    assert math.isfinite(scale.hi)
    assert scale.lo < scale.hi
    for end in (lo, hi):
        if math.isfinite(end) and (end > 0 or not log):
            assert -1e-9 <= scale.position(end) <= 1 + 1e-9
    places = scale.positions(np.array(ODD))
    for value, place in zip(ODD, places, strict=True):
        gap = not math.isfinite(value) or (log and value <= 0)
        assert math.isnan(place) == gap
        assert math.isnan(scale.position(value)) == gap
    assert scale.ticks(5)


def test_positions_of_arrays_and_single_values_agree():
    values = np.array([[0.1, 3.0], [10.0, 99.0]], np.float32)
    for scale in (LinearScale(0.0, 100.0), LogScale(0.1, 100.0)):
        places = scale.positions(values)
        assert places.shape == (2, 2)
        singles = [[scale.position(float(value)) for value in row] for row in values]
        np.testing.assert_allclose(places, singles, atol=1e-12)
    assert LogScale(0.1, 10).position(1) == pytest.approx(0.5)
    assert LinearScale(0, 4).position(1) == 0.25


@pytest.mark.parametrize("decade", [1e-9, 0.01, 1.0, 1000.0])
def test_close_values_fill_a_logarithmic_axis(decade):
    for factor in np.linspace(1, 9.9, 200):
        lo = factor * decade
        for hi in (1.15 * lo, 1.5 * lo, 2.9 * lo):
            scale = fit_scale(lo, hi, log=True)
            assert scale.lo <= lo * (1 + 1e-9)
            assert scale.hi >= hi * (1 - 1e-9)
            filled = math.log(hi / lo) / math.log(scale.hi / scale.lo)
            assert filled > (0.25 if hi / lo < 1.4 else 0.45)
            assert len(scale.ticks(5)) >= 2


def test_ends_stay_while_values_move_a_little():
    fits = {fit_scale(0.031 + drift, 2.9 + drift, log=log)
            for log in (False, True) for drift in np.linspace(0, 0.01, 20)}  # fmt: skip
    assert len(fits) == 2


def test_the_step_axis_grows_in_jumps():
    ends = [stepped_max(x) for x in range(1, 20_001)]
    assert ends == sorted(ends)
    assert all(end >= x for x, end in enumerate(ends, 1))
    assert all(end <= max(10, 1.5 * x + 1) for x, end in enumerate(ends, 1))
    assert len(set(ends)) < 35
    assert stepped_max(1000) == 1000
    assert stepped_max(1001) == 1500
    assert [stepped_max(x) for x in (math.nan, math.inf, -5, 0)] == [10] * 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (0.0, "0"),
        (0.041, "0.0410"),
        (0.12345, "0.123"),
        (1.0, "1.00"),
        (1.6, "1.60"),
        (12.34, "12.3"),
        (100.0, "100"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (1200, "1.20k"),
        (123456, "123k"),
        (999_999, "1.00M"),
        (0.00213, "0.0021"),
        (2.13e-4, "2.1e-4"),
        (7.68e-5, "7.7e-5"),
        (-0.0012, "-0.001"),
        (-1234, "-1.23k"),
        (3e-7, "3.0e-7"),
        (1.25e-10, "1e-10"),
        (2e30, "2.0e30"),
    ],
)
def test_values_are_short_and_tell_what_the_cells_hold(value, text):
    assert format_value(value) == text


def test_seven_cells_hold_three_digits_of_whatever_a_loss_may_be():
    for value, text in ((2.13e-4, "2.13e-4"), (0.00213, "0.00213"), (7.68e-5, "7.68e-5")):
        assert format_value(value, cells=7) == text
    rng = np.random.default_rng(4)
    for value in 10.0 ** rng.uniform(-9, 20, 3000):
        text = format_value(value, cells=7)
        assert len(text) <= 7
        assert sum(c.isdigit() for c in text.partition("e")[0].lstrip("0.")) == 3, (value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.041, "0.041"), (1.0, "1"), (1200, "1.2k"), (999_999, "1M"), (3e-7, "3e-7"),
     (0.0001, "0.0001"), (0.00015, "1.5e-4"), (0.0, "0")],
)  # fmt: skip
def test_labels_are_as_short_as_can_be(value, text):
    assert format_label(value) == text


def test_no_value_is_wider_than_six_cells():
    rng = np.random.default_rng(2)
    for value in [*(rng.normal(size=3000) * 10.0 ** rng.integers(-300, 300, 3000)), *ODD]:
        for text in (format_value(float(value)), format_label(float(value))):
            assert 1 <= len(text) <= VALUE_CELLS, (value, text)


@pytest.mark.parametrize(
    ("step", "text"),
    [(None, "-"), (0, "0"), (950, "950"), (1000, "1k"), (1250, "1.25k"), (12345, "12.3k"),
     (1_500_000, "1.5M"), (2**63, "9.22E")],
)  # fmt: skip
def test_steps_are_short(step, text):
    assert format_step(step) == text
