from __future__ import annotations

from dataclasses import replace

import pytest

from shareconsole.errors import UsageError
from shareconsole.store.filters import parse_filter, sort_runs
from shareconsole.store.index import RunSummary

BASE = RunSummary(
    id="20261122-a",
    name="First [Run]",
    state="finished",
    preset="digits",
    method="learned_sharing",
    data="digits",
    seed=1,
    tags=("Good", "two words"),
    step=100,
    steps=100,
    macro_error=0.1,
    micro_error=0.125,
    best_macro_error=0.05,
    created="2026-11-22T01:15:30.000Z",
    updated="2026-11-22T02:00:00.000Z",
)
OTHER = replace(
    BASE, id="b", name="x", method="no_sharing", macro_error=0.3, best_macro_error=0.02, tags=(),
    seed=2,
)  # fmt: skip
NEW = replace(
    BASE, id="c", name="y", state="queued", macro_error=None, best_macro_error=None, tags=("bad",),
    step=0,
)  # fmt: skip
BROKEN = replace(
    NEW, id="d", state="unreadable", preset=None, method=None, seed=None, step=None, updated=None
)
RUNS = [BASE, OTHER, NEW, BROKEN]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "20261122-a b c d"),
        ("method:learned_sharing", "20261122-a c"),
        ("method:learned", ""),
        ("METHOD:Learned_Sharing", "20261122-a c"),
        ("method!=learned_sharing", "b"),
        ("-method:learned_sharing", "b d"),
        ("macro_error<0.12", "20261122-a"),
        ("macro_error>=0.1", "20261122-a b"),
        ("macro_error!=0.1", "b"),
        ("best_macro_error<0.03", "b"),
        ("best_macro_error>=0 -best_macro_error<0.03", "20261122-a"),
        ("-macro_error<0.12", "b c d"),
        ("macro_error<1e9 -macro_error<0.2", "b"),
        ("seed:1", "20261122-a c"),
        ("step=0", "c"),
        ("tag:good", "20261122-a"),
        ("tags:goo", ""),
        ("-tag:bad", "20261122-a b"),
        ("tag!=bad", "20261122-a b"),
        ('tag:"two words"', "20261122-a"),
        ("state:queued", "c"),
        ("STATE:Queued", "c"),
        ("state==queued", "c"),
        ("macro_error==0.1", "20261122-a"),
        ("macro_error<inf", "20261122-a b"),
        ("name:or", ""),
        ("10:30", ""),
        ("name:[run]", "20261122-a"),
        ("id:2026", "20261122-a"),
        ("first", "20261122-a"),
        ("digits", "20261122-a b c"),
        ("-first -bad", "b"),
        ("good", "20261122-a"),
        ("created>=2026-11-22", "20261122-a b c d"),
        ("created=2026-11-22T01:15", "20261122-a b c d"),
        ("created>2026-11-22", ""),
        ("updated<2026-11-22T02:00:01Z", "20261122-a b c"),
        ("-", "20261122-a"),
    ],
)
def test_which_runs(text: str, ids: str) -> None:
    holds = parse_filter(text)
    assert " ".join(run.id for run in RUNS if holds(run)) == ids


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("colour:red", "known: id, name"),
        ("macro_error<small", "not a number"),
        ("macro_error<", "nothing follows '<'; write macro_error<0.12"),
        ("macro_error < 0.12", "nothing follows|without blanks"),
        ("< 0.12", "no key stands before '<'"),
        ("macro_error <0.12", "no key stands before '<'"),
        ("macro_error<nan", "not a number that macro_error"),
        ("step>=-NaN", "not a number"),
        ("macro-error<0.1", "unknown key 'macro-error'"),
        ("state:finishd", "no state is called 'finishd'; known: queued, .*unreadable"),
        ("state!=running,paused", "known: queued"),
        ("state: finished", "nothing follows ':'; known: queued"),
        ("state:finished or state:stopped", "there is no 'or'; all terms must hold"),
        ("good AND bad", "there is no 'AND'"),
        ("not bad", "-TERM must not"),
        ("name:", "write name:TEXT"),
        ("created>5", "not a time"),
        ("created>2026-13-01", "not a time"),
        ("created>2026-02-30", "not a time"),
        ("updated<2026-11-2", "not a time"),
        ("method<3", "use method:3"),
        ("created>yesterday", "not a time"),
        ('tag:"open', "quot"),
    ],
)
def test_what_makes_no_sense(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_filter(text)


def test_order_with_the_unknown_last() -> None:
    assert [run.id for run in sort_runs(RUNS, "macro_error")] == ["20261122-a", "b", "c", "d"]
    assert [run.id for run in sort_runs(RUNS, "-macro_error")] == ["b", "20261122-a", "c", "d"]
    assert [run.id for run in sort_runs(RUNS, "best_macro_error")] == ["b", "20261122-a", "c", "d"]
    assert [run.id for run in sort_runs(RUNS, "-id")] == ["d", "c", "b", "20261122-a"]
    assert sort_runs([], "created") == []
    with pytest.raises(UsageError, match="known: id"):
        sort_runs(RUNS, "tags")
