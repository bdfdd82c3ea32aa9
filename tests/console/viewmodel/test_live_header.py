"""What the header of a run says, and how fast the run is."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.console.viewmodel.live import LiveReader, pace
from shareconsole.store.heartbeat import Flag, Heartbeat
from tests.cli import synthetic
from tests.console.viewmodel import longrun
from tests.store.builders import a_run, an_attempt


def test_a_folder_with_nothing_in_it_and_none_at_all(tmp_path):
    folder = a_run(tmp_path)
    queued = LiveReader(folder).snapshot()
    assert queued.header.state == "queued"
    assert (queued.loss, queued.fitness, queued.assignment, queued.errors) == (None,) * 4
    folder.run_json.unlink()
    assert LiveReader(folder).snapshot().header.reason == "being made"
    folder.resolved_toml.unlink()
    folder.control.rmdir()
    folder.path.rmdir()
    assert LiveReader(folder).snapshot().header.state == "unreadable"


def test_the_header_of_a_live_run(tmp_path):
    folder = a_run(tmp_path, steps=1000)
    an_attempt(folder)
    writers = longrun.open_writers(folder)
    for step in range(1, 101):
        longrun.write(writers, step)
    folder.log(1).write_bytes(b"one\n\x1b[2Jtwo\n")
    with Heartbeat(folder) as heartbeat:
        heartbeat.beat(100, Flag.DISK_FULL | Flag.EVALUATING, 0.0, 0.05)
    header = LiveReader(folder).snapshot().header
    assert (header.state, header.step, header.steps, header.fraction) == ("running", 100, 1000, 0.1)
    assert header.steps_per_second == pytest.approx(20)
    assert header.eta_seconds == pytest.approx(45)
    assert (header.eta_text, header.speed_text) == ("45s", "20.0 steps/s")
    assert header.progress_text == "100/1,000"
    assert header.flags == "disk full, evaluating"
    assert header.log_tail == ("one", "\\x1b[2Jtwo")
    assert header.macro_error == pytest.approx(0.3)
    assert not header.ended
    for writer in writers:
        writer.close()


def test_the_header_tells_a_refused_resume_until_another_attempt_takes_the_run_on(tmp_path):
    folder = synthetic.ended_run(tmp_path, reason="stopped", step=12)
    reader = LiveReader(folder)
    assert not reader.snapshot().header.refused
    attempt = synthetic.begin(folder, resume_from_step=10)
    synthetic.end(folder, attempt, "refused", 10, "other data")
    header = reader.snapshot().header
    assert (header.refused, header.state, header.step) == (True, "stopped", 12)
    attempt = synthetic.begin(folder, resume_from_step=10)
    synthetic.end(folder, attempt, "stopped", 14)
    assert not reader.snapshot().header.refused


def test_the_header_tells_whether_there_is_a_checkpoint_to_go_on_from(tmp_path):
    folder = synthetic.ended_run(tmp_path, reason="stopped", step=12)
    reader = LiveReader(folder)
    assert not reader.snapshot().header.saved
    synthetic.save(folder)
    assert reader.snapshot().header.saved


def test_without_run_json_the_newest_attempt_tells_the_aim_and_has_its_log(tmp_path):
    folder = synthetic.ended_run(tmp_path, step=12)
    folder.run_json.unlink()
    header = LiveReader(folder).snapshot().header
    assert (header.state, header.reason) == ("unreadable", "no run.json")
    assert (header.step, header.steps) == (12, synthetic.STEPS)
    assert header.log_tail == ("trained",)


def test_the_log_shows_its_end_only(tmp_path):
    folder = a_run(tmp_path)
    an_attempt(folder)
    folder.log(1).write_bytes(b"".join(b"line %d\n" % n for n in range(5000)) + b"x" * 10_000)
    reader = LiveReader(folder)
    tail = reader.snapshot().header.log_tail
    assert len(tail) == 1
    assert len(tail[0]) < 600
    folder.log(1).write_bytes(b"".join(b"line %d\n" % n for n in range(5000)))
    assert reader.snapshot().header.log_tail[-1] == "line 4999"


def elapsed(*seconds):
    table = np.zeros(len(seconds), [("step", "<i8"), ("elapsed_seconds", "<f8")])
    table["step"] = np.arange(1, len(seconds) + 1)
    table["elapsed_seconds"] = seconds
    return table


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((), None),
        ((1.0,), None),
        ((1.0, 2.0, 3.0), 1.0),
        ((0.0, 100.0, 100.5, 101.0), 2.0),
        ((0.0, 500.0), 1 / 500),
        ((50.0, 51.0, 0.5), None),
        ((50.0, 51.0, 0.5, 1.0), 2.0),
        ((1.0, np.nan, np.nan), None),
        ((1.0, 1.0), None),
        ((1.0, np.inf), None),
    ],
)
def test_speed_over_the_last_seconds(seconds, expected):
    assert pace(elapsed(*seconds)) == (expected if expected is None else pytest.approx(expected))
