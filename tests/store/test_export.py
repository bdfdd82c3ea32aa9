from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np

from shareconsole.store.export import write_csv, write_jsonl
from shareconsole.store.folder import RunFolder
from shareconsole.store.reader import RunLog
from shareconsole.store.records import LogSchema, RecordWriter, TableSchema
from tests.store.builders import a_folder, a_schema, write_rows

STRANGE = 'a,"b"\n\x1b'
SCHEMA = LogSchema(
    1,
    0,
    (
        TableSchema("step", ((f"loss.{STRANGE}", "f4"), ("elapsed_seconds", "f8"))),
        TableSchema("evaluation", (("macro_error", "f8"), ("elapsed_seconds", "f8"))),
    ),
)


def a_log(tmp_path: Path) -> RunLog:
    folder = a_folder(tmp_path)
    with RecordWriter(folder.metrics(1), SCHEMA) as writer:
        writer.row("evaluation", 0, [0.9, 0.5])
        writer.row("step", 1, [0.1, 1.0])
        writer.row("step", 2, [float("nan"), 2.0])
        writer.row("evaluation", 2, [1 / 3, 2.5])
        writer.row("step", 3, [float("inf"), 3.0])
        writer.row("step", 4, [-0.0, 4.0])
        writer.row("evaluation", 4, [0.2, 4.25])
        writer.row("evaluation", 4, [0.1, 4.5])
    log = RunLog(folder)
    log.refresh(final=True)
    return log


def test_csv(tmp_path: Path) -> None:
    stream = io.StringIO()
    write_csv(a_log(tmp_path), stream)
    rows = list(csv.reader(io.StringIO(stream.getvalue())))
    assert rows == [
        [
            "step",
            f"loss.{STRANGE}",
            "elapsed_seconds",
            "macro_error",
            "evaluation.elapsed_seconds",
        ],
        ["0", "", "", "0.9", "0.5"],
        ["1", "0.1", "1.0", "", ""],
        ["2", "nan", "2.0", "0.3333333333333333", "2.5"],
        ["3", "inf", "3.0", "", ""],
        ["4", "-0.0", "4.0", "0.1", "4.5"],
    ]


def test_jsonl(tmp_path: Path) -> None:
    stream = io.StringIO()
    write_jsonl(a_log(tmp_path), stream)
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4]
    name = f"loss.{STRANGE}"
    assert [row[name] for row in rows] == [None, 0.1, "NaN", "Infinity", -0.0]
    assert [row["macro_error"] for row in rows] == [0.9, None, 1 / 3, None, 0.1]


def test_nothing_yet(tmp_path: Path) -> None:
    log = RunLog(RunFolder(tmp_path))
    log.refresh()
    stream = io.StringIO()
    write_csv(log, stream)
    write_jsonl(log, stream)
    assert stream.getvalue() == "step\n"


def test_every_value_reads_back_bit_for_bit(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    bits = np.random.default_rng(0).integers(0, 2**32, (9000, 1), np.uint32).view(np.float32)
    values = bits[np.isfinite(bits)]
    schema = LogSchema(1, 0, (TableSchema("step", (("x", "f4"),)),))
    with RecordWriter(folder.metrics(1), schema) as writer:
        for step, value in enumerate(values.tolist()):
            writer.row("step", step, [value])
    log = RunLog(folder)
    log.refresh(final=True)
    stream = io.StringIO()
    write_csv(log, stream)
    back = [row[1] for row in csv.reader(io.StringIO(stream.getvalue()))][1:]
    assert np.array(back, np.float32).tobytes() == values.tobytes()
    stream = io.StringIO()
    write_jsonl(log, stream)
    lines = stream.getvalue().splitlines()
    assert np.array([json.loads(line)["x"] for line in lines], np.float32).tobytes() == (
        values.tobytes()
    )


def test_two_runs_of_one_seed_are_equal_without_their_clocks(tmp_path: Path) -> None:
    texts = []
    for run, seconds in (("a", 0.0), ("b", 5.0)):
        folder = a_folder(tmp_path, run)
        with RecordWriter(folder.metrics(1), a_schema()) as writer:
            write_rows(writer, 1, 20, seconds=seconds)
        log = RunLog(folder)
        log.refresh(final=True)
        stream = io.StringIO()
        write_csv(log, stream)
        rows = list(csv.reader(io.StringIO(stream.getvalue())))
        kept = [i for i, name in enumerate(rows[0]) if not name.endswith("_seconds")]
        texts.append([[row[i] for i in kept] for row in rows])
    assert texts[0] == texts[1]
