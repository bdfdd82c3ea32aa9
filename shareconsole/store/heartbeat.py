"""A sign of life each second, written in place so that a full disk does not silence it."""

from __future__ import annotations

import enum
import os
import struct
from dataclasses import dataclass
from types import TracebackType
from zlib import crc32

from shareconsole.store.atomic import StoreError, open_regular
from shareconsole.store.folder import RunFolder

# counter, step, flags, seconds since the last step ended, median seconds of a step; then a CRC,
# because a reader may meet the file half rewritten.
_BODY = struct.Struct("<QQQdd")
_CRC = struct.Struct("<I")
_SIZE = _BODY.size + _CRC.size


class Flag(enum.IntFlag):
    """What the trainer is doing besides stepping."""

    PAUSED = 1
    STOPPING = 2
    DISK_FULL = 4
    EVALUATING = 8
    SAVING = 16
    STARTING = 32


@dataclass(frozen=True)
class Beat:
    """One sign of life. ``modified``: the file's mtime, seconds since the epoch."""

    counter: int
    step: int
    flags: Flag
    since_step_seconds: float
    median_step_seconds: float
    modified: float


class Heartbeat:
    """The trainer's end. One thread calls ``beat`` about once a second."""

    def __init__(self, folder: RunFolder) -> None:
        """Open or create the file; counts on from what an earlier attempt left.

        Raises:
            OSError: the file cannot be opened.
        """
        before = read_heartbeat(folder)
        self._counter = before.counter if before else 0
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._fd = os.open(folder.heartbeat, flags, 0o644)
        self._synced = False
        self.last_error: OSError | None = None

    def beat(
        self,
        step: int,
        flags: Flag | int = 0,
        since_step_seconds: float = 0.0,
        median_step_seconds: float = 0.0,
    ) -> bool:
        """Rewrite the file; False, with ``last_error``, where the file system refuses."""
        counter = (self._counter + 1) % 2**64
        body = _BODY.pack(counter, step, int(flags), since_step_seconds, median_step_seconds)
        try:
            os.pwrite(self._fd, body + _CRC.pack(crc32(body)), 0)
            if not self._synced:
                # Has the one block that is ever needed allocated now, before the disk is full.
                os.fsync(self._fd)
                self._synced = True
        except OSError as error:
            self.last_error = error
            return False
        self._counter = counter
        self.last_error = None
        return True

    def close(self) -> None:
        """Close the file. Twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Heartbeat:
        """The heartbeat itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def read_heartbeat(folder: RunFolder) -> Beat | None:
    """The last beat, None if there is none that can be read."""
    try:
        fd = open_regular(os.path.join(folder.path, "heartbeat"))
    except (FileNotFoundError, StoreError):
        return None
    try:
        for _ in range(3):
            data = os.pread(fd, _SIZE + 1, 0)
            body = data[: _BODY.size]
            if len(data) == _SIZE and _CRC.unpack_from(data, _BODY.size)[0] == crc32(body):
                counter, step, flags, since, median = _BODY.unpack(body)
                modified = os.fstat(fd).st_mtime
                return Beat(counter, step, Flag(flags), since, median, modified)
    except OSError:
        return None
    finally:
        os.close(fd)
    return None
