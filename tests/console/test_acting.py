"""What a person asks of a run: pause, resume, stop, checkpoint, and the question before a stop."""

from __future__ import annotations

import pytest

from shareconsole.console.acting import fits
from shareconsole.console.screens.confirm import ConfirmStop
from shareconsole.store.control import ControlInbox
from tests.cli import synthetic
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (ConfirmStop,)


def verbs(trainer):
    return [verb for verb, _ in trainer.seen]


@pytest.mark.parametrize("opened", [False, True], ids=["from the list", "on its own screen"])
def test_p_r_c_and_s_act_on_the_run(runs, training, opened):
    folder, trainer = training

    async def act(d):
        await d.until("● running")
        await d.press("c")
        await d.until("trained saved a checkpoint")
        await d.press("p")
        await d.until("= paused")
        await d.until(lambda: "resume" in d.rows()[-1])
        assert "pause" not in d.rows()[-1]
        await d.press("r")
        await d.until("● running")
        await d.press("s")
        await d.until("Stop trained?")
        await d.press("y")
        await d.until("■ stopped")
        await d.press("s", "p", "c")
        await d.until("cannot stop trained: it is stopped")
        await d.until("cannot pause")
        await d.until("cannot checkpoint")

    drive(runs, act, run=folder if opened else None)
    assert verbs(trainer) == ["checkpoint", "pause", "resume", "stop"]
    assert trainer.seen[-1][1] == {"now": False}


def test_the_question_before_a_stop(runs):
    folder = synthetic.live_run(runs, "trained")

    async def act(d):
        def closed():
            return d.screen() == "LiveScreen"

        walk = Walk(d, ConfirmStop)
        await d.until("● running")
        for key, sight in (
            ("escape", closed),
            ("n", closed),
            ("y", "trained has been asked to stop"),
            ("x", "trained has been asked to stop at once"),
        ):
            await d.press("s")
            await d.until("Stop trained?")
            await walk(key, sight)
        walk.over()

    drive(runs, act, run=folder)
    asked = [(request.verb, request.data) for request in ControlInbox(folder).poll()]
    assert asked == [("stop", {"now": False}), ("stop", {"now": True})]


def test_no_two_answers_to_the_question_are_one_letter():
    keys = [key for binding in ConfirmStop.BINDINGS for key in binding.key.split(",")]
    assert len({key.lower() for key in keys}) == len(keys)


def test_a_paused_run_is_left_as_it_is(runs, training):
    folder, trainer = training

    async def act(d):
        await d.until("● running")
        await d.press("s")
        await d.until("Keep training")
        await d.press("enter", "n", "p")
        await d.until("= paused")
        await d.press("s")
        await d.until("Leave it as it is")
        assert "Keep training" not in d.text()
        await d.press("N", "enter")
        assert d.screen() == "ConfirmStop"
        await d.press("n")
        await d.until("= paused")

    drive(runs, act, run=folder)
    assert verbs(trainer) == ["pause"]


def test_r_restarts_what_ended(runs, monkeypatch):
    crashed = synthetic.crashed_run(runs, "gone")
    synthetic.save(crashed)
    started = []

    class Started:
        class attempt:
            number = 2

    monkeypatch.setattr(
        "shareconsole.launch.start", lambda folder: started.append(folder.id) or Started
    )

    async def act(d):
        await d.until("r resumes from the last checkpoint")
        assert "crashed" in d.text()
        assert "and then" in d.text()
        await d.press("r")
        await d.until("gone goes on as attempt 2")

    drive(runs, act, run=crashed)
    assert started == [crashed.id]


def test_r_tells_why_a_run_cannot_go_on(runs, ended):
    async def act(d):
        await d.until("finished")
        await d.press("r")
        await d.until("--steps N")

    drive(runs, act, run=ended)


def test_q_quits_and_says_what_trains_on(runs, training):
    folder, _ = training

    async def act(d):
        await d.until("● running")
        await d.press("q")

    app = drive(runs, act, run=folder)
    assert app.return_code == 0
    assert f"shareconsole attach {folder.id} --runs {runs}" in app.parting


def test_what_fits_a_state():
    assert fits("pause", "running")
    assert fits("resume", "paused")
    assert fits("resume", "crashed")
    assert not fits("resume", "finished")
    assert not fits("resume", "unreadable")
    assert not fits("stop", "stopped")
