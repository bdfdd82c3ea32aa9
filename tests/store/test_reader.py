from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shareconsole.store.folder import RunFolder
from shareconsole.store.reader import ResumeCheck, RunLog
from shareconsole.store.records import LogSchema, RecordWriter, TableSchema
from tests.store.builders import TENSORS, a_folder, a_schema, a_tensor, losses, write_rows


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return a_folder(tmp_path)


def write(
    folder: RunFolder,
    attempt: int,
    resumed: int,
    last: int,
    *,
    first: int | None = None,
    other: dict[int, list[float]] | None = None,
    tensor_offset: float = 0.0,
) -> None:
    """Steps after ``resumed`` up to ``last``; wall-clock columns differ between attempts."""
    with RecordWriter(folder.metrics(attempt), a_schema(attempt, resumed)) as writer:
        for step in range(first or resumed + 1, last + 1):
            if other and step in other:
                writer.row("step", step, other[step])
            else:
                write_rows(writer, step, step, seconds=attempt)
    with RecordWriter(folder.tensors(attempt), a_schema(attempt, resumed)) as writer:
        for step in range(resumed + 1, last + 1):
            if step % 5 == 0:
                writer.tensor("assignment", step, a_tensor(step) + tensor_offset)


def read(folder: RunFolder, final: bool = True) -> RunLog:
    log = RunLog(folder)
    log.refresh(final=final)
    return log


def test_nothing_yet(folder: RunFolder) -> None:
    log = read(folder)
    assert len(log.table("step")) == 0
    assert log.table("step").dtype.names == ("step",)
    assert log.columns("step") == ()
    assert log.meta == {}
    assert log.resumes == []
    assert len(log.tensor_steps("assignment")) == 0
    assert log.tensor_axes("assignment") == ()
    with pytest.raises(IndexError):
        log.tensor("assignment")


def test_one_attempt(folder: RunFolder) -> None:
    write(folder, 1, 0, 20)
    log = read(folder)
    assert log.meta["tasks"][0]["name"] == "a"
    assert log.columns("step") == ("loss.a", "loss.b", "step_seconds")
    assert log.table("step")["step"].tolist() == list(range(1, 21))
    assert log.table("evaluation")["count"].tolist() == [4, 8, 12, 16, 20]
    assert log.tensor_steps("assignment").tolist() == [5, 10, 15, 20]
    assert np.array_equal(log.tensor("assignment"), a_tensor(20))
    assert np.array_equal(log.tensor("assignment", 0), a_tensor(5))
    assert log.tensor_axes("assignment") == TENSORS[0].axes
    assert log.resumes == []


def test_a_resume_with_the_same_records_is_verified(folder: RunFolder) -> None:
    write(folder, 1, 0, 18)
    write(folder, 2, 10, 30)
    log = read(folder)
    table = log.table("step")
    assert table["step"].tolist() == list(range(1, 31))
    assert table["step_seconds"][9] == losses(10)[2] + 1
    assert table["step_seconds"][10] == losses(11)[2] + 2
    assert log.table("evaluation")["step"].tolist() == [4, 8, 12, 16, 20, 24, 28]
    assert log.tensor_steps("assignment").tolist() == [5, 10, 15, 20, 25, 30]
    assert np.array_equal(log.tensor("assignment", 2), a_tensor(15))
    # NaN rows (steps 15 and so on) are equal to themselves.
    assert log.resumes == [ResumeCheck(2, 10, 8, True, None)]


def test_a_chain_of_resumes(folder: RunFolder) -> None:
    write(folder, 1, 0, 30)
    write(folder, 2, 20, 40)
    write(folder, 3, 10, 25)
    write(folder, 4, 20, 50)
    log = read(folder)
    assert log.table("step")["step"].tolist() == list(range(1, 51))
    seconds = log.table("step")["step_seconds"] - [losses(step)[2] for step in range(1, 51)]
    assert np.round(seconds).tolist() == [1] * 10 + [3] * 10 + [4] * 30
    assert log.resumes == [
        ResumeCheck(2, 20, 10, True, None),
        ResumeCheck(3, 10, 15, True, None),
        ResumeCheck(4, 20, 5, True, None),
    ]


@pytest.mark.parametrize(
    "row",
    [
        [9.0, -14 / 16, 0.0],
        [float("nan"), -14 / 16, 0.0],
        [14 / 8, np.nextafter(np.float32(-14 / 16), np.float32(0)), 0.0],
    ],
)
def test_different_records_are_found(folder: RunFolder, row: list[float]) -> None:
    write(folder, 1, 0, 18)
    write(folder, 2, 10, 30, other={14: row})
    check = read(folder).resumes[0]
    assert (check.identical, check.first_difference, check.overlap_steps) == (False, 14, 8)


def test_another_nan_is_a_difference_and_zero_has_a_sign(folder: RunFolder) -> None:
    table = (TableSchema("step", (("x", "f8"),)),)
    for attempt, nan, zero in ((1, 0x7FF8000000000000, 0.0), (2, 0x7FF8000000000001, -0.0)):
        schema = LogSchema(attempt, 0, table)
        with RecordWriter(folder.metrics(attempt), schema) as writer:
            writer.row("step", 1, [1.0])
            writer.row("step", 2, [zero])
            writer.row("step", 3, np.array([nan], np.uint64).view(np.float64))
    check = read(folder).resumes[0]
    assert (check.overlap_steps, check.first_difference) == (3, 2)


def test_a_different_tensor_is_found(folder: RunFolder) -> None:
    write(folder, 1, 0, 18)
    write(folder, 2, 10, 30, tensor_offset=1.0)
    check = read(folder).resumes[0]
    assert (check.identical, check.first_difference) == (False, 15)


def test_a_step_that_only_one_of_them_made_is_a_difference(folder: RunFolder) -> None:
    write(folder, 1, 0, 18)
    write(folder, 2, 10, 30, first=13)
    check = read(folder).resumes[0]
    assert (check.identical, check.first_difference, check.overlap_steps) == (False, 11, 6)


def test_no_overlap_proves_nothing_and_is_no_difference(folder: RunFolder) -> None:
    write(folder, 1, 0, 10)
    write(folder, 2, 10, 20)
    assert read(folder).resumes == [ResumeCheck(2, 10, 0, True, None, seamless=True)]


def test_only_steps_count_as_made_twice(folder: RunFolder) -> None:
    """Not the tensor of step 0, which an attempt from scratch records before its first step."""
    for attempt in (1, 2):
        write(folder, attempt, 0, 0 if attempt == 1 else 10)
        folder.tensors(attempt).unlink()
        with RecordWriter(folder.tensors(attempt), a_schema(attempt, 0)) as writer:
            writer.tensor("assignment", 0, a_tensor(0) + attempt)
    [check] = read(folder).resumes
    assert (check.overlap_steps, check.identical, check.seamless) == (0, False, False)
    assert check.first_difference == 0


def test_a_resume_above_what_is_on_record_is_not_seamless(folder: RunFolder) -> None:
    write(folder, 1, 0, 8)
    write(folder, 2, 10, 20)
    assert read(folder).resumes == [ResumeCheck(2, 10, 0, True, None, seamless=False)]


def test_a_start_from_scratch_makes_step_0_anew(folder: RunFolder) -> None:
    for attempt in (1, 2):
        with RecordWriter(folder.metrics(attempt), a_schema(attempt)) as writer:
            writer.row("evaluation", 0, [0.5, attempt])
            write_rows(writer, 1, 3)
    log = read(folder)
    assert log.table("evaluation").tolist() == [(0, 0.5, 2)]
    assert log.resumes[0].first_difference == 0


def test_damage_in_the_overlap_hides_rows_and_is_no_difference(folder: RunFolder) -> None:
    write(folder, 1, 0, 18)
    write(folder, 2, 10, 30)
    for attempt in (1, 2):
        data = bytearray(folder.metrics(attempt).read_bytes())
        frame = 12 + 10 + 16
        # In the first file step 14, in the second step 13 loses a bit; evaluations lie between.
        at = data.find(losses_bytes(14 if attempt == 1 else 13))
        assert at > frame
        data[at] ^= 1
        folder.metrics(attempt).write_bytes(data)
    log = read(folder)
    assert log.damage.skipped_bytes == 2 * frame
    assert log.table("step")["step"].tolist() == [*range(1, 13), *range(14, 31)]
    # Steps 13 and 14 have an evaluation or a tensor at most; the others are held against.
    assert log.resumes == [ResumeCheck(2, 10, 6, True, None)]


def losses_bytes(step: int) -> bytes:
    return np.array(losses(step)[:2], "<f4").tobytes()


def test_an_attempt_whose_log_cannot_be_read_is_passed_over(folder: RunFolder) -> None:
    write(folder, 1, 0, 18)
    folder.metrics(1).write_bytes(b"x" * 1000)
    folder.metrics(2).mkdir()
    write(folder, 3, 10, 30)
    log = read(folder)
    assert log.table("step")["step"].tolist() == list(range(11, 31))
    assert log.resumes == []
    assert len(log.problems) == 1
    assert "metrics.0002.rec" in log.problems[0]
    assert log.damage.torn_bytes == 1000


def test_other_columns_in_a_later_attempt(folder: RunFolder) -> None:
    columns = [(("a", "f4"), ("n", "i8")), (("b", "f8"), ("a", "f4"))]
    for attempt, resumed in ((1, 0), (2, 2)):
        schema = LogSchema(attempt, resumed, (TableSchema("step", columns[attempt - 1]),))
        with RecordWriter(folder.metrics(attempt), schema) as writer:
            for step in range(resumed + 1, resumed + 3):
                writer.row("step", step, [step, step])
    log = read(folder)
    assert log.columns("step") == ("b", "a", "n")
    table = log.table("step")
    assert table["a"].tolist() == [1, 2, 3, 4]
    assert np.array_equal(table["b"], [np.nan, np.nan, 3, 4], equal_nan=True)
    assert np.array_equal(table["n"], [1, 2, np.nan, np.nan], equal_nan=True)


def test_a_live_run_grows_also_after_a_resume(folder: RunFolder) -> None:
    log = RunLog(folder)
    write(folder, 1, 0, 18)
    log.refresh()
    assert log.table("step")["step"].tolist() == list(range(1, 19))
    assert len(log.tensor_steps("assignment")) == 3
    with (
        RecordWriter(folder.metrics(2), a_schema(2, 10)) as rows,
        RecordWriter(folder.tensors(2), a_schema(2, 10)) as tensors,
    ):
        log.refresh()
        assert log.table("step")["step"].tolist() == list(range(1, 11))
        for step in range(11, 40):
            write_rows(rows, step, step)
            tensors.tensor("assignment", step, a_tensor(step))
            log.refresh()
            assert log.table("step")["step"].tolist() == list(range(1, step + 1))
            assert np.array_equal(log.tensor("assignment"), a_tensor(step))
    write(folder, 3, 5, 8)
    log.refresh(final=True)
    assert log.table("step")["step"].tolist() == list(range(1, 9))
    assert [check.attempt for check in log.resumes] == [2, 3]


def test_an_older_attempts_torn_end_is_counted_while_the_newest_is_live(folder: RunFolder) -> None:
    for attempt in (1, 2):
        write(folder, attempt, 0, 5)
        data = folder.metrics(attempt).read_bytes()
        folder.metrics(attempt).write_bytes(data[:-7])
    assert read(folder, final=False).damage.torn_bytes == 31
    assert read(folder, final=True).damage.torn_bytes == 62
