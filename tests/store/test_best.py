"""The best macro error: from the records that stand, and in the lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shareconsole.store.best import Best, best_macro_error, best_on_record, chosen_on_validation
from shareconsole.store.folder import RunFolder
from shareconsole.store.index import summarise
from shareconsole.store.reader import RunLog
from shareconsole.store.records import LogSchema, RecordWriter, TableSchema
from shareconsole.store.status import Status, read_status, write_status
from tests.store.builders import WHEN, a_folder, a_run, an_attempt

NAN = float("nan")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return a_folder(tmp_path)


def write(
    folder: RunFolder, attempt: int, resumed: int, errors: dict[int, float], *starts: int
) -> None:
    """Evaluations of an attempt; ``starts``: the steps after which stages begin, if any."""
    table = TableSchema("evaluation", (("macro_error", "f4"),))
    meta = {"stages": [{"name": str(start), "start": start} for start in starts]} if starts else {}
    schema = LogSchema(attempt, resumed, (table,), (), meta)
    with RecordWriter(folder.metrics(attempt), schema) as writer:
        for step, error in errors.items():
            writer.row("evaluation", step, [error])


def best(folder: RunFolder) -> float | None:
    log = RunLog(folder)
    log.refresh()
    return best_macro_error(log)


def resumed_best(folder: RunFolder, until: int, *starts: int) -> float | None:
    return best_on_record(folder, until=until, starts=starts).error


def test_the_least_of_all_evaluations_not_the_last(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.5, 20: 0.125, 30: 0.25})
    assert best(folder) == 0.125
    assert resumed_best(folder, 30) == 0.125
    assert resumed_best(folder, 19) == 0.5
    assert resumed_best(folder, 9) is None


def test_what_a_later_attempt_made_anew_counts_as_it_made_it(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.5, 20: 0.375, 30: 0.0625, 40: 0.25})
    write(folder, 2, 20, {30: 0.3125})
    assert best(folder) == 0.3125
    assert resumed_best(folder, 20) == 0.375
    write(folder, 3, 0, {10: 0.75})
    assert best(folder) == 0.75


@pytest.mark.parametrize("errors", [{}, {10: NAN}, {10: float("inf")}])
def test_without_a_number_there_is_none(folder: RunFolder, errors: dict[int, float]) -> None:
    assert best(folder) is None
    write(folder, 1, 0, errors)
    assert best(folder) is None


def test_evaluations_without_macro_error_have_none(folder: RunFolder) -> None:
    table = TableSchema("evaluation", (("entropy", "f4"),))
    with RecordWriter(folder.metrics(1), LogSchema(1, 0, (table,))) as writer:
        writer.row("evaluation", 5, [0.5])
    assert best(folder) is None


def test_a_nan_hides_no_better_one(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.5, 20: NAN})
    assert best(folder) == 0.5


def test_only_the_stage_of_the_last_evaluation_counts(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.0625, 20: 0.125, 30: 0.5, 40: 0.375, 50: 0.4375}, 0, 20)
    assert best(folder) == 0.375
    assert resumed_best(folder, 50, 0, 20) == 0.375
    assert resumed_best(folder, 30, 0, 20) == 0.5
    # The evaluation at the step after which a stage begins is one of the stage before.
    assert resumed_best(folder, 29, 0, 20) == 0.0625
    assert best_on_record(folder, until=29, starts=(0, 20)) == Best(0.0625, 0)
    assert best_on_record(folder, until=30, starts=(0, 20)) == Best(0.5, 20)


def test_a_resume_from_an_earlier_stage_counts_that_one_until_the_next(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.25, 20: 0.125, 30: 0.0625}, 0, 20)
    write(folder, 2, 10, {}, 0, 20)
    assert best(folder) == 0.25
    write(folder, 3, 10, {20: 0.1875, 30: 0.5}, 0, 20)
    assert best(folder) == 0.5


def test_a_resume_knows_the_stages_that_older_records_do_not_tell(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.125, 20: 0.25, 30: 0.5})
    assert best(folder) == 0.125
    assert resumed_best(folder, 30, 0, 20) == 0.5
    write(folder, 2, 30, {40: 0.375}, 0, 20)
    assert best(folder) == 0.375


def test_without_stages_an_evaluation_before_any_step_counts(folder: RunFolder) -> None:
    write(folder, 1, 0, {0: 0.25, 10: 0.5})
    assert best(folder) == 0.25


@pytest.mark.parametrize(
    ("starts", "step"),
    # The least of all is that of step 20; where a stage begins after it, 40 and 50 are equally low.
    [((), 20), ((0, 20), 40), ((0, 50), 60)],
)
def test_validation_chooses_an_evaluation_of_the_last_stage(
    folder: RunFolder, starts: tuple[int, ...], step: int
) -> None:
    columns = ("macro_error", "micro_error", "validation_macro_error")
    table = TableSchema("evaluation", tuple((name, "f8") for name in columns))
    meta = {"stages": [{"name": str(start), "start": start} for start in starts]} if starts else {}
    errors = {10: 0.5, 20: 0.0625, 30: NAN, 40: 0.125, 50: 0.125, 60: 0.25}
    with RecordWriter(folder.metrics(1), LogSchema(1, 0, (table,), (), meta)) as writer:
        for at, error in errors.items():
            # The test errors would choose another one.
            writer.row("evaluation", at, [1 / at, 2 / at, error])
    log = RunLog(folder)
    log.refresh()
    assert chosen_on_validation(log) == (step, errors[step], 1 / step, 2 / step)


@pytest.mark.parametrize("columns", [("macro_error", "micro_error"), ("validation_macro_error",)])
def test_without_validation_images_nothing_is_chosen(folder: RunFolder, columns: tuple) -> None:
    log = RunLog(folder)
    assert chosen_on_validation(log) is None
    table = TableSchema("evaluation", tuple((name, "f8") for name in columns))
    with RecordWriter(folder.metrics(1), LogSchema(1, 0, (table,))) as writer:
        writer.row("evaluation", 5, [0.5] * len(columns))
    log = RunLog(folder)
    log.refresh()
    assert chosen_on_validation(log) is None


def test_one_more_evaluation_counts_with_those_of_its_stage() -> None:
    found = Best().after(0.5, 0)
    assert found == Best(0.5, 0)
    assert found.after(NAN, 0) == found.after(0.75, 0) == found
    assert found.after(0.25, 0) == Best(0.25, 0)
    assert found.after(0.75, 20) == Best(0.75, 20)
    assert found.after(NAN, 20) == Best(None, 20)


def test_lists_take_it_from_the_hint_and_do_without_it(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    an_attempt(folder)
    assert summarise(folder).best_macro_error is None
    write_status(folder, Status(10, 1000, 1, 0.5, 0.25, None, WHEN, 0.125))
    row = summarise(folder)
    assert (row.macro_error, row.best_macro_error) == (0.5, 0.125)
    assert row.to_json()["best_macro_error"] == 0.125
    older = json.loads(folder.status_json.read_text())
    del older["best_macro_error"]
    folder.status_json.write_text(json.dumps(older))
    assert read_status(folder) == Status(10, 1000, 1, 0.5, 0.25, None, WHEN, None)
    row = summarise(folder)
    assert (row.macro_error, row.best_macro_error) == (0.5, None)
