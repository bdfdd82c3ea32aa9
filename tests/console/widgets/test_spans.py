from __future__ import annotations

import numpy as np
import pytest

from shareconsole.console.viewmodel.scale import LinearScale, LogScale
from shareconsole.console.widgets.spans import ColumnCache, area_spans, line_spans
from tests.console.widgets.fakes import falling

UNIT = LinearScale(0.0, 1.0)


def test_a_curve_that_grew_looks_as_if_computed_anew() -> None:
    values = falling(5000, 0)
    values[2000:2050] = np.nan
    values[4100] = np.inf
    steps = np.arange(1, 5001)
    cache = ColumnCache()
    for points in (1, 2, 700, 701, 1999, 2001, 2100, 4000, 4200, 5000):
        found = cache.columns(steps[:points], values[:points], 6000.0, 317)
        anew = ColumnCache()
        whole = anew.columns(steps[:points], values[:points], 6000.0, 317)
        for name in ("lo", "hi", "above", "below"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
        np.testing.assert_array_equal(cache.gaps, anew.gaps)
    assert cache.gaps.any()


@pytest.mark.parametrize("change", ["shorter", "other past", "wider axis", "more columns"])
def test_other_curves_are_computed_anew(change: str) -> None:
    steps, values = np.arange(100), falling(100, 0)
    cache = ColumnCache()
    cache.columns(steps, values, 200.0, 50)
    x_max, n = (
        (400.0 if change == "wider axis" else 200.0),
        (60 if change == "more columns" else 50),
    )
    if change == "shorter":
        steps, values = steps[:40], values[:40]
    if change == "other past":
        values = values + 1
    found = cache.columns(steps, values, x_max, n)
    whole = ColumnCache().columns(steps, values, x_max, n)
    np.testing.assert_array_equal(found.lo, whole.lo)
    np.testing.assert_array_equal(found.hi, whole.hi)


def test_few_points_are_joined_by_lines() -> None:
    steps, values = np.array([0, 10]), np.array([0.0, 1.0])
    found = ColumnCache().columns(steps, values, 10.0, 20)
    lo, hi = line_spans(found, steps, values, 10.0, UNIT)
    np.testing.assert_allclose(lo[:-1], np.arange(19) / 20, atol=1e-9)
    np.testing.assert_allclose(hi[:-1], np.arange(1, 20) / 20, atol=1e-9)


def test_neighbouring_columns_touch() -> None:
    steps, values = np.arange(1000), falling(1000, 0)
    found = ColumnCache().columns(steps, values, 999.0, 120)
    lo, hi = line_spans(found, steps, values, 999.0, LinearScale(0.0, 8.0))
    assert (np.minimum(hi[1:], hi[:-1]) >= np.maximum(lo[1:], lo[:-1]) - 1e-12).all()


def test_a_nan_leaves_a_gap() -> None:
    steps, values = np.array([0, 4, 8, 12, 16]), np.array([0.5, 0.5, np.nan, 0.5, 0.5])
    found = ColumnCache().columns(steps, values, 16.0, 16)
    lo, _ = line_spans(found, steps, values, 16.0, UNIT)
    assert np.isfinite(lo[:4]).all()
    assert np.isnan(lo[5:12]).all()
    assert np.isfinite(lo[12:]).all()


def test_zero_reaches_the_bottom_of_a_logarithmic_axis() -> None:
    steps, values = np.arange(4), np.array([0.0, 1.0, 0.0, 0.0])
    found = ColumnCache().columns(steps, values, 4.0, 2)
    lo, hi = area_spans(found, LogScale(0.1, 1.0))
    assert lo[0] == 0.0
    assert hi[0] == 1.0
    assert np.isnan(hi[1])
