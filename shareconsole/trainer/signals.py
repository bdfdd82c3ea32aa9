"""SIGTERM and SIGINT: the first asks for a stop after the step, the second for a stop at once."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


class StopNow(BaseException):
    """Stop at once, without a checkpoint.

    Not an `Exception`: no error handler on the way may take it for a failure.
    """


class StopSignals:
    """Signal handlers of the trainer process.

    Attributes:
        requested: Whether a signal came.
        armed: Whether a second signal may raise `StopNow`; false while nobody would catch it.
    """

    def __init__(self) -> None:
        """Install the handlers; SIGHUP is ignored, as a terminal may go while training goes on."""
        self.requested = False
        self.armed = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in STOPPING:
            signal.signal(number, self._handle)

    def conclude(self) -> None:
        """From now on a signal cuts nothing short; it only says not to wait for the disk."""
        self.armed = False
        self.requested = False

    @staticmethod
    def ignore_to_the_end() -> None:
        """Everything is on record: what comes while the interpreter goes changes no exit code.

        Python gives signals with handlers of its own their default back on its way out, and then
        one more SIGTERM would make a run that has ended well look killed; ignored ones it leaves.
        """
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.requested and self.armed:
            self.armed = False  # a third one must not interrupt what the second one began
            raise StopNow
        self.requested = True
        # os.write, since print is not safe where the interrupted code may be printing; the file
        # may lie on a full disk, and then nobody hears of it.
        with contextlib.suppress(OSError):
            os.write(1, f"{signal.Signals(number).name}: stopping after this step\n".encode())
