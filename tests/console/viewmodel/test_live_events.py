"""What a run's events tell, and that no foreign text reaches a screen as it is."""

from __future__ import annotations

import dataclasses
import re

from shareconsole.console.viewmodel.assignment import cells
from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.safe_text import safe_text
from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.events import EventWriter
from shareconsole.store.identity import write_identity
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TableSchema, TensorSchema
from tests.console.viewmodel import longrun
from tests.store.builders import WHEN, a_folder, a_run, an_attempt, an_identity


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


def test_hostile_names_come_out_safe(tmp_path, hostile):
    for index, text in enumerate(hostile):
        folder = a_folder(tmp_path, f"20261122-0115{index:02d}-x-0000")
        everywhere = {"name": text, "preset": text, "method": text, "data": text}
        folder.resolved_toml.touch()
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
