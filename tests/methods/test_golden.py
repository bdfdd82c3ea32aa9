"""Tiny runs of every method and step size rule against numbers that were recorded before."""

from __future__ import annotations

import math

import pytest

from tests.methods import golden

RUNS = golden.runs()
AGAIN = "meant? then `python -m tests.methods.golden` records them anew"


def test_all_that_can_be_run_is_recorded():
    recorded = golden.recorded()
    assert recorded.keys() == RUNS.keys(), AGAIN
    assert all(math.isfinite(x) for run in recorded.values() for _, x in golden.numbers(run))


@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_are_those_recorded(name):
    places = golden.moved(golden.measure(*RUNS[name]), golden.recorded()[name])
    assert not places, f"{AGAIN}: {places[:5]}"


def test_a_number_that_moved_a_little_is_told():
    name, wanted = next(iter(golden.recorded().items()))
    assert golden.moved(wanted, wanted) == []
    for place, value in golden.numbers(wanted):
        if not place.startswith("/end/"):
            continue
        key = place.removeprefix("/end/")
        other = {**wanted, "end": {**wanted["end"], key: value * (1 + 2e-9) + 1e-10}}
        assert [place] == [line.split(":")[0] for line in golden.moved(other, wanted)], name
    assert golden.moved({**wanted, "more": 1.0}, wanted) == ["/more: 1.0, recorded as None"]
    assert len(golden.moved({"end": wanted["end"]}, wanted)) > 5
