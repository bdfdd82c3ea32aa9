"""What a run writes about itself: records, events, status, heartbeat.

Nothing here decides anything about training. A full disk loses nothing: records and events wait
in memory, and `blocked` says when so many wait that training has to pause.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import statistics
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shareconsole.store.attempts import end_attempt, update_attempt
from shareconsole.store.clock import utc_now
from shareconsole.store.events import EventWriter
from shareconsole.store.heartbeat import Flag, Heartbeat
from shareconsole.store.records import RecordWriter
from shareconsole.store.status import Status, read_status, write_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shareconsole.store.attempts import Attempt, AttemptExit
    from shareconsole.store.folder import RunFolder
    from shareconsole.store.records import LogSchema

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
BACKLOG_CAP = 2**20
"""Bytes of records that wait in memory for a full disk before training pauses; what waits dies
with the process, so not too many."""

LOG_CAP = 16 * 2**20
"""Bytes of trainer output kept per attempt."""


class Journal:
    """Everything one attempt writes, and the thread that syncs it and beats once a second.

    Use it as a context manager: leaving it ends the thread and closes the logs.
    """

    def __init__(self, folder: RunFolder, attempt: Attempt, *, interval: float = 1.0) -> None:
        """Begin events and heartbeat; records begin with `open_records`.

        Args:
            folder: The run.
            attempt: This attempt as it is on record.
            interval: Seconds between two beats.
        """
        self.folder = folder
        self.attempt = attempt
        self.step = attempt.resume_from_step or 0
        self.flags = Flag.STARTING
        # Until this attempt evaluates, lists go on showing what the one before found.
        hint = read_status(folder)
        self.errors = (hint.macro_error, hint.micro_error) if hint else (None, None)
        self.best_error = hint.best_macro_error if hint else None
        self._events = EventWriter(folder.events(attempt.number), attempt.number)
        self._heartbeat = Heartbeat(folder)
        self._metrics: RecordWriter | None = None
        self._tensors: RecordWriter | None = None
        self._last_step_at = time.monotonic()
        self._recent: deque[float] = deque(maxlen=101)
        # Status and heartbeat are written by the training thread at changes, else by the other.
        self._guard = threading.Lock()
        self._checkpoint_waits = False
        self._interval = interval
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._pulse, name="journal", daemon=True)

    def __enter__(self) -> Journal:
        """Start the thread."""
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the thread and bring everything to disk."""
        self._ended.set()
        self._thread.join()
        for log in self._logs():
            log.close()
        self._heartbeat.close()

    def amend(self, **known: Any) -> None:
        """Add to the attempt's record what it did not know when it began."""
        self.attempt = replace(self.attempt, **known)
        with contextlib.suppress(OSError):
            # It is written again, whole, when the attempt ends.
            update_attempt(self.folder, self.attempt)
        # Readers take a beat older than this file for one of the attempt before.
        self._beat()

    def conclude(self, end: AttemptExit, give_up: Callable[[], bool]) -> None:
        """Record how the attempt ended, after everything that came before it is on disk.

        Waits for as long as the file system refuses something, which `Flag.DISK_FULL` shows;
        `give_up` is asked once a second whether to stop waiting.
        """
        self.retry()
        while self.waiting and not give_up():
            time.sleep(self._interval)
            self.retry()
        self.sync()
        while True:
            try:
                self.attempt = end_attempt(self.folder, self.attempt, end)
                break
            except OSError as error:
                print(f"cannot record the end of this attempt: {error}", flush=True)
            if give_up():
                break
            self.flag(Flag.DISK_FULL, True)
            time.sleep(self._interval)
        self.write_status()

    # -- records -----------------------------------------------------------------------------

    def open_records(self, metrics: LogSchema, tensors: LogSchema) -> None:
        """Begin this attempt's logs."""
        number = self.attempt.number
        self._metrics = RecordWriter(self.folder.metrics(number), metrics, backlog_cap=BACKLOG_CAP)
        self._tensors = RecordWriter(self.folder.tensors(number), tensors, backlog_cap=BACKLOG_CAP)
        self.flag(Flag.STARTING, False)

    @property
    def recording(self) -> bool:
        """Whether this attempt has begun its records; until then it has changed nothing."""
        return self._metrics is not None

    def row(self, table: str, step: int, values: Sequence[float]) -> None:
        """Log one row of a table of the metrics log."""
        assert self._metrics is not None
        self._metrics.row(table, step, values)

    def tensor(self, kind: str, step: int, array: NDArray[np.generic]) -> None:
        """Log one tensor."""
        assert self._tensors is not None
        self._tensors.tensor(kind, step, array)

    def repeat_schemas(self) -> None:
        """Write the schemas once more, for readers of a log whose beginning was damaged."""
        for writer in self._writers():
            writer.repeat_schema()

    def sync(self) -> bool:
        """Bring all records to disk; False if some wait for space or the sync failed."""
        synced = [writer.sync() for writer in self._writers()]  # each of them, whatever came before
        return all(synced)

    # -- events, status, heartbeat -------------------------------------------------------------

    def event(self, kind: str, **data: object) -> None:
        """Log an event; it waits in memory while the disk is full."""
        self._events.write(kind, **data)

    def stepped(self, step: int) -> None:
        """Note that `step` is done, for speed, heartbeat and status."""
        now = time.monotonic()
        self._recent.append(now - self._last_step_at)
        self._last_step_at = now
        self.step = step

    def evaluated(self, macro: float, micro: float, *, best_macro: float | None) -> None:
        """Note what an evaluation found, fractions as they are on record, and show it.

        Args:
            macro: mean error over tasks.
            micro: mean error over images.
            best_macro: the least of this stage, None where none was found.
        """
        self.errors = (macro, micro)
        self.best_error = best_macro
        self.write_status()

    def skip_time(self) -> None:
        """Leave the time since the last step out of the speed: it was a pause or an evaluation."""
        self._last_step_at = time.monotonic()

    def flag(self, flag: Flag, on: bool) -> None:
        """Raise or lower a flag and show it at once."""
        flags = self.flags | flag if on else self.flags & ~flag
        if flags != self.flags:
            self.flags = flags
            self._beat()

    @contextmanager
    def flagged(self, flag: Flag) -> Iterator[None]:
        """Show a flag for as long as something takes its time without a step."""
        self.flag(flag, True)
        try:
            yield
        finally:
            # In this order, or the first beat without the flag tells of a long time without step.
            self.skip_time()
            self.flag(flag, False)

    def write_status(self) -> None:
        """Write status.json now; it is only a hint, so one that cannot be written is left out.

        Until there are records to tell of, what the attempt before left there stands.
        """
        if not self.recording:
            return
        with self._guard, contextlib.suppress(OSError):
            write_status(self.folder, self._status())

    def _status(self) -> Status:
        median = self._median_step()
        macro, micro = (
            value if value is not None and math.isfinite(value) else None for value in self.errors
        )
        return Status(
            step=self.step,
            steps=self.attempt.steps,
            attempt=self.attempt.number,
            macro_error=macro,
            micro_error=micro,
            steps_per_second=1 / median if median else None,
            updated=utc_now(),
            best_macro_error=self.best_error,
        )

    def retry(self) -> None:
        """Try again to write what waits for disk space, and say when that begins or ends."""
        for log in self._logs():
            if log.backlog_bytes:
                log.retry()
        self._show_full_disk()

    def checkpoint_waits(self, waits: bool) -> None:
        """Tell whether a checkpoint waits for space on the disk."""
        self._checkpoint_waits = waits
        self._show_full_disk()

    def _show_full_disk(self) -> None:
        waits = self.waiting or self._checkpoint_waits
        if waits != bool(self.flags & Flag.DISK_FULL):
            self.flag(Flag.DISK_FULL, waits)
            self.event("disk_full" if waits else "disk_recovered")

    @property
    def blocked(self) -> bool:
        """Whether so much waits for disk space that training must pause."""
        return any(writer.blocked for writer in self._writers())

    @property
    def waiting(self) -> bool:
        """Whether anything waits for disk space."""
        return any(log.backlog_bytes for log in self._logs())

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _logs(self) -> list[RecordWriter | EventWriter]:
        return [*self._writers(), self._events]

    def _writers(self) -> list[RecordWriter]:
        return [writer for writer in (self._metrics, self._tensors) if writer is not None]

    def _median_step(self) -> float:
        recent = list(self._recent)
        return statistics.median(recent) if recent else 0.0

    def _beat(self) -> None:
        since = time.monotonic() - self._last_step_at
        with self._guard:
            # A refused beat needs no answer here: readers see that the heartbeat stands still.
            self._heartbeat.beat(self.step, self.flags, since, self._median_step())

    def _pulse(self) -> None:
        written_step = -1
        try:
            while not self._ended.wait(self._interval):
                self._beat()
                # fdatasync from here, so that the training thread never waits for the disk
                self.sync()
                if self.step != written_step:
                    written_step = self.step
                    self.write_status()
                _cap_output(LOG_CAP)
        except BaseException as error:
            self._failure = error  # the training thread raises it at its next step
            raise


def _cap_output(cap: int) -> None:
    """Send this process's output nowhere once its log file has grown past `cap` bytes."""
    if os.fstat(1).st_size < cap:
        return
    print(f"output capped at {cap} bytes", flush=True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
