"""Times as they are written, and the clock of a file system."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


def utc_now() -> str:
    """The present as ISO 8601 UTC with milliseconds, e.g. ``2026-11-22T01:15:30.123Z``."""
    return iso(datetime.now(UTC))


def iso(moment: datetime) -> str:
    """An aware datetime as ISO 8601 UTC with milliseconds."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def moment(text: str) -> datetime:
    """The aware datetime that an ISO 8601 text means; one without an offset is UTC.

    Raises:
        ValueError: the text is no such time, or one that no run can have been made at.
    """
    found = datetime.fromisoformat(text)
    if not 1970 <= found.year <= 9998:
        # Beyond these, a conversion between offsets can leave the calendar.
        raise ValueError(f"{text} is out of range")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Reading:
    """A time or an age in seconds; ``approximate`` when it is by this machine's own clock."""

    seconds: float
    approximate: bool


class FolderClock:
    """The time as the file system of one folder stamps it on files.

    A run may lie on a server whose clock differs from ours, and the age of a heartbeat is only
    meaningful against a stamp made by the same clock. So a scratch file is made beside the runs
    (never inside one), its mtime read, and the file removed. Read once and then carried forward
    by the monotonic clock: a listing of thousands of runs touches the disk once.
    """

    def __init__(
        self, folder: Path, *, refresh_after: float = 5.0, near_seconds: float = 5.0
    ) -> None:
        """Nothing is touched before the first ``read``.

        An age that our own clock takes for less than ``near_seconds`` is believed as it is.
        """
        self._folder = folder
        self._refresh_after = refresh_after
        self._near_seconds = near_seconds
        self._taken: tuple[float, Reading] | None = None

    def read(self) -> Reading:
        """The present; our own clock, marked approximate, where the folder is not writable."""
        now = time.monotonic()
        if self._taken is None or now - self._taken[0] > self._refresh_after:
            self._taken = (now, self._touch())
        taken_at, reading = self._taken
        return Reading(reading.seconds + (now - taken_at), reading.approximate)

    def age(self, modified: float) -> Reading:
        """Seconds since an mtime of this file system, at least 0."""
        roughly = time.time() - modified
        if abs(roughly) < self._near_seconds:
            # What is as fresh as this by a clock that may be wrong is not worth a scratch file.
            return Reading(max(0.0, roughly), approximate=False)
        now = self.read()
        return Reading(max(0.0, now.seconds - modified), now.approximate)

    def _touch(self) -> Reading:
        path = self._folder / f".clock-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                seconds = os.fstat(fd).st_mtime
            finally:
                os.close(fd)
                os.unlink(path)
        except OSError:
            return Reading(time.time(), approximate=True)
        return Reading(seconds, approximate=False)
