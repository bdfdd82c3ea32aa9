"""Following a run: what is shown, Ctrl-C, and how it ends. This process plays trainer."""

from __future__ import annotations

import io
import os
import signal
import threading
from dataclasses import replace

import pytest

from shareconsole.headless import follow, progress
from shareconsole.headless.progress import Lines, Silence, Snapshot, live_lines, plain_line
from shareconsole.store.attempts import read_attempt
from shareconsole.store.control import ControlInbox
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Flag
from tests.cli import synthetic

SNAPSHOT = Snapshot("mine", "running", 412, 1000, 0.4123, 17.24, 400, 0.1234, 0.12)


class Recorder(Silence):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.notes: list[str] = []

    def update(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def note(self, message: str) -> None:
        self.notes.append(message)


def later(seconds: float, action) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


def end_run(folder: RunFolder, reason: str = "stopped") -> None:
    synthetic.end(folder, read_attempt(folder, 1), reason, 12)


def test_a_run_is_followed_to_its_end(runs):
    folder = synthetic.live_run(runs, "mine")
    timer = later(0.15, lambda: end_run(folder, "finished"))
    display = Recorder()
    end = follow.follow(folder, display, follow.Interrupts(), poll_seconds=0.02)
    timer.join()
    assert (end.state.word, end.interrupted, end.left) == ("finished", False, False)
    first, last = display.snapshots[0], display.snapshots[-1]
    assert (first.state, first.step, first.steps, first.name) == ("running", 12, 20, "mine")
    assert (first.evaluated, first.macro_error) == (10, 0.1875)
    assert first.loss == pytest.approx((1 / 12 + 2 / 12) / 2)
    assert last.state == "finished"


def test_speed_and_time_left_come_from_the_steps_seen(runs, monkeypatch):
    now = iter(range(0, 1000, 2))
    monkeypatch.setattr(follow.time, "monotonic", lambda: float(next(now)))
    folder = synthetic.live_run(runs)
    view = follow._View(folder)
    state = follow.derive_state(folder)
    view._note_move(10, state)
    view._note_move(14, state)
    assert view._speed() == 2.0
    view._note_move(14, state)
    assert view._speed() == 2.0
    view._note_move(14, replace(state, word="paused"))
    assert view._speed() is None
    assert Snapshot("", "running", 10, 20, steps_per_second=2.0).seconds_left == 5.0


def test_ctrl_c_asks_for_a_stop_twice_and_then_leaves(runs):
    folder = synthetic.live_run(runs)
    inbox = ControlInbox(folder)
    display = Recorder()
    interrupts = follow.Interrupts()
    before = signal.getsignal(signal.SIGINT)
    with interrupts:
        timers = [
            later(after, lambda: os.kill(os.getpid(), signal.SIGINT)) for after in (0.1, 0.3, 0.5)
        ]
        end = follow.follow(folder, display, interrupts, poll_seconds=0.02)
    for timer in timers:
        timer.join()
    assert signal.getsignal(signal.SIGINT) is before
    assert (end.state.word, end.interrupted, end.left) == ("running", True, True)
    asked = [(request.verb, request.data["now"]) for request in inbox.poll()]
    assert asked == [("stop", False), ("stop", True)]
    assert [note.split(",")[0] for note in display.notes] == [
        "stopping after this step",
        "stopping now",
        f"no longer following {folder.id}; its trainer may still run",
    ]


def test_one_ctrl_c_ends_with_the_run(runs):
    folder = synthetic.live_run(runs)
    interrupts = follow.Interrupts()
    interrupts.count = 1
    timer = later(0.1, lambda: end_run(folder))
    end = follow.follow(folder, Recorder(), interrupts, poll_seconds=0.02)
    timer.join()
    assert (end.state.word, end.interrupted, end.left) == ("stopped", True, False)


def test_sigterm_leaves_the_run_alone(runs):
    folder = synthetic.live_run(runs)
    with follow.Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        end = follow.follow(folder, Recorder(), interrupts, poll_seconds=0.02)
    assert (end.terminated, end.left) == (True, True)
    assert list(folder.control.iterdir()) == []


def test_a_crash_is_believed_at_the_second_look(runs):
    folder = synthetic.crashed_run(runs)
    display = Recorder()
    end = follow.follow(folder, display, follow.Interrupts(), poll_seconds=0.01)
    assert end.state.word == "crashed"
    assert [snapshot.state for snapshot in display.snapshots] == ["crashed", "crashed"]


def test_a_plain_line_holds_what_matters():
    assert plain_line(SNAPSHOT) == (
        "step 412/1,000  41 %  loss 0.412  test error 12.34 % at step 400  17.2 steps/s  eta 34s"
    )
    paused = Snapshot("", "paused", 3, 9)
    assert plain_line(paused) == "step 3/9  33 %  loss -  paused"
    staged = Snapshot("", "running", 3, 9, stage="retrain 1/7")
    assert plain_line(staged) == "step 3/9  33 %  retrain 1/7  loss -"


def test_lines_come_per_evaluation_or_every_few_seconds():
    clock = [0.0]
    stream = io.StringIO()
    lines = Lines(stream, lambda: clock[0])
    seen = []
    for second in range(40):
        clock[0] = float(second)
        evaluated = second // 16 * 16 or None
        lines.update(replace(SNAPSHOT, step=second, evaluated=evaluated))
        if stream.getvalue().count("\n") > len(seen):
            seen.append(second)
    assert seen == [10, 16, 26, 32]
    lines.update(replace(SNAPSHOT, step=40, evaluated=32, state="paused"))
    assert stream.getvalue().endswith("paused\n")
    before = stream.getvalue()
    clock[0] = 500.0
    lines.update(replace(SNAPSHOT, step=40, evaluated=32, state="paused"))
    assert stream.getvalue() == before, "nothing moved, nothing is said"


@pytest.mark.parametrize("width", [1, 5, 20, 40, 80, 120, 300])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_live_lines_fit_any_terminal(width, ascii_only):
    staged = replace(SNAPSHOT, stage="\x1b[2Jretrain 12/600" + "m" * 200)
    for snapshot in (SNAPSHOT, Snapshot("界" * 50 + "\x1b[2J", "starting", 0, 0), staged):
        lines = live_lines(snapshot, width, ascii_only=ascii_only).split("\n")
        assert len(lines) == 2
        assert max(line.cell_len for line in lines) <= width
        assert "\x1b" not in lines[0].plain + lines[1].plain
        assert ("retrain 12" in lines[1].plain) == (snapshot is staged and width >= 80)
        if ascii_only and width > 40:
            assert lines[1].plain.isascii()


def test_the_display_suits_the_stream(monkeypatch):
    assert isinstance(progress.choose_display(io.StringIO(), quiet=False), Lines)
    assert isinstance(progress.choose_display(io.StringIO(), quiet=True), Silence)
    assert isinstance(progress.choose_display(None, quiet=False), Silence)
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setenv("TERM", "xterm-256color")
    display = progress.choose_display(terminal, quiet=False)
    assert isinstance(display, progress.LiveLines)
    display.update(SNAPSHOT)
    display.note("a note \x1b]0;pwned\x07")
    display.close()
    assert "a note \\x1b]0;pwned\\x07" in terminal.getvalue()
    assert "\x1b[?25h" in terminal.getvalue(), "the cursor is shown again"
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.choose_display(terminal, quiet=False), Lines)


def test_pauses_are_told_at_once(runs):
    folder = synthetic.live_run(runs, flags=Flag.PAUSED)
    stream = io.StringIO()
    timer = later(0.1, lambda: end_run(folder))
    follow.follow(folder, Lines(stream), follow.Interrupts(), poll_seconds=0.02)
    timer.join()
    assert "paused" in stream.getvalue().splitlines()[0]
