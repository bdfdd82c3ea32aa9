"""resume: what may be restarted, what is refused before a trainer starts, and what is said."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from shareconsole import launch
from shareconsole.cli import training
from shareconsole.headless import resuming
from shareconsole.store.heartbeat import Flag
from shareconsole.store.lock import RunLock
from tests.cli import synthetic


@pytest.fixture
def started(monkeypatch):
    """What would have been started, as (id, steps)."""
    calls = []

    def start(folder, steps=None, allow_inexact=False, *, narrate=None):
        calls.append((folder.id, steps))
        return SimpleNamespace(attempt=SimpleNamespace(number=2, pid=1))

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(training, "_accompany", lambda *args, **kwargs: 0)
    return calls


def test_a_lost_run_is_taken_over_with_a_word(cli, runs, started):
    folder = synthetic.lost_run(runs)
    assert cli("ls", "--json").json[0]["state"] == "lost"
    result = cli("resume", "latest")
    assert result.code == 0
    assert f"taking over {folder.id}: no sign of life from elsewhere for 3600 s" in result.err
    assert started == [(folder.id, None)]
    assert f"shareconsole resume {folder.id}" in cli("show", folder.id).out


def test_a_lost_run_whose_lock_is_held_is_somebody_elses(cli, runs, started, monkeypatch):
    folder = synthetic.lost_run(runs)
    monkeypatch.setattr(resuming, "probe", lambda folder: True)
    result = cli("resume", "latest")
    assert result.code == 3
    assert f"cannot resume {folder.id}: it is held by another trainer" in result.err
    with RunLock.acquire(folder):
        assert cli("resume", "latest").code == 3
    assert started == []


@pytest.mark.parametrize(
    ("flags", "word"), [(0, "running"), (Flag.STARTING, "starting"), (Flag.STOPPING, "stopping")]
)
def test_a_run_that_somebody_trains_is_locked(cli, runs, started, flags, word):
    folder = synthetic.live_run(runs, flags=flags)
    result = cli("resume", "latest", "--steps", "30")
    assert (result.code, result.out, started) == (3, "", [])
    assert f"cannot resume {folder.id}: it is {word} (process " in result.err


def test_steps_that_are_made_already_are_refused_without_a_trainer(cli, runs, started):
    folder = synthetic.ended_run(runs)
    synthetic.checkpoint(folder, 41)
    for steps in ("41", "7"):
        result = cli("resume", folder.id, "--steps", steps)
        assert (result.code, result.out) == (2, "")
        assert f"{folder.id} is at step 41; --steps must be more than that" in result.err
    assert started == []
    assert cli("resume", folder.id, "--steps", "42").code == 0
    assert cli("resume", folder.id).code == 2
    assert started == [(folder.id, 42)]


def test_a_damaged_last_attempt_does_not_block_a_run_for_good(cli, runs, started):
    folder = synthetic.ended_run(runs, reason="stopped", step=12)
    folder.attempt_json(1).write_text("{")
    result = cli("resume", folder.id)
    assert result.code == 0
    assert "warning: " in result.err
    assert "attempt.0001.json: is not JSON" in result.err
    with RunLock.acquire(folder):
        assert cli("resume", folder.id).code == 3
    folder.resolved_toml.write_text("[train]\n")
    result = cli("resume", folder.id)
    assert result.code == 2
    assert "cannot resume" in result.err
    folder.resolved_toml.unlink()
    assert "preset.resolved.toml is missing" in cli("resume", folder.id).err
    assert len(started) == 1


def test_a_damaged_run_json_is_told_before_a_trainer_starts(cli, runs, started):
    folder = synthetic.ended_run(runs, reason="stopped", step=12)
    folder.run_json.write_text("{")
    result = cli("resume", folder.id)
    assert (result.code, started) == (2, [])
    assert "run.json: is not JSON" in result.err
