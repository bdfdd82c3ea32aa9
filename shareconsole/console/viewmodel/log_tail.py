"""The last lines that a run's trainer printed; however long the log, only its end is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError, open_regular
from shareconsole.store.folder import launch_logs

if TYPE_CHECKING:
    from pathlib import Path

    from shareconsole.store.folder import RunFolder

LINES = 12
_BYTES = 8192
_LONGEST = 500


class LogTail:
    """Reads the end of the newest log again when it has changed."""

    def __init__(self, folder: RunFolder) -> None:
        """Touches no disk."""
        self._folder = folder
        self._stamp: tuple[Path, int, int] | None = None
        self._lines: tuple[str, ...] = ()

    def update(self, names: list[str], attempt: int) -> tuple[str, ...]:
        """Return at most LINES safe lines; those of ``launch.*`` before the first attempt."""
        path = self._newest(names, attempt)
        if path is None:
            return ()
        try:
            fd = open_regular(path)
        except (FileNotFoundError, StoreError):
            # A launch log is renamed when its attempt begins, a moment after it was listed.
            return self._lines
        try:
            found = os.fstat(fd)
            stamp = (path, found.st_size, found.st_mtime_ns)
            if stamp != self._stamp:
                start = max(0, found.st_size - _BYTES)
                self._lines = _lines(os.pread(fd, _BYTES, start), whole=start == 0)
                self._stamp = stamp
        except OSError as error:
            return (safe_text(f"{path}: {error.strerror}"),)
        finally:
            os.close(fd)
        return self._lines

    def _newest(self, names: list[str], attempt: int) -> Path | None:
        if attempt:
            return self._folder.log(attempt)
        launches = sorted(launch_logs(names))
        return self._folder.path / launches[-1] if launches else None


def _lines(data: bytes, *, whole: bool) -> tuple[str, ...]:
    lines = data.decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")
    if not whole and len(lines) > 1:
        # The first one was cut by where reading began.
        del lines[0]
    shown = (line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines[-LINES:])
    return tuple(safe_text(line) for line in shown) if data else ()
