"""A run that is read bit by bit looks just as one that is read at once."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from shareconsole.console.viewmodel import live
from shareconsole.console.viewmodel.assignment import cells
from shareconsole.console.viewmodel.live import LiveReader, pace
from shareconsole.store.atomic import StoreError
from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.events import EventWriter
from shareconsole.store.heartbeat import Flag, Heartbeat
from shareconsole.store.identity import write_identity
from shareconsole.store.reader import RunLog
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TableSchema, TensorSchema
from shareconsole.store.status import Status, write_status
from tests.console.viewmodel import longrun
from tests.store.builders import WHEN, a_folder, a_run, an_attempt, an_identity


def write(writers, step):
    metrics, tensors = writers
    row = longrun.values_at(np.array([step]))[0]
    metrics.row("step", step, list(row)[1:])
    if step % 10 == 0:
        metrics.row("evaluation", step, [1 / step, 2 / step, 0.5, 0.3, 0.3, 1.0])
    if step % 3 == 0:
        tensors.tensor("assignment", step, longrun.an_assignment(step))


def open_writers(folder, attempt=1, resume_from_step=0):
    metrics, tensors = longrun.a_schema(attempt, resume_from_step)
    return (
        RecordWriter(folder.metrics(attempt), metrics),
        RecordWriter(folder.tensors(attempt), tensors),
    )


def same(one, other):
    """Everything equal but versions."""
    if one is None or other is None:
        return one is other
    if isinstance(one, np.ndarray):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
        return True
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other)
        for field in dataclasses.fields(one):
            if field.name != "version":
                assert same(getattr(one, field.name), getattr(other, field.name)), field.name
        return True
    if isinstance(one, tuple):
        assert len(one) == len(other)
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other or (one != one and other != other)


@pytest.mark.parametrize("seed", range(4))
def test_incremental_equals_fresh_wherever_it_is_cut(tmp_path, seed):
    rng = np.random.default_rng(seed)
    whole = a_run(tmp_path / "whole", steps=1000)
    an_attempt(whole)
    writers = open_writers(whole)
    for step in range(1, 301):
        write(writers, step)
    for writer in writers:
        writer.close()
    metrics, tensors = whole.metrics(1).read_bytes(), whole.tensors(1).read_bytes()
    folder = a_run(tmp_path / "grows", steps=1000)
    an_attempt(folder)
    reader = LiveReader(folder)
    reader.snapshot()
    for part in np.sort(rng.random(12)):
        folder.metrics(1).write_bytes(metrics[: int(part * len(metrics))])
        folder.tensors(1).write_bytes(tensors[: int(part * len(tensors))])
        assert same(reader.snapshot(), LiveReader(folder).snapshot())
    folder.metrics(1).write_bytes(metrics)
    folder.tensors(1).write_bytes(tensors)
    last = reader.snapshot()
    assert same(last, LiveReader(folder).snapshot())
    assert len(last.loss.series[0].steps) == 300
    assert last.assignment.step == 300


def test_parts_without_news_are_the_same_objects(tmp_path):
    folder = longrun.a_long_run(tmp_path, 200, num_assignments=10)
    reader = LiveReader(folder)
    first = reader.snapshot()
    assert reader.snapshot() is first
    longrun.more_steps(folder, 201, 201)
    second = reader.snapshot()
    assert second.loss is not first.loss
    assert second.loss.version > first.loss.version
    assert second.fitness is not first.fitness
    assert second.assignment is first.assignment
    assert second.errors is first.errors


def test_a_long_log_is_announced_by_its_header_once(tmp_path, monkeypatch):
    folder = longrun.a_long_run(tmp_path, 200, num_assignments=10)
    write_status(folder, Status(199, 200, 1, 0.25, None, 20.0, WHEN))
    announced = []
    LiveReader(folder, announce=announced.append).snapshot()
    assert announced == []
    size = folder.metrics(1).stat().st_size
    monkeypatch.setattr(live, "_MANY_BYTES", size)
    reader = LiveReader(folder, announce=announced.append)
    whole = reader.snapshot()
    longrun.more_steps(folder, 201, 201)
    reader.snapshot()
    (opening,) = announced
    assert opening.unread == size
    assert (opening.loss, opening.fitness, opening.assignment, opening.errors) == (None,) * 4
    assert opening.header.state == "finished"
    assert opening.header.step == 200
    assert opening.header.macro_error == 0.25
    assert whole.unread == 0
    assert whole.loss is not None


def test_a_resumed_run_shows_what_stands(tmp_path):
    folder = a_run(tmp_path, steps=400)
    first = an_attempt(folder, 1, steps=400)
    writers = open_writers(folder)
    for step in range(1, 151):
        write(writers, step)
    reader = LiveReader(folder, clock=iter(np.arange(0, 1e6, 10.0)).__next__)
    assert len(reader.snapshot().loss.series[0].steps) == 150
    for writer in writers:
        writer.close()
    end_attempt(folder, first, AttemptExit(1, "failed", 150, "killed", WHEN))
    assert reader.snapshot().header.state == "failed"
    an_attempt(folder, 2, steps=400, resume_from_step=100)
    writers = open_writers(folder, 2, 100)
    begun = reader.snapshot()
    assert begun.loss.series[0].steps.tolist() == list(range(1, 101))
    assert begun.assignment.step == 99
    assert begun.header.attempt == 2
    for step in range(101, 181):
        write(writers, step)
        if step % 20 == 0:
            assert same(reader.snapshot().loss, LiveReader(folder).snapshot().loss)
    seen = reader.snapshot()
    assert same(seen, LiveReader(folder).snapshot())
    assert seen.loss.series[0].steps.tolist() == list(range(1, 181))
    assert "from step 100" in seen.header.resume_note
    assert "identical" in seen.header.resume_note
    assert seen.warnings == ()
    for writer in writers:
        writer.close()


def test_a_resume_that_went_another_way_is_doubted(tmp_path):
    folder = a_run(tmp_path)
    an_attempt(folder, 1)
    an_attempt(folder, 2)
    for number, start, values in ((1, 0, 1.0), (2, 10, 2.0)):
        schema = LogSchema(number, start, (TableSchema("step", (("loss.a", "f4"),)),))
        with RecordWriter(folder.metrics(number), schema) as writer:
            for step in range(start + 1, 21):
                writer.row("step", step, [values])
    snapshot = LiveReader(folder).snapshot()
    assert "differs from step 11" in snapshot.header.resume_note
    assert any("made step 11 differently" in text for text in snapshot.warnings)


@pytest.mark.parametrize(
    ("tables", "tensors", "shown"),
    [
        ({"step": ["loss.a"]}, (), {"loss"}),
        ({"step": ["loss.a", "fitness.0"]}, (), {"loss", "fitness"}),
        ({"step": ["gradient_norm"]}, (), set()),
        ({"evaluation": ["test_error.a"]}, (), {"errors"}),
        ({"evaluation": ["entropy"]}, (), set()),
        ({"step": ["fitness.0"]}, ("assignment",), {"fitness", "assignment"}),
        ({"step": ["loss.a"]}, ("other",), {"loss"}),
    ],
)
def test_panels_come_from_what_is_logged_and_not_from_the_method(tmp_path, tables, tensors, shown):
    folder = a_run(tmp_path, method="learned_sharing")
    an_attempt(folder)
    schemas = tuple(TableSchema(name, tuple((column, "f4") for column in columns))
                    for name, columns in tables.items())  # fmt: skip
    kinds = tuple(TensorSchema(name, "f4", (1, 1, 2), (("u",), ("t",), ("a", "b")))
                  for name in tensors)  # fmt: skip
    with RecordWriter(folder.metrics(1), LogSchema(1, 0, schemas)):
        pass
    with RecordWriter(folder.tensors(1), LogSchema(1, 0, (), kinds)) as writer:
        for name in tensors:
            writer.tensor(name, 0, [[[0.5, 0.5]]])
    snapshot = LiveReader(folder).snapshot()
    found = {name for name in ("loss", "fitness", "assignment", "errors")
             if getattr(snapshot, name) is not None}  # fmt: skip
    assert found == shown


def test_tensors_that_are_no_assignment_show_nothing(tmp_path):
    folder = a_run(tmp_path)
    an_attempt(folder)
    kinds = (TensorSchema("assignment", "f4", (2, 0), (("a", "b"), ())),)
    with RecordWriter(folder.metrics(1), LogSchema(1, 0)):
        pass
    with RecordWriter(folder.tensors(1), LogSchema(1, 0, (), kinds)) as writer:
        writer.tensor("assignment", 0, np.empty((2, 0)))
    assert LiveReader(folder).snapshot().assignment is None


def test_a_folder_with_nothing_in_it_and_none_at_all(tmp_path):
    folder = a_run(tmp_path)
    queued = LiveReader(folder).snapshot()
    assert queued.header.state == "queued"
    assert (queued.loss, queued.fitness, queued.assignment, queued.errors) == (None,) * 4
    folder.run_json.unlink()
    assert LiveReader(folder).snapshot().header.reason == "being made"
    folder.control.rmdir()
    folder.path.rmdir()
    assert LiveReader(folder).snapshot().header.state == "unreadable"


def test_the_header_of_a_live_run(tmp_path):
    folder = a_run(tmp_path, steps=1000)
    an_attempt(folder)
    longrun_writers = open_writers(folder)
    for step in range(1, 101):
        write(longrun_writers, step)
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
    for writer in longrun_writers:
        writer.close()


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


def test_warnings_come_from_events_and_from_damage(tmp_path):
    folder = longrun.a_long_run(tmp_path, 100, num_assignments=5)
    with EventWriter(folder.events(1), 1) as events:
        events.write("checkpoint_saved", step=10)
        events.write("warning", message="loss of a is NaN")
        events.write("warning", message="loss of a is NaN")
        events.write("checkpoint_rejected", name="000010", reason="cut off")
        events.write("disk_full")
        events.write("of the future", x=1)
        for n in range(100):
            events.write("warning", message=f"number {n}")
    data = bytearray(folder.metrics(1).read_bytes())
    data[len(data) // 2] ^= 1
    folder.metrics(1).write_bytes(bytes(data))
    shown = LiveReader(folder).snapshot().warnings
    # The newest fifty of the events; what is older is gone, what is damaged always said.
    assert len(shown) == 51
    assert shown[:1] == ("number 50",)
    assert shown[-2] == "number 99"
    assert re.fullmatch(r"\d+ damaged bytes in the log were skipped", shown[-1])


def test_events_are_told_once_and_as_they_come(tmp_path):
    folder = a_run(tmp_path)
    an_attempt(folder)
    reader = LiveReader(folder)
    with EventWriter(folder.events(1), 1) as events:
        events.write("checkpoint_rejected", name="000010", reason="cut off")
        assert reader.snapshot().warnings == ("checkpoint 000010 was rejected: cut off",)
        events.write("warning", message="a")
        events.write("warning", message="a")
        assert reader.snapshot().warnings[1:] == ("a",)


def test_a_tensor_that_cannot_be_read_is_a_warning_until_it_can(tmp_path, monkeypatch):
    folder = a_run(tmp_path)
    an_attempt(folder)
    writers = open_writers(folder)
    for step in range(1, 31):
        write(writers, step)
    reader = LiveReader(folder)
    first = reader.snapshot()
    write(writers, 33)
    original = RunLog.tensor

    def tensor(self, kind, index=-1):
        raise StoreError("tensors.0001.rec: was damaged")

    monkeypatch.setattr(RunLog, "tensor", tensor)
    broken = reader.snapshot()
    assert broken.warnings == ("tensors.0001.rec: was damaged",)
    assert broken.assignment is first.assignment
    monkeypatch.setattr(RunLog, "tensor", original)
    mended = reader.snapshot()
    assert mended.warnings == ()
    assert mended.assignment.step == 33
    for writer in writers:
        writer.close()


def test_an_old_tensor_that_is_damaged_is_a_gap(tmp_path):
    folder = longrun.a_long_run(tmp_path, 100, num_assignments=5)
    entropy = LiveReader(folder).snapshot().assignment.entropy
    original = RunLog.tensor

    def tensor(self, kind, index=-1):
        if index == 2:
            raise StoreError("damaged")
        return original(self, kind, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLog, "tensor", tensor)
        holed = LiveReader(folder).snapshot().assignment.entropy
    assert np.isnan(holed).tolist() == [False, False, True, False, False, False]
    np.testing.assert_array_equal(np.delete(holed, 2), np.delete(entropy, 2))


@pytest.mark.parametrize("garbage", [b"", b"\0" * 100, b"\xc5\x5a" * 50])
def test_garbage_instead_of_logs(tmp_path, garbage):
    folder = a_run(tmp_path)
    an_attempt(folder)
    for path in (folder.metrics(1), folder.tensors(1), folder.events(1), folder.log(1)):
        path.write_bytes(garbage)
    folder.heartbeat.write_bytes(garbage)
    snapshot = LiveReader(folder).snapshot()
    assert snapshot.loss is None


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


def test_hostile_names_come_out_safe(tmp_path, hostile):
    for index, text in enumerate(hostile):
        folder = a_folder(tmp_path, f"20261122-0115{index:02d}-x-0000")
        everywhere = {"name": text, "preset": text, "method": text, "data": text}
        write_identity(folder, an_identity(folder, tags=(text,), **everywhere))
        attempt = an_attempt(folder)
        name = text or "x"
        tables = (
            TableSchema("step", ((f"loss.{name}", "f4"), (f"fitness.{name}", "f4"))),
            TableSchema("evaluation", ((f"test_error.{name}", "f4"), (f"rand_index.{name}", "f4"))),
        )
        kinds = (TensorSchema("assignment", "f4", (1, 1, 1), ((name,), (name,), (name,))),)
        with RecordWriter(folder.metrics(1), LogSchema(1, 0, tables)) as metrics:
            metrics.row("step", 1, [1, 1])
            metrics.row("evaluation", 1, [1, 1])
        with RecordWriter(folder.tensors(1), LogSchema(1, 0, (), kinds)) as tensors:
            tensors.tensor("assignment", 1, [[[1]]])
        with EventWriter(folder.events(1), 1) as events:
            events.write("warning", message=text)
            events.write("checkpoint_rejected", name=text, reason=text)
        folder.log(1).write_bytes(text.encode("utf-8", "surrogatepass"))
        end_attempt(folder, attempt, AttemptExit(1, "failed", 1, text, WHEN))
        snapshot = LiveReader(folder).snapshot()
        assert snapshot.header.state == "failed"
        assert cells(snapshot.assignment)[0][0].module == 0
        assert all(safe(found) for found in texts(snapshot)), text


def safe(text):
    from shareconsole.safe_text import safe_text

    return safe_text(text) == text


def texts(value):
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from texts(tuple(value))
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
