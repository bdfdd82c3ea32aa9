"""A thread that acts on requests as a trainer does, but for the training."""

from __future__ import annotations

import threading

from shareconsole.store.attempts import read_attempt
from shareconsole.store.control import ControlInbox
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Flag
from tests.cli import synthetic


class Trainer(threading.Thread):
    """Keeps what it is asked in ``seen``; ``after_resume`` is how the run ends once continued."""

    def __init__(self, folder: RunFolder, after_resume: str = "") -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, object]]] = []
        self._folder = folder
        self._after_resume = after_resume
        self._inbox = ControlInbox(folder)
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.005):
            for request in self._inbox.poll():
                self.seen.append((request.verb, dict(request.data)))
                self._act(request.verb)
                request.done("saved" if request.verb == "checkpoint" else request.verb)

    def _act(self, verb: str) -> None:
        if verb == "stop":
            self._end_run("stopped")
        elif verb == "pause":
            synthetic.beat(self._folder, Flag.PAUSED)
        elif verb == "resume":
            synthetic.beat(self._folder)
            if self._after_resume:
                self._end_run(self._after_resume)

    def _end_run(self, reason: str) -> None:
        error = "it broke" if reason == "failed" else ""
        self._folder.metrics(1).touch()
        synthetic.end(self._folder, read_attempt(self._folder, 1), reason, 12, error)

    def close(self) -> None:
        self._end.set()
        self.join()
