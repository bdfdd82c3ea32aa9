"""ls, show, logs and export on run folders without a trainer."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import threading
import time

import pytest

from shareconsole.headless.facts import gather
from shareconsole.headless.logs import follow_log
from shareconsole.headless.output import make_console
from shareconsole.headless.report import print_report
from shareconsole.store.folder import RunFolder
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TableSchema
from shareconsole.store.status import read_status, write_status
from tests.cli import synthetic

LS_KEYS = [
    "id", "name", "state", "preset", "method", "data", "seed", "tags", "step", "steps",
    "macro_error", "micro_error", "best_macro_error", "created", "updated",
]  # fmt: skip
SHOW_KEYS = [
    *LS_KEYS, "tasks", "settings", "attempts", "warnings", "reason", "stage", "networks",
    "step_size", "at_lowest_validation_error",
]  # fmt: skip


def report(folder: RunFolder, width: int, full: bool = False) -> str:
    stream = io.StringIO()
    console = make_console(stream, columns_without_terminal=width)
    print_report(console, gather(folder), full=full)
    return stream.getvalue()


def test_ls_without_runs_says_so_and_makes_nothing(cli, runs):
    result = cli("ls")
    assert (result.code, result.out) == (0, "")
    assert "no runs" in result.err
    assert cli("ls", "--json").json == []
    assert not runs.exists()


def test_ls_lists_keys_in_order_newest_first(cli, runs):
    first = synthetic.ended_run(runs, "first")
    second = synthetic.live_run(runs)
    rows = cli("ls", "--json").json
    assert [row["id"] for row in rows] == [second.id, first.id]
    assert [list(row) for row in rows] == [LS_KEYS, LS_KEYS]
    assert [row["state"] for row in rows] == ["running", "finished"]
    assert rows[1]["macro_error"] == rows[1]["best_macro_error"] == pytest.approx(0.1875)
    lines = cli("ls").out.splitlines()
    assert lines[0].split() == [
        "id", "state", "method", "data", "step/steps", "error", "age", "name",
    ]  # fmt: skip
    assert lines[1].split()[:6] == [
        second.id, "●", "running", "learned_sharing", "digits", "12/20",
    ]  # fmt: skip
    assert lines[2].split()[5:7] == ["20/20", "18.75"]
    assert lines[2].endswith("first")


def test_ls_sorts_and_filters(cli, runs):
    names = ["b", "a", "c"]
    for name in names:
        synthetic.ended_run(runs, name)
    by_name = cli("ls", "--sort", "name", "--json").json
    assert [row["name"] for row in by_name] == ["a", "b", "c"]
    assert [row["name"] for row in cli("ls", "--filter", "name:c", "--json").json] == ["c"]
    result = cli("ls", "--filter", "name:zz")
    assert (result.code, result.out) == (0, "")
    assert "filter" in result.err
    assert cli("ls", "--filter", "nonsense<3").code == 2
    assert cli("ls", "--sort", "nonsense").code == 2


@pytest.mark.parametrize(
    "expression", ["macro_error<nan", "state:done", "seed < 3", "seed:1 or seed:2", "step:many"]
)
def test_a_filter_that_makes_no_sense_is_told_without_runs_too(cli, runs, expression):
    for _ in range(2):
        result = cli("ls", "--filter", expression)
        assert (result.code, result.out) == (2, "")
        assert "error: filter" in result.err
        synthetic.ended_run(runs)


def test_ls_fits_eighty_columns(runs):
    from rich.console import Console

    from shareconsole.headless.listing import print_runs
    from shareconsole.store.index import list_runs

    synthetic.ended_run(runs, "a name that goes on and on " * 5)
    synthetic.ended_run(runs)
    synthetic.crashed_run(runs, "界" * 60)
    found = list_runs(runs)
    longest = max(len(run.id) for run in found)
    assert longest == 61
    for width in (80, 120, 40, 200):
        stream = io.StringIO()
        console = Console(file=stream, width=width, force_terminal=False, markup=False)
        print_runs(console, found, cut=True)
        lines = stream.getvalue().splitlines()
        assert max(map(console_cells, lines)) <= max(width, longest + 1 + len("✓ finished"))
        assert {run.id for run in found} <= {line.split()[0] for line in lines}
        titles = lines[0].split()
        if width == 80:
            assert titles == ["id", "state", "error"]
            assert any(line.startswith("  a name that goes on") for line in lines)
        if width == 40:
            assert titles == ["id", "state"]
            assert len(lines) == 1 + len(found)
        if width == 120:
            assert titles == [
                "id", "state", "method", "data", "step/steps", "error", "age",
            ]  # fmt: skip
        if width == 200:
            assert titles[-1] == "name"


def test_usual_ids_leave_room_for_the_rest_at_eighty_columns(runs):
    from shareconsole.headless.listing import print_runs
    from shareconsole.store.index import list_runs

    folder = synthetic.ended_run(runs)
    stream = io.StringIO()
    print_runs(make_console(stream, columns_without_terminal=80), list_runs(runs), cut=True)
    lines = stream.getvalue().splitlines()
    assert max(map(console_cells, lines)) <= 80
    assert lines[1].startswith(f"{folder.id} ✓ finished learned_")
    assert lines[0].split()[-3:] == ["step/steps", "error", "age"]


def console_cells(line: str) -> int:
    from rich.cells import cell_len

    return cell_len(line)


def test_show_has_exactly_the_keys_of_the_contract(cli, runs):
    folder = synthetic.ended_run(runs, warning="watch out")
    shown = cli("show", "latest", "--json").json
    assert list(shown) == SHOW_KEYS
    assert shown["tasks"] == [
        {"name": "upright", "classes": 10, "error": 0.125, "loss": 0.4},
        {"name": "rotated", "classes": 10, "error": 0.25, "loss": 0.8},
    ]
    assert shown["settings"]["train"]["steps"] == 20
    assert shown["warnings"] == ["watch out"]
    assert shown["reason"] is None
    [attempt] = shown["attempts"]
    assert attempt["exit"]["reason"] == "finished"
    assert attempt["identical"] is None
    assert cli("show", folder.id[:-1], "--json").json == shown


def test_show_tells_everything_at_80_columns(runs):
    folder = synthetic.ended_run(runs, "mine", warning="watch " * 30)
    text = report(folder, 80, full=True)
    assert max(map(len, text.splitlines())) <= 80
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "✓ finished mine 20 of 20 steps in 20s",
        "upright 10 12.50 0.400",
        "macro (mean of tasks) 18.75",
        "micro (mean of images) 20.00",
        "upright a 90 a 50",
        "rotated b 60 b 100",
        "Rand index 1.00 0.50",
        "mean entropy 0.321",
    ):
        assert line in lines
    assert "eval_every" in text
    assert f"shareconsole logs {folder.id}" in text
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_an_assignment_wider_than_the_terminal_is_printed_in_parts(runs, monkeypatch):
    from shareconsole.headless.tables import Page

    monkeypatch.setattr(synthetic, "UNITS", tuple(f"unit-number-{i}" for i in range(2)))
    folder = synthetic.ended_run(runs)
    stream = io.StringIO()
    console = make_console(stream, columns_without_terminal=28)
    facts = gather(folder)
    from shareconsole.headless.assignment import print_assignment

    assert facts.assignment is not None
    print_assignment(Page(console), facts.assignment)
    assert stream.getvalue().count("unit-numb…") == 2
    assert stream.getvalue().count("upright") == 2


def test_a_run_without_a_tensor_shows_no_assignment(cli, runs):
    synthetic.ended_run(runs, tensors=False)
    text = cli("show", "latest").out
    assert "Test error" in text
    assert "Assignment" not in text
    assert "entropy" not in text


def test_resumes_are_verified_in_the_report(cli, runs):
    folder = synthetic.new_run(runs)
    first = synthetic.begin(folder)
    synthetic.write_records(folder, first, 15)
    synthetic.end(folder, first, "stopped", 15)
    second = synthetic.begin(folder, resume_from_step=10)
    synthetic.write_records(folder, second, 20)
    synthetic.end(folder, second, "finished", 20)
    assert "resume verified, 5 steps bit-identical" in cli("show", "latest").out
    shown = cli("show", "latest", "--json").json
    assert (shown["attempts"][1]["overlap_steps"], shown["attempts"][1]["identical"]) == (5, True)
    third = synthetic.begin(folder, resume_from_step=10)
    synthetic.write_records(folder, third, 20, spoil=12)
    synthetic.end(folder, third, "finished", 20)
    text = cli("show", "latest").out
    assert "resume not bit-identical, 10 steps repeated, the first difference at step 12" in text
    assert "step 12" in cli("show", "latest", "--json").json["warnings"][0]


def test_a_crashed_and_a_failed_run_say_why_and_how_to_go_on(cli, runs):
    folder = synthetic.crashed_run(runs)
    shown = cli("show", folder.id, "--json").json
    assert (shown["state"], shown["step"]) == ("crashed", 7)
    assert "gone" in shown["reason"]
    assert f"shareconsole resume {folder.id}" in cli("show", folder.id).out
    failed = synthetic.ended_run(
        runs, reason="failed", step=7, error="loss of task upright is NaN at step 7"
    )
    text = cli("show", failed.id).out
    assert text.startswith("✗ failed")
    assert "loss of task upright is NaN at step 7" in text


def test_nan_is_null_in_json_and_told_among_the_warnings(cli, runs):
    folder = synthetic.new_run(runs)
    attempt = synthetic.begin(folder)
    metrics, _ = synthetic.schemas(1, 0, tensors=False)
    with RecordWriter(folder.metrics(1), metrics) as rows:
        rows.row("evaluation", 3, [0.5, 0.5, float("nan"), 0.8, 0.5, 0.5])
    synthetic.end(folder, attempt, "finished", 3)
    shown = cli("show", "latest", "--json").json
    assert shown["tasks"][0]["loss"] is None
    assert "test loss of upright is nan" in shown["warnings"][0]
    assert "nan" in cli("show", "latest").out


def test_damage_is_shown_and_hides_nothing_else(cli, runs):
    folder = synthetic.ended_run(runs)
    other = synthetic.ended_run(runs, "other")
    data = bytearray(folder.metrics(1).read_bytes())
    data[-200] ^= 0xFF
    folder.metrics(1).write_bytes(data)
    (other.path / "run.json").write_text("{")
    rows = {row["id"]: row["state"] for row in cli("ls", "--json").json}
    assert rows == {folder.id: "finished", other.id: "unreadable"}
    assert "damaged bytes" in cli("show", folder.id).out
    result = cli("show", other.id)
    assert result.code == 0
    assert "not JSON" in result.out
    assert "None" not in result.out
    assert result.out.startswith("? unreadable")
    words = " ".join(result.out.split())
    assert "what can be: its attempts, records up to step 20, its log" in words
    assert "Test error" in result.out
    assert list(cli("show", other.id, "--json").json) == SHOW_KEYS


def test_logs_over_all_attempts(cli, runs):
    folder = synthetic.ended_run(runs, log=[b"one\ntwo \xff\x1b[2J\r\n", b"no end"])
    attempt = synthetic.begin(folder)
    folder.log(attempt.number).write_bytes("drei\u202e\n".encode())
    synthetic.end(folder, attempt, "finished", 20)
    assert cli("logs", "latest").out == "one\ntwo \\xff\\x1b[2J\\r\nno end\ndrei\\u202e\n"
    lines = [json.loads(line) for line in cli("logs", "latest", "--json").out.splitlines()]
    assert lines[1] == {"attempt": 1, "line": "two \\xff\x1b[2J\r"}
    assert lines[-1]["attempt"] == 2


def test_logs_of_a_start_that_never_came_up(cli, runs):
    folder = synthetic.new_run(runs)
    log = folder.launch_log("abcd")
    log.write_text("no module named torch\n")

    os.utime(log, (time.time() - 60,) * 2)
    assert cli("logs", "latest").out == "no module named torch\n"
    assert cli("show", "latest", "--json").json["state"] == "crashed"


def test_logs_follow_goes_on_until_the_run_has_ended(runs):
    folder = synthetic.live_run(runs)
    attempt = synthetic.gone(synthetic.begin(folder))
    folder.log(attempt.number).write_bytes(b"begun\n")
    synthetic.beat(folder)

    def go_on() -> None:
        time.sleep(0.1)
        with folder.log(2).open("ab") as log:
            log.write("mö".encode()[:2])
            log.flush()
            time.sleep(0.1)
            log.write("mö".encode()[2:] + b"re\nlast")
        synthetic.end(folder, attempt, "stopped", 13)

    thread = threading.Thread(target=go_on)
    thread.start()
    lines = [line.text for line in follow_log(folder, poll_seconds=0.02) if line is not None]
    thread.join()
    assert lines == ["training", "begun", "möre", "last"]


def test_a_report_finds_the_best_error_in_the_records_where_the_hint_lacks_it(cli, runs):
    folder = synthetic.ended_run(runs)
    hint = read_status(folder)
    assert hint is not None
    write_status(folder, dataclasses.replace(hint, best_macro_error=None))
    assert cli("ls", "--json").json[0]["best_macro_error"] is None
    assert cli("show", folder.id, "--json").json["best_macro_error"] == 0.1875


def test_show_tells_the_test_error_that_validation_chooses(cli, runs):
    synthetic.ended_run(runs, "without")
    assert cli("show", "latest", "--json").json["at_lowest_validation_error"] is None
    assert "lowest validation error" not in cli("show", "latest").out
    folder = synthetic.new_run(runs)
    attempt = synthetic.begin(folder)
    columns = ("macro_error", "micro_error", "validation_macro_error", "validation_micro_error")
    table = TableSchema("evaluation", tuple((name, "f8") for name in columns))
    with RecordWriter(folder.metrics(1), LogSchema(1, 0, (table,))) as rows:
        for step, found in {
            1000: (0.5, 0.25, 0.125, 0.125),
            2000: (0.375, 0.25, 0.25, 0.5),
        }.items():
            rows.row("evaluation", step, found)
    synthetic.end(folder, attempt, "finished", 2000)
    words = " ".join(cli("show", "latest").out.split())
    at = "test error at the lowest validation error (step 1,000): macro 50.00, micro 25.00"
    assert at in words
    assert cli("show", "latest", "--json").json["at_lowest_validation_error"] == {
        "step": 1000, "validation_macro_error": 0.125, "macro_error": 0.5, "micro_error": 0.25,
    }  # fmt: skip


def test_export_writes_a_row_per_step(cli, runs, tmp_path):
    folder = synthetic.ended_run(runs)
    rows = list(csv.DictReader(io.StringIO(cli("export", folder.id).out)))
    assert next(iter(rows[0])) == "step"
    assert [int(row["step"]) for row in rows] == list(range(1, 21))
    assert rows[9]["macro_error"] == "0.1875"
    assert rows[8]["macro_error"] == ""
    lines = cli("export", folder.id, "--format", "jsonl").out.splitlines()
    assert json.loads(lines[9])["test_error.upright"] == 0.125
    result = cli("export", folder.id, "-o", str(tmp_path / "out.csv"))
    assert (result.code, result.out) == (0, "")
    assert "wrote 20 steps" in result.err
    assert (tmp_path / "out.csv").read_text() == cli("export", folder.id).out
    failure = cli("export", folder.id, "-o", str(tmp_path / "no" / "out.csv"))
    assert failure.code == 1
    assert "cannot write" in failure.err
    assert cli("export", folder.id, "--format", "xml").code == 2


@pytest.mark.parametrize("command", ["show", "logs", "export", "stop", "pause", "resume"])
def test_a_run_that_is_not_there_is_a_usage_error(cli, runs, command):
    synthetic.ended_run(runs)
    result = cli(command, "nothing")
    assert (result.code, result.out) == (2, "")
    assert "nothing" in result.err
    assert "Traceback" not in result.err


def test_the_runs_folder_comes_from_option_environment_or_here(cli, runs, tmp_path, monkeypatch):
    folder = synthetic.ended_run(runs)
    monkeypatch.setenv("SHARECONSOLE_RUNS", str(runs))
    assert cli("ls", "--json", own_runs=False).json[0]["id"] == folder.id
    monkeypatch.setenv("SHARECONSOLE_RUNS", "")
    monkeypatch.chdir(tmp_path)
    assert cli("ls", "--json", own_runs=False).json[0]["id"] == folder.id
    assert cli("ls", "--json", "--runs", "elsewhere", own_runs=False).json == []
