"""A run whose logs are damaged, or hold what cannot be shown."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.store.atomic import StoreError
from shareconsole.store.reader import RunLog
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TensorSchema
from tests.console.viewmodel import longrun
from tests.store.builders import a_run, an_attempt


def test_tensors_that_are_no_assignment_show_nothing(tmp_path):
    folder = a_run(tmp_path)
    an_attempt(folder)
    kinds = (TensorSchema("assignment", "f4", (2, 0), (("a", "b"), ())),)
    with RecordWriter(folder.metrics(1), LogSchema(1, 0)):
        pass
    with RecordWriter(folder.tensors(1), LogSchema(1, 0, (), kinds)) as writer:
        writer.tensor("assignment", 0, np.empty((2, 0)))
    assert LiveReader(folder).snapshot().assignment is None


def test_a_tensor_that_cannot_be_read_is_a_warning_until_it_can(tmp_path, monkeypatch):
    folder = a_run(tmp_path)
    an_attempt(folder)
    writers = longrun.open_writers(folder)
    for step in range(1, 31):
        longrun.write(writers, step)
    reader = LiveReader(folder)
    first = reader.snapshot()
    longrun.write(writers, 33)
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
