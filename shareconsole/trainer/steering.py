"""What people ask of a running trainer, by request file or by signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shareconsole.store.control import ControlInbox
from shareconsole.store.heartbeat import Flag
from shareconsole.trainer.signals import StopNow

if TYPE_CHECKING:
    from shareconsole.store.control import Request
    from shareconsole.store.folder import RunFolder
    from shareconsole.trainer.journal import Journal
    from shareconsole.trainer.signals import StopSignals


class Steering:
    """Requests and signals, taken between two steps.

    Attributes:
        stop: Whether training should end after the step at hand.
        paused: Whether training should rest.
        checkpoints: Requests for a checkpoint that nobody has answered yet.
    """

    def __init__(self, folder: RunFolder, journal: Journal, signals: StopSignals) -> None:
        """Nothing is asked yet."""
        self.stop = False
        self.paused = False
        self.checkpoints: list[Request] = []
        self._journal = journal
        self._signals = signals
        self._inbox = ControlInbox(folder)
        self._postponed: list[Request] = []

    def take(self) -> None:
        """Take everything that was asked for since the last time.

        Raises:
            StopNow: Somebody wants the run to end at once.
        """
        if self._signals.requested and not self.stop:
            self._begin_stop(now=False, source="signal")
        requests = [*self._postponed, *self._inbox.poll()]
        self._postponed.clear()
        for request in requests:
            if request.verb == "stop":
                self._take_stop(request)
            elif request.verb == "checkpoint":
                self.checkpoints.append(request)
            else:
                self._rest(request)

    def take_only_stop_now(self) -> None:
        """In the middle of an evaluation or of waiting for space; everything else can wait.

        Raises:
            StopNow: Somebody wants the run to end at once.
        """
        self._postponed += self._inbox.poll()
        for request in self._postponed:
            if request.verb == "stop" and request.data.get("now"):
                self._take_stop(request)

    def _take_stop(self, request: Request) -> None:
        now = bool(request.data.get("now"))
        request.done("stopping")
        self._begin_stop(now=now, source="request")
        if now:
            raise StopNow

    def _begin_stop(self, *, now: bool, source: str) -> None:
        self.stop = True
        self._journal.flag(Flag.STOPPING, True)
        self._journal.event("stop_requested", now=now, source=source)

    def _rest(self, request: Request) -> None:
        pause = request.verb == "pause"
        if pause != self.paused:
            self.paused = pause
            self._journal.flag(Flag.PAUSED, pause)
            kind = "paused" if pause else "continued"
            self._journal.event(kind, step=self._journal.step)
        request.done("paused" if pause else "running")
