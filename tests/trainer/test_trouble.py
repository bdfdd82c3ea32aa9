"""NaN, damage, a full disk, other surroundings: what a run does about them."""

from __future__ import annotations

import errno
import math
import threading

import pytest

from shareconsole.spec.toml import parse_resolved
from shareconsole.store.attempts import read_attempt
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.events import read_events
from shareconsole.store.heartbeat import Flag, read_heartbeat
from shareconsole.store.status import derive_state
from shareconsole.trainer import loop
from shareconsole.trainer.checkpoint import save_checkpoint
from tests.trainer.killing import difference, read
from tests.trainer.watching import kinds

# Decay this strong multiplies the weights by -1e6 a step; they overflow within ten.
DIVERGING = (
    "network.widths=[8, 8]",
    "method.nes_samples=2",
    "method.sgd_samples=1",
    "train.steps=40",
    "train.learning_rate=1000",
    "train.weight_decay=1000",
    "train.optimizer=sgd",
)


def test_nan_ends_the_run_as_failed_and_names_step_and_task(make_run, train):
    folder = make_run(preset="planted", small=DIVERGING)
    assert train(folder) == 1
    state = derive_state(folder)
    assert state.word == "failed"
    step = read_attempt(folder, 1).exit.step
    assert f"NaN at step {step}" in state.reason
    last = read(folder).table("step")[-1]
    assert last["step"] == step
    assert any(math.isnan(last[name]) for name in last.dtype.names)  # the NaN is on record


def test_nan_can_be_trained_through(make_run, train):
    folder = make_run("train.on_nan=continue", preset="planted", small=DIVERGING)
    assert train(folder) == 0
    assert len(read(folder).table("step")) == 40
    warnings = [e.data["message"] for e in read_events(folder) if e.kind == "warning"]
    assert len(warnings) == 1
    assert "on_nan = 'continue'" in warnings[0]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest", "no manifest"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(make_run, train, damage):
    folder, reference = make_run(), make_run("train.steps=50")
    assert train(folder) == 0
    assert train(reference) == 0
    newest = checkpoint_directories(folder)[0]
    state = newest / "state.pt"
    content = bytearray(state.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        state.write_bytes(content)
    elif damage == "truncate":
        state.write_bytes(content[:-10])
    elif damage == "remove":
        state.unlink()
    elif damage == "manifest":
        (newest / "manifest.json").write_text('{"step": 40}')
    else:
        (newest / "manifest.json").unlink()
    assert train(folder, "--steps", "50") == 0
    rejected = [e for e in read_events(folder) if e.kind == "checkpoint_rejected"]
    assert [e.data["name"] for e in rejected] == ["000000040"]
    assert difference(read(folder), read(reference)) == ""
    check = read(folder).resumes[0]
    assert (check.from_step, check.overlap_steps, check.identical) == (30, 10, True)


@pytest.mark.parametrize("file", ["state.pt", "manifest.json"])
def test_only_damaged_checkpoints_is_a_refusal_not_a_fresh_start(make_run, train, file):
    folder = make_run()
    assert train(folder) == 0
    for directory in checkpoint_directories(folder):
        (directory / file).unlink()
    assert train(folder, "--steps", "50") == 2
    state = derive_state(folder)
    assert (state.word, state.attempt.number) == ("finished", 1)
    assert "checkpoints" in state.refused.exit.error


def change_threads(folder) -> None:
    text = folder.resolved_toml.read_text()
    folder.resolved_toml.write_text(text.replace("threads = 1", "threads = 2"))
    assert parse_resolved(folder.resolved_toml.read_text()).device.threads == 2


def test_an_inexact_resume_is_refused_unless_allowed(make_run, train, capsys):
    folder = make_run()
    assert train(folder) == 0
    change_threads(folder)
    before = sorted(folder.names())
    assert train(folder, "--steps", "50") == 2
    message = capsys.readouterr().err
    assert "threads: 1 then, 2 now" in message
    assert "--allow-inexact" in message
    assert sorted(folder.names()) == before
    assert train(folder, "--steps", "50", "--allow-inexact") == 0
    warnings = [e.data["message"] for e in read_events(folder) if e.kind == "warning"]
    assert any("not bit-exact" in text for text in warnings)
    assert read_attempt(folder, 2).allow_inexact


def test_a_missing_device_is_a_failure_with_what_is_allowed(make_run, train):
    folder = make_run("device.device=cuda:99")
    assert train(folder) == 1
    assert "allowed: auto, cpu" in derive_state(folder).reason


def test_a_checkpoint_that_does_not_fit_warns_and_training_goes_on(make_run, train, monkeypatch):
    folder = make_run()
    calls = []

    def save(folder, step, *rest):
        calls.append(step)
        if step == 20 or calls.count(40) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save_checkpoint(folder, step, *rest)

    monkeypatch.setattr(loop, "save_checkpoint", save)
    assert train(folder) == 0
    assert calls == [10, 20, 30, 40, 40]  # the last one is insisted on
    assert [d.name for d in checkpoint_directories(folder)] == [
        "000000040",
        "000000030",
        "000000010",
    ]
    warnings = [e.data["message"] for e in read_events(folder) if e.kind == "warning"]
    assert warnings == ["checkpoint of step 20 not saved: No space left on device"]
    happened = [kind for kind in kinds(folder) if kind.startswith("disk")]
    assert happened == ["disk_full", "disk_recovered"]  # while the last one was insisted on
    assert Flag.DISK_FULL not in read_heartbeat(folder).flags


def test_records_that_wait_keep_a_checkpoint_from_being_saved(make_run, train, monkeypatch):
    from shareconsole.trainer.journal import Journal

    folder = make_run("train.steps=30")
    synced = iter([False, True, True, True])
    real = Journal.sync
    monkeypatch.setattr(
        Journal,
        "sync",
        lambda self: (
            real(self)
            and (threading.current_thread() is not threading.main_thread() or next(synced))
        ),
    )
    assert train(folder) == 0
    assert [d.name for d in checkpoint_directories(folder)] == ["000000030", "000000020"]


def test_weights_ruined_by_the_last_update_are_noticed(make_run, train, monkeypatch):
    folder = make_run("train.steps=3")
    real = loop.Trainer._log_tensors

    def ruin(self):
        if self.step == 3:
            next(self.experiment.population.bank.parameters()).data.fill_(math.nan)
        real(self)

    monkeypatch.setattr(loop.Trainer, "_log_tensors", ruin)
    assert train(folder) == 1
    assert "test loss" in derive_state(folder).reason
    assert checkpoint_directories(folder) == []


def test_a_refused_device_leaves_the_state_as_it_was(make_run, train, monkeypatch):
    folder = make_run()
    assert train(folder) == 0
    monkeypatch.setattr("shareconsole.trainer.device.describe_device", lambda device: "cpu/another")
    assert train(folder, "--steps", "50") == 2
    assert derive_state(folder).word == "finished"
    assert folder.attempts() == [1]
