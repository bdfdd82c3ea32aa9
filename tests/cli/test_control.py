"""stop, pause, resume and checkpoint: what fits which state, requests and answers."""

from __future__ import annotations

import json
import threading
import time

import pytest

from shareconsole.headless import requests
from shareconsole.store.attempts import read_attempt
from shareconsole.store.heartbeat import Flag
from tests.cli import synthetic
from tests.cli.acting import Trainer


def test_stop_waits_for_the_end_and_reports_it(cli, training):
    folder, trainer = training()
    result = cli("stop", "latest")
    assert (result.code, result.out) == (0, f"{folder.id} stopped\n")
    assert trainer.seen == [("stop", {"now": False})]


def test_stop_now_says_so_to_the_trainer(cli, training):
    _, trainer = training(Flag.STOPPING)
    assert cli("stop", "latest", "--now").code == 0
    assert trainer.seen == [("stop", {"now": True})]


def test_a_trainer_that_takes_its_time_ends_the_command_with_3(cli, runs, monkeypatch):
    monkeypatch.setattr(requests.wait_until, "__defaults__", (0.1,))
    folder = synthetic.live_run(runs)
    for verb, what in {
        "stop": "has not stopped within 10 s",
        "pause": "has not paused within 10 s",
        "checkpoint": "has not saved a checkpoint within 10 s",
    }.items():
        result = cli(verb, folder.id)
        assert (result.code, result.out) == (3, f"{folder.id} running\n")
        assert f"{folder.id} {what}" in result.err
    filed = sorted(folder.control.iterdir())
    assert [json.loads(path.read_text())["verb"] for path in filed] == [
        "stop", "pause", "checkpoint",
    ]  # fmt: skip


def test_pause_resume_and_checkpoint(cli, training):
    folder, trainer = training()
    synthetic.checkpoint(folder, 12)
    assert cli("pause", "latest").out == f"{folder.id} paused\n"
    assert cli("checkpoint", "latest").out == f"{folder.id} paused, checkpoint of step 12\n"
    result = cli("resume", "latest", "--detach")
    assert (result.code, result.out) == (0, f"{folder.id}\n")
    assert cli("checkpoint", "latest").out == f"{folder.id} running, checkpoint of step 12\n"
    assert [verb for verb, _ in trainer.seen] == ["pause", "checkpoint", "resume", "checkpoint"]


def test_a_checkpoint_that_could_not_be_saved_is_told(cli, training, monkeypatch):
    _, trainer = training()
    monkeypatch.setattr(trainer, "_act", lambda verb: None)
    monkeypatch.setattr(requests, "answer", lambda filed: "failed")
    result = cli("checkpoint", "latest")
    assert result.code == 1
    assert "could not save" in result.err


@pytest.mark.parametrize("state", ["finished", "crashed", "paused", "running", "queued"])
@pytest.mark.parametrize("command", ["stop", "pause", "checkpoint", "resume"])
def test_what_does_not_fit_the_state_ends_with_2(cli, runs, state, command):
    fits = {
        "stop": {"paused", "running"},
        "pause": {"running"},
        "checkpoint": {"paused", "running"},
        "resume": {"crashed", "paused", "queued"},
    }
    if state in fits[command]:
        return
    folder = {
        "finished": lambda: synthetic.ended_run(runs),
        "crashed": lambda: synthetic.crashed_run(runs),
        "paused": lambda: synthetic.live_run(runs, flags=Flag.PAUSED),
        "running": lambda: synthetic.live_run(runs),
        "queued": lambda: synthetic.new_run(runs),
    }[state]()
    result = cli(command, "latest")
    assert (result.code, result.out) == (3 if (command, state) == ("resume", "running") else 2, "")
    assert folder.id in result.err
    assert state in result.err
    assert list(folder.control.iterdir()) == []


def test_what_ends_before_it_obeys_says_so(cli, training, monkeypatch):
    folder, trainer = training()
    monkeypatch.setattr(trainer, "_act", lambda verb: trainer._end_run("finished"))
    result = cli("pause", "latest")
    assert (result.code, result.out) == (0, f"{folder.id} finished\n")
    assert "ended before it could pause" in result.err


def test_options_of_a_restart_are_refused_for_a_paused_run(cli, runs):
    synthetic.live_run(runs, flags=Flag.PAUSED)
    assert cli("resume", "latest", "--steps", "30").code == 2
    assert cli("resume", "latest", "--allow-inexact").code == 2


def test_a_continued_run_is_followed_and_reported(cli, training):
    folder, _ = training(Flag.PAUSED, after_resume="finished")
    result = cli("resume", "latest")
    assert result.code == 0
    assert f"{folder.id} continues" in result.err
    assert result.out.startswith("✓ finished  digits  12 of 20 steps")
    assert "Assignment" in result.out


def test_the_end_as_json_and_quietly(cli, training):
    training(Flag.PAUSED, after_resume="stopped")
    result = cli("resume", "latest", "--json", "--quiet")
    assert (result.code, result.err) == (0, "")
    assert result.json["state"] == "stopped"


def test_a_run_that_fails_while_it_is_followed(cli, training):
    folder, _ = training(Flag.PAUSED, after_resume="failed")
    result = cli("resume", "latest", "--quiet")
    assert result.code == 1
    assert result.out.startswith("✗ failed")
    assert f"error: {folder.id} failed: it broke\nits log ends with:\n  training" in result.err


def test_a_request_that_cannot_be_written(cli, runs, monkeypatch):
    """A stop goes as a signal then; the rest is told."""
    folder = synthetic.live_run(runs)
    signals: list[int] = []

    def full(*args: object, **data: object) -> None:
        raise OSError(28, "No space left on device")

    def ended(pid: int, number: int) -> None:
        signals.append(number)
        if len(signals) == 2:
            synthetic.end(folder, read_attempt(folder, 1), "stopped", 12)

    monkeypatch.setattr(requests, "request", full)
    monkeypatch.setattr(requests.os, "kill", ended)
    result = cli("pause", "latest")
    assert result.code == 1
    assert "No space left" in result.err
    assert cli("stop", "latest", "--now").out == f"{folder.id} stopped\n"
    assert signals == [15, 15]


def test_a_request_waits_for_a_trainer_that_is_coming_up(cli, runs):
    """Filed earlier, it would be taken for one to the attempt before, and dropped."""
    folder = synthetic.new_run(runs)
    folder.launch_log("abcd").touch()
    filed_too_early = []

    def come_up() -> None:
        time.sleep(0.2)
        filed_too_early.extend(folder.control.iterdir())
        trainer = Trainer(folder)
        synthetic.begin(folder)
        synthetic.beat(folder)
        trainer.start()
        time.sleep(0.5)
        trainer.close()

    thread = threading.Thread(target=come_up)
    thread.start()
    result = cli("stop", "latest")
    thread.join()
    assert result.out == f"{folder.id} stopped\n"
    assert filed_too_early == []


def test_waiting_ends(runs):
    folder = synthetic.live_run(runs)
    began = time.monotonic()
    assert requests.wait_until(folder, lambda state: False, 0.1).word == "running"
    assert time.monotonic() - began < 2
