"""The best macro error: from the records that stand, and in the lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shareconsole.store.best import best_macro_error, best_on_record
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


def write(folder: RunFolder, attempt: int, resumed: int, errors: dict[int, float]) -> None:
    table = TableSchema("evaluation", (("macro_error", "f4"),))
    with RecordWriter(folder.metrics(attempt), LogSchema(attempt, resumed, (table,))) as writer:
        for step, error in errors.items():
            writer.row("evaluation", step, [error])


def best(folder: RunFolder) -> float | None:
    log = RunLog(folder)
    log.refresh()
    return best_macro_error(log)


def test_the_least_of_all_evaluations_not_the_last(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.5, 20: 0.125, 30: 0.25})
    assert best(folder) == 0.125
    assert best_on_record(folder, until=30) == 0.125
    assert best_on_record(folder, until=19) == 0.5
    assert best_on_record(folder, until=9) is None


def test_what_a_later_attempt_made_anew_counts_as_it_made_it(folder: RunFolder) -> None:
    write(folder, 1, 0, {10: 0.5, 20: 0.375, 30: 0.0625, 40: 0.25})
    write(folder, 2, 20, {30: 0.3125})
    assert best(folder) == 0.3125
    assert best_on_record(folder, until=20) == 0.375
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
