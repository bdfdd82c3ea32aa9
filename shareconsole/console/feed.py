"""Workers that look at run folders again and again and post what is new. They never draw.

Run them in a thread: ``run_worker(partial(feed.run, screen.post_message, stopped), thread=True)``.
What goes wrong with a file is posted; anything else is a mistake of ours and ends the worker.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from textual.message import Message

from shareconsole.console.messages import ActionFailed, RunsListed, SnapshotTaken
from shareconsole.errors import ShareconsoleError
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from shareconsole.console.viewmodel.browser import RunList
    from shareconsole.console.viewmodel.live import LiveSnapshot
    from shareconsole.store.folder import RunFolder

Post = Callable[[Message], object]
"""``post_message`` of whoever shows it; safe to call from any thread."""
ShouldStop = Callable[[], bool]
LIVE_SECONDS = 0.25
BROWSER_SECONDS = 1.0
# So long a worker may outlive the wish that it stop.
_HEARING_SECONDS = 0.1
# Rows are read in short bursts with as long a rest, so that keys are answered meanwhile.
_BURST_SECONDS = 0.02
_POST_SECONDS = 0.25
_MANY = 1000


class _Pause:
    """Sleeps until an interval is over, somebody wakes it, or it is time to stop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._woken = threading.Event()

    def wake(self) -> None:
        self._woken.set()

    def is_called_off(self) -> bool:
        """Whether somebody has woken it already."""
        return self._woken.is_set()

    def until(self, moment: float, should_stop: ShouldStop) -> bool:
        """Wait; True if it is time to stop."""
        while not should_stop():
            left = moment - self._clock()
            if left <= 0 or self._woken.wait(min(left, _HEARING_SECONDS)):
                self._woken.clear()
                return should_stop()
        return True


class _Complaints:
    """Posts what cannot be read, once per text until it can be again."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._last = ""

    def say(self, error: Exception) -> None:
        text = safe_text(error)
        if text != self._last:
            self._last = text
            self._post(ActionFailed(text))

    def calm(self) -> None:
        self._last = ""


class LiveFeed:
    """Posts ``SnapshotTaken`` whenever the run changed, ``ActionFailed`` when it cannot be read."""

    def __init__(self, folder: RunFolder, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Touches no disk and loads nothing heavy. ``clock``: monotonic seconds."""
        self._folder = folder
        self._clock = clock
        self._pause = _Pause(clock)

    def wake(self) -> None:
        """Look again now rather than after the interval; any thread may call it."""
        self._pause.wake()

    def run(self, post: Post, should_stop: ShouldStop, interval: float = LIVE_SECONDS) -> None:
        """Look until told to stop; the first look is posted in any case."""
        # numpy, 0.1 s: loaded here, in the thread, so that the screen is up before it.
        from shareconsole.console.viewmodel.live import LiveReader

        def announce(opening: LiveSnapshot) -> None:
            post(SnapshotTaken(opening))

        reader = LiveReader(self._folder, clock=self._clock, announce=announce)
        complaints = _Complaints(post)
        shown: LiveSnapshot | None = None
        while not should_stop():
            begun = self._clock()
            try:
                snapshot = reader.snapshot()
            except (ShareconsoleError, OSError) as error:
                complaints.say(error)
            else:
                complaints.calm()
                if snapshot is not shown:
                    shown = snapshot
                    post(SnapshotTaken(snapshot))
            # A look that took long is followed by as long a rest.
            now = self._clock()
            if self._pause.until(max(begun + interval, now + (now - begun)), should_stop):
                return


@cache
def _settle_memory() -> None:
    """Once: what has been read stays, and to look through it for garbage would take 80 ms of keys.

    The garbage of the moment is taken away first, or it would stay too.
    """
    gc.collect()
    gc.freeze()


class BrowserFeed:
    """Posts ``RunsListed`` whenever the list changed, ``ActionFailed`` when it cannot be read."""

    def __init__(self, runs: RunList, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Touches no disk. Sort and filter through ``runs`` and then ``wake``."""
        self._runs = runs
        self._clock = clock
        self._pause = _Pause(clock)
        self._window = (0, 60)
        self._backwards = False
        self._posted = -1

    def show(self, first: int, count: int) -> None:
        """Say which places of the listing are visible; they are read first, at once."""
        if (first, count) != self._window:
            self._backwards = first < self._window[0]
            self._window = (first, count)
            if self._runs.pending:
                self.wake()

    def wake(self) -> None:
        """Look again now; any thread may call it."""
        self._pause.wake()

    def run(self, post: Post, should_stop: ShouldStop, interval: float = BROWSER_SECONDS) -> None:
        """Look until told to stop: names first, then what is visible, then everything."""
        complaints = _Complaints(post)
        self._attempt(complaints, self._runs.load_names)
        self._post_news(post)
        refreshed = posted = self._clock()
        while not should_stop():
            if self._attempt(complaints, lambda: self._runs.fill(*self._window)):
                self._post_news(post)
            now = self._clock()
            if now - refreshed >= interval:
                refreshed = now
                self._attempt(complaints, self._runs.refresh)
            pending = self._runs.pending
            if pending:
                self._attempt(complaints, self._read_on)
                pending = self._runs.pending
                if not pending and len(self._runs.listing()) >= _MANY:
                    _settle_memory()
            now = self._clock()
            if not pending or now - posted >= _POST_SECONDS:
                posted = now
                self._post_news(post)
            rest = now + _BURST_SECONDS if pending else refreshed + interval
            if self._pause.until(rest, should_stop):
                return
            # Sorted or filtered meanwhile, by whoever woke us.
            self._post_news(post)

    def _read_on(self) -> bool:
        """Read for a moment: first what somebody comes past who goes on as before."""
        return self._runs.fill_more(
            _BURST_SECONDS,
            self._window[0],
            backwards=self._backwards,
            enough=self._pause.is_called_off,
        )

    def _attempt(self, complaints: _Complaints, action: Callable[[], object]) -> bool:
        """Do it; True if it did something."""
        try:
            return bool(action())
        except (ShareconsoleError, OSError) as error:
            complaints.say(error)
            return False

    def _post_news(self, post: Post) -> None:
        listing = self._runs.listing()
        if listing.version != self._posted:
            self._posted = listing.version
            post(RunsListed(listing))
