"""A file that only grows, and that survives a full disk without losing or reordering a byte."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from shareconsole.store.atomic import sync_folder


class AppendOnlyFile:
    """A new file of our own, appended to with one ``write`` per call.

    What the file system does not take (disk full, quota, a failing device, a short write) waits
    in memory, and everything after it queues behind, so the file is always a prefix of what was
    handed in. Every later write tries the queue first.

    ``sync`` may be called from another thread; everything else belongs to one thread.
    """

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            FileExistsError: nothing that another process began is ever appended to.
            OSError: it cannot be created.
        """
        self.path = path
        self.last_error: OSError | None = None
        self._backlog = bytearray()
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o666)
        self._name_synced = False
        # Keeps close() from handing the descriptor's number to another file during a sync.
        self._closing = threading.Lock()

    @property
    def backlog_bytes(self) -> int:
        """Bytes handed in but not yet taken by the file system."""
        return len(self._backlog)

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._fd < 0

    def write(self, data: bytes) -> bool:
        """Append ``data``; False if any of it (or of what came before) had to wait.

        Raises:
            ValueError: the file is closed.
        """
        if self._backlog:
            self._backlog += data
            return self.retry()
        if self._fd < 0:
            raise ValueError(f"{self.path} is closed")
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            self.last_error = error
            self._backlog += data
            return False
        if written == len(data):
            return True
        self._backlog += data[written:]
        return self.retry()

    def retry(self) -> bool:
        """Try to write what waits; True if nothing waits any more.

        Raises:
            ValueError: the file is closed.
        """
        if self._fd < 0:
            raise ValueError(f"{self.path} is closed")
        while self._backlog:
            try:
                written = os.write(self._fd, self._backlog)
            except OSError as error:
                self.last_error = error
                return False
            if written == 0:
                return False
            del self._backlog[:written]
        self.last_error = None
        return True

    def sync(self) -> bool:
        """Make what was written survive a power cut; False if that failed or if bytes wait.

        The error is then in ``last_error``.
        """
        with self._closing:
            if self._fd < 0:
                return False
            try:
                _sync_data(self._fd)
                if not self._name_synced:
                    sync_folder(self.path.parent)
                    self._name_synced = True
            except OSError as error:
                self.last_error = error
                return False
        if self._backlog:
            return False
        self.last_error = None
        return True

    def close(self) -> bool:
        """Try the queue a last time and close; False if bytes were left behind."""
        if self._fd >= 0:
            self.retry()
            with self._closing:
                fd, self._fd = self._fd, -1
                os.close(fd)
        return not self._backlog


# macOS has no fdatasync.
_sync_data = getattr(os, "fdatasync", os.fsync)
