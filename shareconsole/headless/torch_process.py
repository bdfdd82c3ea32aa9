"""Have something done by a process of its own, which alone loads torch, and hear it out.

The process reads its task from stdin and answers in JSON lines on stdout, objects with a "kind";
the last one is "end", or "error" with a message.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from shareconsole.errors import RunFailedError, ShareconsoleError, UsageError
from shareconsole.launch import trainer_environment
from shareconsole.safe_text import safe_text

_POLL_SECONDS = 0.1
_TAIL_LINES = 15
_END_SECONDS = 10.0


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that starts a module of ours as such a process."""
    # -P: a random.py in the folder that somebody starts it from must not reach it.
    return [sys.executable, "-P", "-m", module, *arguments]


def hear(
    command: Sequence[str],
    task: str,
    threads: int | None,
    interrupts: Callable[[], int],
    called: str,
) -> Iterator[dict[str, Any]]:
    """Start the process and yield what it tells, to the end.

    The first interrupt is passed on to it, the second one ends it; so does the first before it has
    told anything.

    Args:
        command: the process.
        task: what it reads.
        threads: CPU threads for it; None leaves them as they are.
        interrupts: how often somebody asked for an end by now.
        called: what to call it in an error.

    Raises:
        UsageError: it refused the task.
        RunFailedError: it died; the message ends with the last lines it wrote.
    """
    environment = trainer_environment(os.environ, threads)
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaints:
        # A file rather than a pipe: a process that dies before it reads must not take us along.
        asked.write(task.encode())
        asked.seek(0)
        with (
            subprocess.Popen(
                command,
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment,
                # Ctrl-C is ours to pass on, or a second one would cut off the answer to the first.
                start_new_session=True,
            ) as process,
            _ended(process),
        ):
            assert process.stdout is not None
            told = _Told(process.stdout)
            last: dict[str, Any] = {}
            for message in _pressed_on(told, process, interrupts):
                last = message
                if message["kind"] not in ("end", "error"):
                    yield message
            if not (interrupts() > 1 or (interrupts() and not last)):
                _check(process, last, complaints, called)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave nothing behind, whatever happens: neither the process nor those it started."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _pressed_on(
    told: _Told, process: subprocess.Popen[bytes], interrupts: Callable[[], int]
) -> Iterator[dict[str, Any]]:
    """Yield messages until there are no more, passing interrupts on in between."""
    passed = 0
    heard = False
    while not told.over:
        if interrupts() > passed:
            passed = interrupts()
            if passed > 1 or not heard:
                return
            process.send_signal(signal.SIGINT)
        message = told.next()
        if message is not None:
            heard = True
            yield message


class _Told:
    """Messages as they come in, read by a thread so that waiting for them can be interrupted."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.over = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._queue.put(line)
        self._queue.put(b"")

    def next(self) -> dict[str, Any] | None:
        """The next message, None if none comes soon or at all."""
        try:
            line = self._queue.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return None
        self.over = not line
        if not line.endswith(b"\n"):  # the end, or what a process that was killed left of a line
            return None
        message: dict[str, Any] = json.loads(line)
        return message


def _check(
    process: subprocess.Popen[bytes], last: dict[str, Any], complaints: IO[bytes], called: str
) -> None:
    """Raise unless the last message says that the process came to its proper end."""
    if last.get("kind") == "end":
        return
    try:
        code = process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        raise RunFailedError(f"{called} closed its output and went on") from None
    if last.get("kind") == "error":
        message = str(last["message"])
        raise UsageError(message) if code == UsageError.exit_code else ShareconsoleError(message)
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    complaints.seek(0)
    lines = complaints.read().rstrip(b"\n").split(b"\n")[-_TAIL_LINES:]
    tail = "".join(f"\n  {safe_text(line)}" for line in lines if line)
    raise RunFailedError(f"{called} {how}" + ("; it wrote at last:" + tail if tail else ""))
