"""What a person asks of a run from the console: the checks and the words of the command line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from shareconsole import launch
from shareconsole.cli import app, training
from shareconsole.console import acting
from shareconsole.errors import LockedError, ShareconsoleError, UsageError
from shareconsole.headless import resuming
from shareconsole.store.heartbeat import Flag
from shareconsole.store.lock import RunLock
from tests.cli import synthetic


@pytest.fixture
def started(monkeypatch):
    """The runs whose trainers would have been started."""
    calls = []

    def start(folder, steps=None, allow_inexact=False, *, narrate=None):
        calls.append(folder.id)
        return SimpleNamespace(attempt=SimpleNamespace(number=2, pid=1))

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(training, "_accompany", lambda *args, **kwargs: 0)
    return calls


@pytest.fixture
def typed(runs, capsys):
    """typed("resume", run): exit code and narration of the command line."""

    def call(verb, folder):
        capsys.readouterr()
        code = app.run([verb, folder.id, "--runs", str(runs)])
        return code, capsys.readouterr().err

    return call


def refused(verb, folder):
    with pytest.raises(ShareconsoleError) as caught:
        getattr(acting, verb)(folder, "mine", lambda: False)
    return caught.value


def elsewhere(runs, monkeypatch):
    monkeypatch.setattr(resuming, "probe", lambda folder: True)
    return synthetic.lost_run(runs)


def damaged(what):
    def make(runs, monkeypatch):
        folder = synthetic.ended_run(runs, reason="stopped", step=12)
        path = getattr(folder, what)
        path.write_text("{") if what == "run_json" else path.unlink()
        return folder

    return make


RESUME_REFUSALS = {
    "finished": (lambda runs, _: synthetic.ended_run(runs), UsageError, "' trains it longer"),
    "running": (lambda runs, _: synthetic.live_run(runs), LockedError, "it is running (process"),
    "starting": (
        lambda runs, _: synthetic.live_run(runs, flags=Flag.STARTING), LockedError, "is starting",
    ),
    "held": (elsewhere, LockedError, "it is held by another trainer"),
    "no preset": (damaged("resolved_toml"), UsageError, "preset.resolved.toml is missing"),
    "bad run.json": (damaged("run_json"), UsageError, "run.json: is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", RESUME_REFUSALS)
def test_a_resume_is_refused_in_the_words_of_the_command_line(
    case, runs, started, typed, monkeypatch
):
    make, kind, words = RESUME_REFUSALS[case]
    folder = make(runs, monkeypatch)
    error = refused("resume", folder)
    assert type(error) is kind
    assert words in str(error)
    code, narration = typed("resume", folder)
    assert str(error) in narration
    assert code == (3 if kind is LockedError else 2)
    assert started == []


def test_a_folder_that_is_no_run_is_refused_for_every_verb(runs, started):
    folder = synthetic.ended_run(runs)
    folder.run_json.unlink()
    for verb in ("resume", "pause", "checkpoint"):
        assert f"cannot {verb} {folder.id}: it has no run.json" in str(refused(verb, folder))
    assert started == []


def test_a_lost_run_is_taken_over_with_the_command_lines_word(runs, started, typed):
    folder = synthetic.lost_run(runs)
    synthetic.save(folder, 5)
    remark, outcome = acting.resume(folder, "mine", lambda: False).split("\n")
    assert remark.startswith(f"taking over {folder.id}: no sign of life from elsewhere for 3600 s")
    assert outcome == "mine goes on as attempt 2"
    assert remark in typed("resume", folder)[1]
    assert started == [folder.id] * 2


def test_a_damaged_last_attempt_warns_and_does_not_block(runs, started, typed):
    folder = synthetic.ended_run(runs, reason="stopped", step=12)
    folder.attempt_json(1).write_text("{")
    remark, outcome = acting.resume(folder, "mine", lambda: False).split("\n")
    assert remark.startswith("warning: ")
    assert "attempt.0001.json: is not JSON" in remark
    assert outcome == "mine goes on as attempt 2"
    assert remark in typed("resume", folder)[1]
    with RunLock.acquire(folder):
        assert isinstance(refused("resume", folder), LockedError)
    assert started == [folder.id] * 2


@pytest.mark.parametrize("verb", ["pause", "checkpoint"])
def test_other_requests_are_refused_in_the_words_of_the_command_line(verb, runs, typed):
    folder = synthetic.ended_run(runs, reason="failed", error="out of luck", step=12)
    error = refused(verb, folder)
    assert str(error) == f"cannot {verb} {folder.id}: it is failed (out of luck)"
    assert str(error) in typed(verb, folder)[1]


def test_a_paused_run_cannot_pause_but_goes_on(runs, typed):
    folder = synthetic.live_run(runs, flags=Flag.PAUSED)
    error = refused("pause", folder)
    assert str(error) == f"cannot pause {folder.id}: it is paused already"
    assert str(error) in typed("pause", folder)[1]
    assert acting.resume(folder, "mine", lambda: False) == "mine goes on"


def test_a_refusal_by_the_trainer_is_told(runs, monkeypatch):
    folder = synthetic.ended_run(runs, reason="stopped", step=12)

    def start(folder):
        attempt = synthetic.begin(folder, resume_from_step=10)
        synthetic.end(folder, attempt, "refused", 10, "other data")
        return SimpleNamespace(attempt=attempt)

    monkeypatch.setattr(launch, "start", start)
    assert str(refused("resume", folder)) == "mine stays stopped: other data"
