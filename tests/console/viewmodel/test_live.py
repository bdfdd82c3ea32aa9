"""A run that is read bit by bit looks just as one that is read at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from shareconsole.console.viewmodel import live
from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TableSchema, TensorSchema
from shareconsole.store.status import Status, write_status
from tests.console.viewmodel import longrun
from tests.store.builders import WHEN, a_run, an_attempt

STAGED = {
    "steps": 1000,
    "stages": [{"name": "first", "start": 0}, {"name": "second", "start": 155}],
}


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
    writers = longrun.open_writers(whole, **(STAGED if seed % 2 else {}))
    for step in range(1, 301):
        longrun.write(writers, step)
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
    assert bool(last.loss.stages) == bool(last.errors.stage) == bool(seed % 2)
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
    writers = longrun.open_writers(folder)
    for step in range(1, 151):
        longrun.write(writers, step)
    reader = LiveReader(folder, clock=iter(np.arange(0, 1e6, 10.0)).__next__)
    assert len(reader.snapshot().loss.series[0].steps) == 150
    for writer in writers:
        writer.close()
    end_attempt(folder, first, AttemptExit(1, "failed", 150, "killed", WHEN))
    assert reader.snapshot().header.state == "failed"
    an_attempt(folder, 2, steps=400, resume_from_step=100)
    writers = longrun.open_writers(folder, 2, 100)
    begun = reader.snapshot()
    assert begun.loss.series[0].steps.tolist() == list(range(1, 101))
    assert begun.assignment.step == 99
    assert begun.header.attempt == 2
    for step in range(101, 181):
        longrun.write(writers, step)
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


def test_an_attempt_that_tells_of_stages_changes_what_was_made_of_the_rows_before(tmp_path):
    """An older version trained the first part and said nothing of stages."""
    folder = a_run(tmp_path, steps=400)
    an_attempt(folder, 1, steps=400)
    writers = longrun.open_writers(folder)
    for step in range(1, 201):
        longrun.write(writers, step)
    reader = LiveReader(folder)
    before = reader.snapshot()
    assert (before.loss.stages, before.errors.stage) == ((), "")
    for writer in writers:
        writer.close()
    an_attempt(folder, 2, steps=400, resume_from_step=200)
    writers = longrun.open_writers(folder, 2, 200, **STAGED)
    after = reader.snapshot()
    assert same(after, LiveReader(folder).snapshot())
    raw, smooth = after.loss.series[0].raw, after.loss.series[0].smooth
    assert smooth[155] == raw[155] != before.loss.series[0].smooth[155]
    np.testing.assert_array_equal(smooth[:155], before.loss.series[0].smooth[:155])
    assert after.errors.stage == "second"
    assert reader.snapshot() is after
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
