"""A feed in a thread, and what it posts."""

from __future__ import annotations

import threading
import time

from tests.console.resting import PATIENCE


class Running:
    """A feed in a thread of its own, and what it posted."""

    def __init__(self, feed, interval):
        self.posted = []
        self.failure = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(feed, interval))

    def _run(self, feed, interval):
        try:
            feed.run(self.posted.append, self._stop.is_set, interval)
        except Exception as error:
            self.failure = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self.join()

    def join(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds(self.posted):
            assert time.monotonic() < end, self.posted
            time.sleep(0.005)
