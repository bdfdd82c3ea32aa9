"""A whole run through the trainer's own entry point: records, requests, resume, failure."""

from __future__ import annotations

import errno
import math
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from shareconsole.spec.toml import parse_resolved
from shareconsole.store import control
from shareconsole.store.attempts import read_attempt, update_attempt
from shareconsole.store.events import read_events
from shareconsole.store.heartbeat import Flag, read_heartbeat
from shareconsole.store.lock import RunLock
from shareconsole.store.reader import RunLog
from shareconsole.store.status import derive_state, read_status
from shareconsole.trainer import loop
from shareconsole.trainer.checkpoint import save_checkpoint
from shareconsole.trainer.columns import module_name
from shareconsole.trainer.manifest import checkpoint_directories
from tests.trainer.conftest import SMALL
from tests.trainer.killing import difference, kill_and_resume, read, same_state


def kinds(folder) -> list[str]:
    return [event.kind for event in read_events(folder)]


def wait_until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class While:
    """Act from another thread once the run has passed a step; errors are raised at exit."""

    def __init__(self, folder, action, step: int = 2) -> None:
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(folder, action, step))

    def _run(self, folder, action, step) -> None:
        try:
            log = RunLog(folder)

            def reached() -> bool:
                log.refresh()
                return len(log.table("step")) >= step

            wait_until(reached)
            action()
        except BaseException as error:
            self.error = error
            control.request(folder, "stop", now=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *exception) -> None:
        self.thread.join()
        if self.error is not None:
            raise self.error


def test_a_run_leaves_everything_it_did_on_record(make_run, train):
    folder = make_run("train.validation_fraction=0.2")
    assert train(folder) == 0
    log = read(folder)
    steps = log.table("step")
    assert steps["step"].tolist() == list(range(1, 41))
    tasks = [task["name"] for task in log.meta["tasks"]]
    assert tasks == ["upright-1", "upright-2", "rotated-1", "rotated-2"]
    expected = [f"loss.{t}" for t in tasks] + [f"fitness.{j}" for j in range(3)]
    parts = [f"{p}_seconds" for p in ("data", "nes", "sgd", "logging", "elapsed")]
    assert list(steps.dtype.names) == ["step", *expected, "gradient_norm", *parts]
    assert all(np.isfinite(steps[name]).all() for name in steps.dtype.names)
    assert (steps["gradient_norm"] > 0).all()
    assert (np.diff(steps["elapsed_seconds"]) > 0).all()
    rows = log.table("evaluation")
    assert rows["step"].tolist() == [20, 40]
    macro = np.mean([rows[f"test_error.{t}"] for t in tasks], axis=0)
    np.testing.assert_allclose(rows["macro_error"], macro, rtol=1e-6)
    assert "validation_error.upright-1" in rows.dtype.names
    assert (rows["entropy"] <= math.log(2) + 1e-6).all()
    assert log.tensor_steps("assignment").tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    pi = log.tensor("assignment")
    assert pi.shape == (2, 4, 2)
    np.testing.assert_allclose(log.tensor("assignment", 0), 0.5)
    np.testing.assert_allclose(pi.sum(2), 1, rtol=1e-6)
    assert log.tensor_axes("assignment") == (("conv1", "dense1"), tuple(tasks), ("a", "b"))
    assert [(u["name"], u["sharing"], u["modules"]) for u in log.meta["units"]] == [
        ("conv1", "routed", 2),
        ("dense1", "routed", 2),
    ]
    status = read_status(folder)
    assert (status.step, status.steps) == (40, 40)
    assert status.macro_error == pytest.approx(rows["macro_error"][-1], abs=1e-6)
    assert derive_state(folder).word == "finished"
    assert kinds(folder) == ["attempt_started", *["checkpoint_saved"] * 4, "finished"]
    assert [d.name for d in checkpoint_directories(folder)] == [
        "000000040",
        "000000030",
        "000000020",
    ]
    assert read_heartbeat(folder).step == 40


def test_a_method_without_population_logs_none(make_run, train):
    small = tuple(override for override in SMALL if not override.startswith("method."))
    folder = make_run(preset="digits-full", small=small)
    assert train(folder) == 0
    log = read(folder)
    assert not [name for name in log.table("step").dtype.names if name.startswith("fitness")]
    assert not [name for name in log.table("evaluation").dtype.names if name == "entropy"]
    assert len(log.tensor_steps("assignment")) == 0


def test_planted_groups_are_judged_per_unit(make_run, train):
    small = ("train.steps=6", "train.eval_every=3", "method.nes_samples=2", "method.sgd_samples=1")
    folder = make_run(preset="planted", small=small)
    assert train(folder) == 0
    rows = read(folder).table("evaluation")
    for unit in ("dense1", "dense2"):
        values = rows[f"rand_index.{unit}"]
        assert ((values >= -1) & (values <= 1)).all()


def test_same_seed_same_bits_and_another_seed_others(make_run, train):
    first, again, other = make_run(), make_run(), make_run("run.seed=1")
    for folder in (first, again, other):
        assert train(folder) == 0
    assert difference(read(first), read(again)) == ""
    assert same_state(first, again)
    assert difference(read(first), read(other)) == "step.loss.upright-1"


def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    twice = kill_and_resume(tmp_path / "runs", 3, seed=1, say=lambda text: None)
    assert twice > 0  # else nothing was compared


def test_stop_then_resume_equals_uninterrupted(make_run, train):
    reference, folder = make_run("train.steps=150"), make_run("train.steps=150")
    assert train(reference) == 0
    with While(folder, lambda: control.request(folder, "stop")):
        assert train(folder) == 0
    assert derive_state(folder).word == "stopped"
    attempt = read_attempt(folder, 1)
    stopped_at = attempt.exit.step
    assert 2 <= stopped_at < 150
    assert int(checkpoint_directories(folder)[0].name) == stopped_at
    assert list(folder.control.glob("*-stop.json")) == []
    assert train(folder) == 0
    assert derive_state(folder).word == "finished"
    assert difference(read(folder), read(reference)) == ""
    assert same_state(folder, reference)
    assert {"resumed_from", "stop_requested", "stopped", "finished"} <= set(kinds(folder))


def test_stop_now_leaves_no_checkpoint_of_that_step(make_run, train):
    folder = make_run("train.steps=100000", "train.checkpoint_every=100000")
    with While(folder, lambda: control.request(folder, "stop", now=True)):
        assert train(folder) == 0
    assert derive_state(folder).word == "stopped"
    assert checkpoint_directories(folder) == []
    assert train(folder, "--steps", "5") == 0  # from the beginning, as nothing was saved
    assert read(folder).table("step")["step"].tolist() == [1, 2, 3, 4, 5]


def test_pause_continue_and_checkpoint_requests(make_run, train):
    folder = make_run("train.steps=100000", "train.checkpoint_every=100000")
    seen = {}

    def act() -> None:
        control.request(folder, "pause")
        wait_until(lambda: derive_state(folder).word == "paused")
        wait_until(lambda: "paused" in kinds(folder))
        seen["paused"] = len(read(folder).table("step"))
        time.sleep(0.3)
        seen["later"] = len(read(folder).table("step"))
        control.request(folder, "checkpoint")
        wait_until(lambda: checkpoint_directories(folder))
        seen["saved"] = int(checkpoint_directories(folder)[0].name)
        control.request(folder, "resume")
        wait_until(lambda: len(read(folder).table("step")) > seen["paused"])
        control.request(folder, "stop")

    with While(folder, act):
        assert train(folder) == 0
    assert seen["later"] == seen["paused"] == seen["saved"]
    assert kinds(folder).count("continued") == 1
    assert Flag.PAUSED not in read_heartbeat(folder).flags


def test_a_request_meant_for_an_earlier_attempt_is_not_obeyed(make_run, train):
    folder = make_run()
    request = control.request(folder, "stop")
    assert train(folder) == 0
    assert derive_state(folder).word == "finished"
    assert not request.exists()


def test_a_finished_run_trained_longer_equals_a_long_run(make_run, train):
    folder, reference = make_run(), make_run("train.steps=60")
    assert train(folder) == 0
    assert train(folder) == 2  # nothing left to train, and nothing recorded of the attempt
    assert folder.attempts() == [1]
    assert train(folder, "--steps", "60") == 0
    assert train(reference) == 0
    assert difference(read(folder), read(reference)) == ""
    assert same_state(folder, reference)
    assert [read_attempt(folder, n).steps for n in (1, 2)] == [40, 60]


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


def test_a_run_killed_after_its_last_checkpoint_can_still_finish(make_run, train):
    folder = make_run()
    assert train(folder) == 0
    attempt = read_attempt(folder, 1)
    update_attempt(folder, replace(attempt, exit=None, start_ticks=1))
    assert derive_state(folder).word == "crashed"
    assert train(folder) == 0
    assert derive_state(folder).word == "finished"
    assert len(read(folder).table("step")) == 40


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


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
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
    else:
        (newest / "manifest.json").write_text('{"step": 40}')
    assert train(folder, "--steps", "50") == 0
    rejected = [e for e in read_events(folder) if e.kind == "checkpoint_rejected"]
    assert [e.data["name"] for e in rejected] == ["000000040"]
    assert difference(read(folder), read(reference)) == ""
    check = read(folder).resumes[0]
    assert (check.from_step, check.overlap_steps, check.identical) == (30, 10, True)


def test_only_damaged_checkpoints_is_a_failure_not_a_fresh_start(make_run, train):
    folder = make_run()
    assert train(folder) == 0
    for directory in checkpoint_directories(folder):
        (directory / "state.pt").write_bytes(b"nothing")
    assert train(folder, "--steps", "50") == 1
    assert "checkpoints" in derive_state(folder).reason


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


def test_a_locked_run_is_left_alone(make_run, train):
    folder = make_run()
    with RunLock.acquire(folder):
        assert train(folder) == 3
    assert folder.attempts() == []


def test_a_missing_device_is_a_failure_with_what_is_allowed(make_run, train):
    folder = make_run("device.device=cuda:99")
    assert train(folder) == 1
    assert "allowed: auto, cpu" in derive_state(folder).reason


def test_a_full_disk_pauses_training_and_loses_nothing(make_run, train, monkeypatch):
    from shareconsole.store import append

    folder, reference = make_run(), make_run()
    assert train(reference) == 0
    full = threading.Event()
    real = append.os.write

    def write(fd, data):
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(append.os, "write", write)
    monkeypatch.setattr("shareconsole.trainer.journal.BACKLOG_CAP", 500)

    def act() -> None:
        full.set()
        wait_until(lambda: Flag.DISK_FULL in read_heartbeat(folder).flags)
        time.sleep(0.3)
        first = len(read(folder).table("step"))
        time.sleep(0.3)
        assert len(read(folder).table("step")) == first
        full.clear()

    with While(folder, act):
        assert train(folder) == 0
    assert difference(read(folder), read(reference)) == ""
    assert {"disk_full", "disk_recovered"} <= set(kinds(folder))


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


def test_a_request_during_an_evaluation_waits_for_its_end(make_run, train, monkeypatch):
    folder = make_run("train.steps=20")
    real = loop.evaluate

    def evaluate(experiment, breathe):
        control.request(folder, "checkpoint")
        time.sleep(0.01)
        breathe()
        return real(experiment, breathe)

    monkeypatch.setattr(loop, "evaluate", evaluate)
    assert train(folder) == 0
    assert read(folder).table("evaluation")["step"].tolist() == [20]
    assert derive_state(folder).word == "finished"


def test_stop_now_during_the_last_evaluation_leaves_a_run_that_resumes_to_it(
    make_run, train, monkeypatch
):
    folder, reference = make_run(), make_run()
    assert train(reference) == 0
    real = loop.evaluate

    def evaluate(experiment, breathe):
        if len(read(folder).table("step")) == 40:
            control.request(folder, "checkpoint")
            control.request(folder, "stop", now=True)
            time.sleep(0.01)
            breathe()
        return real(experiment, breathe)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "evaluate", evaluate)
        assert train(folder) == 0
    assert derive_state(folder).word == "stopped"
    assert train(folder) == 0
    assert difference(read(folder), read(reference)) == ""
    assert read(folder).table("evaluation")["step"].tolist() == [20, 40]


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


def test_another_aim_is_no_difference(make_run, train):
    """The first attempt evaluates at its last step, 40; the second passes that step by."""
    folder = make_run("train.eval_every=30")
    assert train(folder) == 0
    (checkpoint_directories(folder)[0] / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "60") == 0
    check = read(folder).resumes[0]
    assert (check.from_step, check.overlap_steps, check.identical) == (30, 10, True)


def test_pauses_are_not_training_time(make_run, train):
    folder = make_run("train.steps=100000", "train.checkpoint_every=100000")

    def act() -> None:
        control.request(folder, "pause")
        wait_until(lambda: "paused" in kinds(folder))
        time.sleep(1.5)
        control.request(folder, "resume")
        wait_until(lambda: "continued" in kinds(folder))
        control.request(folder, "stop")

    with While(folder, act):
        assert train(folder) == 0
    assert np.diff(read(folder).table("step")["elapsed_seconds"]).max() < 1


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


def test_modules_are_named_by_letters():
    assert [module_name(i) for i in (0, 1, 25, 26, 27, 701, 702)] == [
        "a", "b", "z", "aa", "ab", "zz", "aaa",
    ]  # fmt: skip
