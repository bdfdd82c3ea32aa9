"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from shareconsole.headless import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (0.0, "0.000"), (0.0414, "0.041"), (0.9996, "1.000"), (2.2834, "2.28"),
        (31.26, "31.3"), (12345.6, "12346"), (1e6, "1.00e+06"), (0.00012, "1.20e-04"),
        (-3.14159, "-3.14"), (math.nan, "nan"), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_number(value, text):
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (math.nan, "-"), (0.04, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"),
        (59.6, "1m00s"), (166, "2m46s"), (3599.6, "1h00m"), (3900, "1h05m"), (273600, "3d04h"),
    ],
)  # fmt: skip
def test_duration(seconds, text):
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (99_999, "99999"), (100_000, "100k"), (250_400, "250k"), (1_200_000, "1.2M"),
        (12_000_000, "12M"), (1_000_000_000, "1.0G"), (None, "-"),
    ],
)  # fmt: skip
def test_short_count(value, text):
    assert figures.short_count(value) == text


def test_memory_tells_how_many_tasks_fit_if_not_all():
    assert figures.needed_memory(3 * 2**29, 20, 20) == "about 1.5 GiB"
    assert figures.needed_memory(3 * 2**29, 5, 20) == "about 1.5 GiB, 5 of 20 tasks at a time"


def test_percent_is_of_fractions():
    assert figures.percent(0.12345) == "12.3"
    assert figures.percent(0.12345, 2) == "12.35"
    assert figures.percent(None) == "-"
    assert figures.percent(math.nan) == "nan"


def test_age_is_short_and_never_negative():
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ages = {
        "2026-11-22T11:59:55Z": "5s",
        "2026-11-22T11:30:00": "30m",
        "2026-11-22T09:00:00+00:00": "3h",
        "2026-11-13T12:00:00Z": "9d",
        "2027-01-01T00:00:00Z": "0s",
        "yesterday": "-",
    }
    assert {text: figures.age(text, now) for text in ages} == ages
    assert figures.age(None) == "-"


def test_speed_turns_over_below_a_step_a_second():
    assert figures.speed(17.24) == "17.2 steps/s"
    assert figures.speed(172.4) == "172 steps/s"
    assert figures.speed(0.32) == "3.1 s/step"
    assert figures.speed(None) == figures.speed(0.0) == "-"


def test_size_in_binary_units():
    sizes = [figures.size(n) for n in (0, 1023, 1536, 200 * 2**20, 5 * 2**40)]
    assert sizes == ["0 B", "1023 B", "1.5 KiB", "200 MiB", "5.0 TiB"]
