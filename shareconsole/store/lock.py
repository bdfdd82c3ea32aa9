"""The one module that opens a run's lock file.

POSIX record locks (``lockf``), because they work on NFS and a forked worker does not keep them;
``flock`` would be inherited. Their trap: closing *any* descriptor of the file drops the lock of
the whole process. So the holder opens the file once and never again: this module keeps a list of
what its own process holds and answers from that, and only other processes open the file, to ask
with F_GETLK, which takes nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import sys
import threading
from types import TracebackType

from shareconsole.errors import LockedError
from shareconsole.store.atomic import StoreError, open_regular
from shareconsole.store.folder import RunFolder

# struct flock: on Linux type, whence, start, len, pid; on macOS and the BSDs start, len, pid,
# type, whence (FreeBSD adds a system id). Native sizes and alignment, as the C compiler lays out.
if sys.platform == "linux":
    _FLOCK = struct.Struct("@hhqqi4x")
    _TYPE_AT, _PID_AT = 0, 4
else:
    _FLOCK = struct.Struct("@qqihhi")
    _TYPE_AT, _PID_AT = 3, 2

_TAKEN = (errno.EACCES, errno.EAGAIN)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)

# What this process holds: (device, inode) -> pid. The pid is there for forks, which inherit the
# list but not the locks.
_held: dict[tuple[int, int], int] = {}
_guard = threading.Lock()


class RunLock:
    """The right to train a run, held for the trainer's life."""

    def __init__(self, fd: int, key: tuple[int, int]) -> None:
        """Use ``acquire``."""
        self._fd = fd
        self._key = key
        self._pid = os.getpid()

    @classmethod
    def acquire(cls, folder: RunFolder) -> RunLock:
        """Take the lock, without waiting.

        Raises:
            LockedError: another process, or this one, holds it.
            StoreError: the file cannot be locked at all.
        """
        with _guard:
            if _holds(folder):
                raise LockedError(f"run {folder.id} is being trained by this very process")
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                fd = os.open(folder.lock, flags, 0o644)
            except OSError as error:
                raise StoreError(f"{folder.lock}: {error.strerror}") from None
            try:
                key = _lock(fd, folder)
            except BaseException:
                # Nothing is lost by closing: this process does not hold the lock.
                os.close(fd)
                raise
            _held[key] = os.getpid()
            return cls(fd, key)

    def release(self) -> None:
        """Give the lock back. The end of the process does the same. Twice is harmless."""
        with _guard:
            if self._fd < 0:
                return
            if self._pid == os.getpid():
                _held.pop(self._key, None)
            # In a fork this closes only the copy; the parent's lock is not the fork's to drop.
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> RunLock:
        """The lock itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release."""
        self.release()


def probe(folder: RunFolder) -> bool:
    """Whether anybody holds the lock. Never takes it, and never drops it, not even the holder's.

    A file that is missing or cannot be asked counts as not held.
    """
    with _guard:
        if _holds(folder):
            return True
        try:
            fd = open_regular(folder.lock)
        except (FileNotFoundError, StoreError):
            return False
        try:
            return _holder(fd) is not None
        finally:
            os.close(fd)


def _holds(folder: RunFolder) -> bool:
    """Whether this process holds it, found out without opening the file."""
    try:
        found = os.stat(folder.lock, follow_symlinks=False)
    except OSError:
        return False
    return _held.get((found.st_dev, found.st_ino)) == os.getpid()


def _lock(fd: int, folder: RunFolder) -> tuple[int, int]:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{folder.lock}: is not a regular file")
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            by = _holder(fd)
            who = f" (process {by})" if by else ""
            message = f"run {folder.id} is being trained by another process{who}; try again later"
            raise LockedError(message) from None
        if error.errno in _UNSUPPORTED:
            raise StoreError(
                f"{folder.lock}: this file system does not support locks ({error.strerror})"
            ) from None
        raise StoreError(f"{folder.lock}: {error.strerror}") from None
    return found.st_dev, found.st_ino


def _holder(fd: int) -> int | None:
    """The pid that holds a lock on the file (0 if it is beyond our sight), None if nobody does."""
    values = [0] * (5 if sys.platform == "linux" else 6)
    values[_TYPE_AT] = fcntl.F_WRLCK
    try:
        answer = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, _FLOCK.pack(*values)))
    except OSError:
        return None
    if answer[_TYPE_AT] == fcntl.F_UNLCK:
        return None
    return max(0, int(answer[_PID_AT]))
