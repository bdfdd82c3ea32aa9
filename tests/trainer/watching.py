"""Look at a run, and act on it from another thread while it trains."""

from __future__ import annotations

import threading
import time

from shareconsole.store import control
from shareconsole.store.events import read_events
from shareconsole.store.reader import RunLog
from shareconsole.store.status import Status, read_status
from shareconsole.trainer.journal import Journal


def kinds(folder) -> list[str]:
    return [event.kind for event in read_events(folder)]


def wait_until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def statuses(folder, monkeypatch) -> list[Status]:
    """A list that fills with every hint that is written from now on."""
    told: list[Status] = []
    written = Journal.write_status

    def noting(journal) -> None:
        written(journal)
        # The other thread's come between a step and its evaluation.
        if threading.current_thread() is threading.main_thread():
            told.append(read_status(folder))

    monkeypatch.setattr(Journal, "write_status", noting)
    return told


class While:
    """Act from another thread once the run has passed a step; errors are raised at exit."""

    def __init__(self, folder, action, step: int = 2) -> None:
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(folder, action, step))

    def _run(self, folder, action, step) -> None:
        try:
            log = RunLog(folder)

            def reached() -> bool:
                log.refresh()
                return len(log.table("step")) >= step

            wait_until(reached)
            action()
        except BaseException as error:
            self.error = error
            control.request(folder, "stop", now=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *exception) -> None:
        self.thread.join()
        if self.error is not None:
            raise self.error
