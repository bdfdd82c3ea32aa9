"""Which stage a run is in, from what its records say, whatever they say."""

from __future__ import annotations

import pytest

from shareconsole.store.stages import stage_at, stage_starts, start_of

STAGES = [{"name": "search", "start": 0}, {"name": "retrain", "start": 30}]
META = {"stages": STAGES, "steps": 100}


@pytest.mark.parametrize(
    ("step", "text", "number"),
    [
        (0, "search 0/30", 1),
        (1, "search 1/30", 1),
        (30, "search 30/30", 1),
        (31, "retrain 1/70", 2),
        (100, "retrain 70/70", 2),
    ],
)
def test_the_stage_is_the_one_that_made_the_last_step(step, text, number):
    stage = stage_at(META, step)
    assert (stage.progress_text, stage.number, stage.count) == (text, number, 2)


def test_more_steps_lengthen_the_last_stage_and_fewer_cut_the_first_short():
    assert stage_at({**META, "steps": 3000}, 1040).progress_text == "retrain 1,010/2,970"
    assert stage_at({**META, "steps": 20}, 20).progress_text == "search 20/20"
    assert stage_at({**META, "steps": 20}, 30).to_json()["end"] == 20


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"steps": 100},
        {"stages": STAGES},
        {"stages": [], "steps": 100},
        {"stages": "search", "steps": 100},
        {"stages": STAGES, "steps": "100"},
        {"stages": [*STAGES, {"name": "more"}], "steps": 100},
        {"stages": [*STAGES, 3], "steps": 100},
        {"stages": [{"name": 1, "start": 0}], "steps": 100},
        {"stages": STAGES[::-1], "steps": 100},
        {"stages": STAGES[1:], "steps": 100},
        {"stages": [*STAGES, {"name": "more", "start": 10**30}], "steps": 100},
    ],
)
def test_records_without_stages_or_of_no_sense_tell_none(meta):
    assert stage_at(meta, 5) is None


def test_where_stages_begin_is_known_without_knowing_where_the_run_ends():
    assert stage_starts({"stages": STAGES}) == (("search", 0), ("retrain", 30))
    assert stage_starts({}) == stage_starts({"stages": STAGES[1:]}) == ()


@pytest.mark.parametrize(("step", "start"), [(0, 0), (1, 0), (30, 0), (31, 30), (70, 30), (71, 70)])
def test_a_step_belongs_to_the_stage_that_made_it(step, start):
    assert start_of((0, 30, 70), step) == start
    assert start_of((), step) == 0
