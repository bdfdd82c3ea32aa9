"""The console as people start it: a process on a terminal of its own, timed and counted."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.console.emulator import Emulator

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds until a test gives up; only a test that fails waits that long."""


class Terminal:
    """A terminal with the command in its foreground. ``output`` is all that it was sent.

    Args:
        words: of the command line, after ``shareconsole``.
        size: columns and rows.
        bytes_per_second: how fast the line behind the terminal is; None takes all at once.
        start: how the process is told to begin, for odd parents.
        environment: on top of this one's.
    """

    def __init__(
        self,
        *words: str,
        size: tuple[int, int] = (120, 36),
        bytes_per_second: float | None = None,
        start: Callable[[], None] = lambda: None,
        program: tuple[str, ...] = ("-m", "shareconsole"),
        **environment: str,
    ) -> None:
        self.output = b""
        self._screen = Emulator(*size)
        self._shown = 0
        self._speed = bytes_per_second
        self._free_at = 0.0
        self.started = time.monotonic()
        env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
        for name in ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES"):
            if name not in environment:
                env.pop(name, None)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                width, height = size
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
                start()
                os.execve(sys.executable, [sys.executable, *program, *words], env)
            os._exit(99)
        self.process = psutil.Process(self.pid)
        self._status: int | None = None

    def read(self, seconds: float) -> int:
        """Wait ``seconds`` for something to come, and take it; returns how many bytes it was."""
        before, until = len(self.output), time.monotonic() + seconds
        while len(self.output) == before and (left := until - time.monotonic()) > 0:
            if self._speed is not None and self._free_at > time.monotonic():
                time.sleep(max(0.0, min(left, self._free_at - time.monotonic())))
            elif select.select([self.fd], [], [], left)[0] and not self._take():
                break
        return len(self.output) - before

    def read_for(self, seconds: float) -> int:
        """Take all that comes for ``seconds``; returns how many bytes it was."""
        before, until = len(self.output), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)
        return len(self.output) - before

    def _take(self) -> bool:
        try:
            data = os.read(self.fd, 65536 if self._speed is None else 1024)
        except OSError as error:
            if error.errno != errno.EIO:  # what Linux says once the last writer has closed
                raise
            return False
        self.output += data
        if self._speed is not None:
            self._free_at = max(self._free_at, time.monotonic()) + len(data) / self._speed
        return bool(data)

    def wait_for(self, text: str) -> float:
        """Return the seconds since the start of the process until the text was written."""
        wanted = text.encode()
        until = time.monotonic() + PATIENCE
        while wanted not in self.output:
            assert time.monotonic() < until, self.text()[-3000:]
            self.read(0.05)
        return time.monotonic() - self.started

    def rows(self) -> list[str]:
        """What a person sees; written texts are not, as only what differs is written."""
        self._screen.feed(self.output[self._shown :])
        self._shown = len(self.output)
        return self._screen.rows()

    def until(self, sight: str | Callable[[list[str]], object]) -> None:
        """Wait until a text is on the screen, or until something holds for its rows."""
        end = time.monotonic() + PATIENCE
        while True:
            rows = self.rows()
            if any(sight in row for row in rows) if isinstance(sight, str) else sight(rows):
                return
            assert time.monotonic() < end, "\n".join(rows)
            self.read(0.05)

    def press(self, keys: str) -> int:
        """Type; returns how much had been written by then."""
        at = len(self.output)
        os.write(self.fd, keys.encode())
        return at

    def key_to_screen(self, keys: str) -> float:
        """Seconds from a key until the last of what it changed is through, and 30 ms are quiet."""
        self.read_for(0.2)
        begun = last = time.monotonic()
        self.press(keys)
        while time.monotonic() - last < 0.03 or (last == begun and time.monotonic() - begun < 2):
            if self.read(0.03):
                last = max(time.monotonic(), self._free_at)
        return last - begun

    def first_answer(self, keys: str) -> float:
        """Seconds from a key until the first byte of what it changed."""
        self.read_for(0.2)
        begun = time.monotonic()
        self.press(keys)
        while not self.read(0.05):
            assert time.monotonic() - begun < PATIENCE
        return time.monotonic() - begun

    def resize(self, width: int, height: int) -> None:
        self.rows()
        self._screen = Emulator(width, height)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def text(self) -> str:
        return self.output.decode("utf-8", "replace")

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def hang_up(self) -> None:
        os.close(self.fd)
        self.fd = -1

    def wait(self) -> int:
        """Return the exit code, negative for a signal."""
        until = time.monotonic() + PATIENCE
        while not self.has_ended():
            assert time.monotonic() < until, self.text()[-3000:]
            if self.fd >= 0:
                self.read(0.02)
            else:
                time.sleep(0.02)
        assert self._status is not None
        return os.waitstatus_to_exitcode(self._status)

    def has_ended(self) -> bool:
        """Whether the process is gone; other than ``wait``, takes nothing that it wrote."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = status
        return self._status is not None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._status is None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)


def console(runs: Path, *words: str, **more: Any) -> Terminal:
    """``shareconsole`` with these words on these runs, in a terminal of 100 x 30."""
    return Terminal(*words, "--runs", str(runs), size=(100, 30), **more)
