"""resume: what may be restarted, what is refused before a trainer starts, and what is said."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from shareconsole import launch
from shareconsole.cli import training
from shareconsole.headless import resuming
from shareconsole.store.attempts import AttemptExit, end_attempt
from shareconsole.store.clock import utc_now
from shareconsole.store.events import EventWriter
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


@pytest.fixture
def refusing(monkeypatch):
    """A trainer that finds other data than before."""

    def start(folder, steps=None, allow_inexact=False, *, narrate=None):
        attempt = synthetic.begin(folder, steps=steps or synthetic.STEPS, resume_from_step=10)
        error = "it would not be exact; --allow-inexact"
        events = EventWriter(folder.events(attempt.number), attempt.number)
        events.write("refused", error=error)
        events.close()
        exit = AttemptExit(2, "refused", 10, error, utc_now(), inexact=True)
        return SimpleNamespace(attempt=end_attempt(folder, attempt, exit))

    monkeypatch.setattr(launch, "start", start)


@pytest.mark.parametrize(
    ("reason", "step", "words"), [("finished", 20, ["--steps", "30"]), ("stopped", 12, [])]
)
def test_a_refusal_leaves_the_run_as_it_was(cli, runs, refusing, reason, step, words):
    folder = synthetic.ended_run(runs, reason=reason, step=step)
    before = cli("ls", "--json").json
    for _ in range(2):
        result = cli("resume", folder.id, *words)
        assert result.code == 2
        assert f"is {reason} as before" in result.err
        assert "it would not be exact" in result.err
    assert cli("ls", "--json").json == before
    shown = cli("show", folder.id).out
    assert shown.count("resume refused: it would not be exact") == 1
    hints = [line for line in shown.splitlines() if "shareconsole resume" in line]
    assert len(hints) == 1
    assert "--allow-inexact" in hints[0]
    assert ("--steps 30" in hints[0]) == (reason == "finished")
    detached = cli("resume", folder.id, *words, "--detach")
    assert (detached.code, f"shareconsole show {folder.id}" in detached.err) == (0, True)


def test_a_run_without_its_preset_offers_no_resume(cli, runs, started):
    folder = synthetic.crashed_run(runs)
    assert "shareconsole resume" in cli("show", folder.id).out
    folder.resolved_toml.unlink()
    assert cli("ls", "--json").json[0]["state"] == "unreadable"
    shown = cli("show", folder.id).out
    assert "preset.resolved.toml is missing" in shown
    assert "shareconsole resume" not in shown
    assert cli("resume", folder.id).code == 2


def test_a_reason_is_told_once_on_each_stream(cli, runs, monkeypatch):
    folder = synthetic.ended_run(runs, reason="stopped", step=12)

    def start(folder, *args, **kwargs):
        attempt = synthetic.begin(folder, resume_from_step=10)
        folder.log(attempt.number).write_text("loading\nerror: out of luck\n")
        synthetic.end(folder, attempt, "failed", 10, "out of luck")
        return SimpleNamespace(attempt=attempt)

    monkeypatch.setattr(launch, "start", start)
    result = cli("resume", folder.id)
    assert result.code == 1
    assert (result.out.count("out of luck"), result.err.count("out of luck")) == (1, 1)
    assert "loading" in result.err


def test_without_a_checkpoint_the_person_knows_that_it_starts_again(cli, runs, started):
    folder = synthetic.ended_run(runs, reason="stopped", step=12)
    again = f"there is no checkpoint of {folder.id}: it starts again from step 0"
    assert again in cli("resume", "latest").err
    assert started == [(folder.id, None)]
    synthetic.save(folder)
    assert again not in cli("resume", "latest").err
    assert "now ends with step 15, not with 20" in cli("resume", "latest", "--steps", "15").err
    # Damaged ones are not passed over.
    for directory in folder.checkpoints.iterdir():
        (directory / "manifest.json").unlink()
    begun = len(started)
    result = cli("resume", "latest", "--steps", "15")
    assert (result.code, len(started)) == (2, begun)
    assert f"the checkpoint of {folder.id} is damaged; without the folder" in result.err
    assert "now ends" not in result.err
    # A run that never began has nothing to start again.
    synthetic.new_run(runs, "fresh")
    assert "no checkpoint" not in cli("resume", "latest").err


def test_the_command_that_trains_a_finished_run_longer_can_be_typed_as_it_stands(
    cli, runs, started, tmp_path, monkeypatch
):
    folder = synthetic.ended_run(runs)
    told = cli("resume", "latest").err
    assert f"'shareconsole resume {folder.id} --steps N --runs {runs}'" in told
    monkeypatch.setenv("SHARECONSOLE_RUNS", str(runs))
    told = cli("resume", "latest", own_runs=False).err
    assert f"'shareconsole resume {folder.id} --steps N'" in told
    assert started == []


def test_a_finished_run_whose_records_are_lost_is_still_one_that_finished(cli, runs, started):
    folder = synthetic.ended_run(runs)
    synthetic.save(folder)
    folder.metrics(1).unlink()
    assert cli("ls", "--json").json[0]["state"] == "unreadable"
    result = cli("resume", "latest")
    assert (result.code, started) == (2, [])
    assert f"'shareconsole resume {folder.id} --steps N" in result.err
    assert cli("resume", "latest", "--steps", "30").code == 0
    assert started == [(folder.id, 30)]
