"""Only what differs is written, and the terminal shows what it would have shown anyway."""

from __future__ import annotations

import os
import random
import re
import signal
import threading

import psutil
import pytest
from textual.drivers.linux_driver import LinuxDriver

from shareconsole.console.driver import LeanDriver
from shareconsole.console.looks import PLAIN, Looks
from shareconsole.console.screen_diff import ScreenDiff
from tests.console.emulator import Emulator
from tests.console.in_pty import Terminal
from tests.console.varied_runs import varied_runs

CODES = ("1", "2", "4", "7", "38;5;3", "48;5;9", "31", "97", "42", "48;2;1;2;3", "22", "39")
LETTERS = "ab  —●"
WIDE = "日本"
HIDDEN = "\x1b[?25l"
START = "\x1b[?1049h"


def a_write(dice: random.Random, letters: str) -> str:
    """A frame as Textual writes them, only stranger."""
    parts = []
    for _ in range(dice.randint(1, 8)):
        parts.append(f"\x1b[{dice.randint(1, 6)};{dice.randint(1, 20)}H")
        for _ in range(dice.randint(1, 5)):
            codes = ";".join(dice.sample(CODES, dice.randint(1, 3)))
            text = "".join(dice.choice(letters) for _ in range(dice.randint(1, 9)))
            parts.append(dice.choice([f"\x1b[{codes}m{text}\x1b[0m", text]))
        parts.append(dice.choice(["", "", "\x07", HIDDEN, "\n\x1b[1;1H", "\x1b]52;c;eA==\x07"]))
    if dice.random() < 0.05:
        parts.append(dice.choice(["\x1b[>1u", f"{START}\x1b[H"]))
    return "".join(parts)


@pytest.mark.parametrize("letters", [LETTERS, LETTERS + WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("seed", range(6))
def test_the_screen_is_the_same_as_if_all_were_written(seed, letters):
    dice = random.Random(seed)
    diff = ScreenDiff()
    plain, lean = Emulator(60, 6), Emulator(60, 6)
    for _ in range(40):
        data = a_write(dice, letters)
        plain.feed(data)
        lean.feed(diff.least(data))
        assert lean.picture() == plain.picture()
        if dice.random() < 0.1:
            diff.forget()


def test_the_emulator_sees_a_difference():
    one, other = Emulator(9, 1), Emulator(9, 1)
    one.feed("\x1b[1;1H\x1b[31mred\x1b[0m")
    other.feed("\x1b[1;1H\x1b[32mred\x1b[0m")
    assert one.rows() == other.rows() == ["red      "]
    assert one.picture() != other.picture()


def test_what_is_there_already_is_not_written():
    diff = ScreenDiff()
    frame = "\x1b[2;1H\x1b[1;38;5;3mbold\x1b[0m plain\x1b[1;1H"
    assert "bold" in diff.least(frame)
    assert diff.least(frame) == ""
    assert diff.least(frame.replace("plain", "plump")) == ("\x1b[2;8Hump\x1b[1H")


def test_a_look_is_told_by_what_changes_of_it():
    diff = ScreenDiff()
    written = diff.least(
        "\x1b[1;1H\x1b[1;38;5;203;48;5;233mcrashed \x1b[0m\x1b[1;38;5;252;48;5;233mname \x1b[0m"
        "\x1b[38;5;252;48;5;233mpreset\x1b[0m"
    )
    assert written == (
        "\x1b[1H\x1b[1;38;5;203;48;5;233mcrashed \x1b[38;5;252mname \x1b[22mpreset\x1b[0m"
    )


def test_long_stretches_that_stay_are_passed_over():
    diff = ScreenDiff()
    diff.least("\x1b[1;1Ha0123456789b")
    assert diff.least("\x1b[1;1HA0123456789B") == "\x1b[1HA\x1b[10CB"
    assert diff.least("\x1b[1;1HaO123456789b") == "\x1b[1HaO\x1b[9Cb"


def test_after_a_resize_everything_is_written():
    diff = ScreenDiff()
    frame = "\x1b[1;1Htext"
    diff.least(frame)
    diff.forget()
    assert diff.least(frame) == "\x1b[1Htext"


@pytest.mark.parametrize(
    "foreign", ["\x1b[2J", "\x1b[1mA\x1b[4:3mB\x1b[0m", "\x1b[3;4r", START, "\tA", "\x1b[38;7mA"]
)
def test_what_is_not_understood_goes_through_and_nothing_is_relied_on(foreign):
    diff = ScreenDiff()
    diff.least("\x1b[1;1Htext")
    assert diff.least(f"{foreign}\x1b[1;9H").endswith(foreign.rpartition("m")[2] + "\x1b[1;9H")
    assert diff.least("\x1b[1;1Htext").endswith("text")


def test_the_mouse_and_the_bell_make_nothing_forgotten():
    diff = ScreenDiff()
    frame = "\x1b[1;1Htext"
    diff.least(frame)
    for aside in ("\x1b[?1003h", "\x1b[?2026$p", "\x07", "\x1b]0;title\x07"):
        assert diff.least(aside) == aside
    assert diff.least(frame) == ""


def test_looks_are_numbered_anew_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr("shareconsole.console.looks._MOST", 50)
    diff, screen = ScreenDiff(), Emulator(8, 1)
    for colour in range(200):
        screen.feed(diff.least(f"\x1b[1;1H\x1b[38;5;{colour}mA\x1b[0m"))
        assert screen.cells[0][0] == ("A", (f"5;{colour}", "", frozenset()))


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("1;31", "1", "\x1b[39m"),
        ("1;2", "2", "\x1b[0;2m"),
        ("1;2;38;5;203;48;5;233", "2;38;5;203;48;5;233", "\x1b[22;2m"),
        ("4;41", "7", "\x1b[0;7m"),
        ("31", "32", "\x1b[32m"),
        ("48;2;9;9;9", "48;2;9;9;9;9", "\x1b[9m"),
    ],
)
def test_the_shortest_way_from_look_to_look(old, new, change):
    looks = Looks()
    first, second = (looks.after(PLAIN, codes) for codes in (old, new))
    assert looks.change(first, second) == change
    assert looks.after(first, change[2:-1]) == second
    assert looks.after(first, "0") == PLAIN


def ageless(terminal):
    """The rows without what changes by itself."""
    return [re.sub(r"\d+[smhd] *$", "", row) for row in terminal.rows()]


def test_the_console_in_a_terminal_shows_the_same_as_when_it_writes_all_anew(tmp_path):
    """Up, down and across the list; then a resize there and back has every cell written again."""
    varied_runs(tmp_path, 150)
    with Terminal("ui", "--runs", str(tmp_path), size=(100, 20)) as terminal:
        terminal.until(lambda rows: "150 runs" in rows[0] and "reading" not in rows[0])
        for key in ("\x1b[6~", "\x1b[6~", "\x1b[A", "\x1b[5~", "\x1b[F", "\x1b[5~"):
            about = terminal.rows()[-2]
            terminal.press(key)
            terminal.until(lambda rows, about=about: rows[-2] != about)
        for key, sight in (("o", "state▴"), ("?", "pgdn: more")):
            terminal.press(key)
            terminal.until(sight)
        terminal.press("\x1b")
        terminal.until("enter open")
        terminal.read_for(0.3)
        rows = ageless(terminal)
        terminal.resize(99, 20)
        terminal.until("enter open")
        terminal.resize(100, 20)
        terminal.until("enter open")
        terminal.read_for(0.3)
        assert ageless(terminal) == rows


def test_a_console_that_was_put_to_sleep_comes_back_whole(tmp_path):
    varied_runs(tmp_path, 40)
    with Terminal("ui", "--runs", str(tmp_path), size=(100, 20)) as terminal:
        terminal.until(lambda rows: "40 runs" in rows[0] and "reading" not in rows[0])
        terminal.until("r resume")
        terminal.read_for(0.3)
        rows = ageless(terminal)
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.until(lambda rows: terminal.process.status() == psutil.STATUS_STOPPED)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.until(lambda _: ageless(terminal) == rows)
        terminal.press("\x1b[B")
        terminal.until(lambda _: ageless(terminal) != rows)


def test_a_write_in_the_middle_of_another_goes_through(monkeypatch):
    """A signal's handler leaves the screen wherever the console is."""
    written = []

    def write(self, data):
        written.append(data)
        if len(written) == 1:
            driver.write("\x1b[?1049l")

    monkeypatch.setattr(LinuxDriver, "write", write)
    driver = LeanDriver.__new__(LeanDriver)
    driver._diff, driver._order, driver._writing = ScreenDiff(), threading.RLock(), False
    driver.write("\x1b[1;1Htext")
    driver.write("\x1b[1;1Htext")
    assert written == ["\x1b[1Htext", "\x1b[?1049l", "\x1b[1Htext"]
