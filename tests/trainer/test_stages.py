"""A run of two stages through the real trainer: records, exact resume, and what people see."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.headless.facts import gather
from shareconsole.headless.output import make_console
from shareconsole.headless.report import print_report
from shareconsole.store.best import best_macro_error
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.events import read_events
from shareconsole.store.export import write_csv
from tests.trainer.killing import difference, read, same_state
from tests.trainer.watching import kinds, statuses

STAGED = ("method.final_stage=retrain", "method.search_steps=15")


def stages(folder) -> list[tuple[int, str, int, int]]:
    """Attempt, name, start and end of each that is on record."""
    return [
        (event.attempt, *(event.data[key] for key in ("name", "start", "end")))
        for event in read_events(folder)
        if event.kind == "stage"
    ]


def shown(folder) -> str:
    stream = io.StringIO()
    print_report(make_console(stream), gather(folder))
    return stream.getvalue()


def test_a_run_says_when_a_stage_begins_and_evaluates_where_one_ends(make_run, train, capsys):
    folder = make_run(*STAGED)
    assert train(folder) == 0
    assert stages(folder) == [(1, "search", 0, 15), (1, "retrain", 15, 40)]
    begun = ["attempt_started", "stage", "checkpoint_saved", "stage"]
    assert kinds(folder) == [*begun, *["checkpoint_saved"] * 3, "finished"]
    printed = capsys.readouterr().out
    assert "stage search: steps 1 to 15\n" in printed
    assert "stage retrain: steps 16 to 40\n" in printed
    log = read(folder)
    rows = log.table("step")
    for member in range(3):
        missing = np.isnan(rows[f"fitness.{member}"])
        assert missing.tolist() == [step > 15 for step in rows["step"]]
    assert np.isfinite(rows["loss.upright-1"]).all()
    evaluations = log.table("evaluation")
    assert evaluations["step"].tolist() == [15, 20, 40]
    assert (evaluations["entropy"] > 0).tolist() == [True, False, False]
    assert log.tensor_steps("assignment").tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    assert 0 < log.tensor("assignment", 3).min() < 0.5
    assert set(log.tensor("assignment", 4).flatten().tolist()) == {0.0, 1.0}
    assert np.array_equal(log.tensor("assignment", 3).argmax(2), log.tensor("assignment").argmax(2))


def test_readers_show_the_stage_and_survive_missing_fitness(make_run, train):
    folder = make_run(*STAGED)
    assert train(folder) == 0
    assert "  stage 2 of 2: retrain 25/25 steps\n" in shown(folder)
    told = json.loads(json.dumps(gather(folder).to_json()))["stage"]
    assert told == {"name": "retrain", "number": 2, "count": 2, "start": 15, "end": 40, "done": 25}
    text = io.StringIO()
    write_csv(read(folder), text)
    table = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert [row["fitness.0"] == "nan" for row in table] == [False] * 15 + [True] * 25
    snapshot = LiveReader(folder).snapshot()
    assert snapshot.header.stage == "retrain 25/25"
    assert snapshot.warnings == ()
    assert snapshot.fitness.steps.tolist() == list(range(1, 16))
    assert np.isfinite(snapshot.fitness.median).all()


def test_a_run_without_stages_shows_none(make_run, train):
    folder = make_run()
    assert train(folder) == 0
    assert stages(folder) == []
    assert "stages" not in read(folder).meta
    assert "stage" not in shown(folder).split("Look closer")[0]
    assert gather(folder).to_json()["stage"] is None
    assert LiveReader(folder).snapshot().header.stage == ""


@pytest.mark.parametrize("final", ["finetune", "retrain"])
@pytest.mark.parametrize("boundary", [15, 20, 25])
def test_resumed_equals_uninterrupted_bit_for_bit(make_run, train, final, boundary):
    """From step 20: after the boundary, at it, and before it."""
    staged = (f"method.final_stage={final}", f"method.search_steps={boundary}")
    folder, reference = make_run(*staged, "train.steps=30"), make_run(*staged)
    assert train(folder) == 0
    (checkpoint_directories(folder)[0] / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "40") == 0
    assert train(reference) == 0
    run = read(folder)
    (check,) = run.resumes
    assert (check.from_step, check.overlap_steps, check.identical) == (20, 10, True)
    assert difference(run, read(reference)) == ""
    assert same_state(folder, reference)
    again = [(2, final, boundary, 40)] if boundary >= 20 else []
    first = [(1, "search", 0, boundary), (1, final, boundary, 30)]
    assert stages(folder) == [*first, *again]


@pytest.mark.parametrize("lost", [1, 2], ids=["from the second stage", "from the first stage"])
def test_the_best_error_is_of_the_networks_that_a_run_has(make_run, train, monkeypatch, lost):
    """Told at every moment, before and after a resume, as the records have it."""
    many = ("train.eval_every=2", "train.steps=24", "train.checkpoint_every=8")
    folder = make_run("method.final_stage=retrain", "method.search_steps=13", *many)
    told = statuses(folder, monkeypatch)
    assert train(folder) == 0
    for directory in checkpoint_directories(folder)[:lost]:
        (directory / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "26") == 0
    log = read(folder)
    rows = log.table("evaluation")
    assert {16 if lost == 1 else 8} == {check.from_step for check in log.resumes}
    known = [status for status in told if status.step >= 2]
    assert {status.step for status in known} >= {12, 13, 14, 16, 24, 26}
    for status in known:
        steps = rows["step"][rows["step"] <= status.step]
        of_stage = rows["macro_error"][: len(steps)][steps > (13 if steps[-1] > 13 else 0)]
        assert status.best_macro_error == of_stage.min(), status.step
    assert told[-1].best_macro_error == best_macro_error(log)
    assert gather(folder).to_json()["best_macro_error"] == best_macro_error(log)
    shown = LiveReader(folder).snapshot().errors
    assert shown.best_macro == pytest.approx(100 * best_macro_error(log))
    assert shown.stage == "retrain"
