"""All that a run's trainers printed, read as it grows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError, open_regular
from shareconsole.store.folder import attempt_numbers, launch_logs

if TYPE_CHECKING:
    from pathlib import Path

    from shareconsole.store.folder import RunFolder

MOST_LINES = 5000
"""So many of an attempt's last lines are kept."""
_CHUNK = 1 << 20
_LONGEST = 4000


@dataclass(frozen=True)
class LogPart:
    """What one attempt printed. Lines are safe; ``left_out`` says that there were more before."""

    title: str
    lines: tuple[str, ...]
    left_out: bool = False


class _File:
    """The end of one growing file."""

    def __init__(self, path: Path, title: str) -> None:
        self._path = path
        self._title = title
        self._offset = -1
        self._rest = b""
        self._lines: list[str] = []
        self._left_out = False
        self.part = LogPart(title, ())

    def update(self) -> bool:
        try:
            fd = open_regular(self._path)
        except (FileNotFoundError, StoreError):
            # Not there yet, or renamed to its attempt's number a moment ago.
            return False
        try:
            size = os.fstat(fd).st_size
            if self._offset < 0 or size < self._offset:
                self._offset = max(0, size - _CHUNK)
                self._left_out = self._offset > 0
                self._lines, self._rest = [], b""
            data = os.pread(fd, min(_CHUNK, size - self._offset), self._offset)
        finally:
            os.close(fd)
        if not data:
            return False
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._lines += [_shown(line) for line in whole]
        if len(self._lines) > MOST_LINES:
            del self._lines[:-MOST_LINES]
            self._left_out = True
        last = [_shown(self._rest)] if self._rest else []
        self._rest = self._rest[:_CHUNK]
        self.part = LogPart(self._title, (*self._lines, *last), self._left_out)
        return True


class WholeLog:
    """The logs of all attempts, and of a start that never became one."""

    def __init__(self, folder: RunFolder) -> None:
        """Touches no disk."""
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._names: list[str] = []

    def update(self) -> tuple[LogPart, ...] | None:
        """Read what is new; None if nothing is. Oldest first.

        Raises:
            OSError: a log is there and cannot be read.
        """
        names = self._folder.names()
        numbers = attempt_numbers(names, "log")
        wanted = {self._folder.log(n).name: f"attempt {n}" for n in numbers}
        wanted |= dict.fromkeys(sorted(launch_logs(names)), "a start without an attempt")
        changed = list(wanted) != self._names
        self._names = list(wanted)
        for name, title in wanted.items():
            if name not in self._files:
                self._files[name] = _File(self._folder.path / name, title)
            changed |= self._files[name].update()
        return tuple(self._files[name].part for name in wanted) if changed else None


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace")
    return safe_text(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
