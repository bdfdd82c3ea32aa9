"""Stop, pause, continue and checkpoint, asked of a run while it trains."""

from __future__ import annotations

import errno
import threading
import time

import numpy as np

from shareconsole.store import control
from shareconsole.store.attempts import read_attempt
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.heartbeat import Flag, read_heartbeat
from shareconsole.store.lock import RunLock
from shareconsole.store.status import derive_state
from shareconsole.trainer import loop
from tests.trainer.killing import difference, read, same_state
from tests.trainer.watching import While, kinds, wait_until


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


def test_a_locked_run_is_left_alone(make_run, train):
    folder = make_run()
    with RunLock.acquire(folder):
        assert train(folder) == 3
    assert folder.attempts() == []


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
