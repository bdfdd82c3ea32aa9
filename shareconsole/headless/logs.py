"""What the trainer printed, over all attempts, with control characters made visible."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shareconsole.store.clock import FolderClock
from shareconsole.store.folder import launch_logs
from shareconsole.store.status import derive_state

if TYPE_CHECKING:
    from pathlib import Path

    from shareconsole.store.folder import RunFolder

POLL_SECONDS = 0.25
_CHUNK = 1 << 20
# Longer than this a line is passed on in parts, so that no log can fill the memory.
_LONGEST_LINE = 64 * 1024
_LIVE = frozenset({"starting", "running", "paused", "stopping", "stalled"})


@dataclass(frozen=True)
class LogLine:
    """One line of a log, without its line feed; attempt 0 is a start without a number yet."""

    attempt: int
    text: str


class _Tail:
    """Reads a growing file line by line."""

    def __init__(self, path: Path, attempt: int) -> None:
        self._path = path
        self._attempt = attempt
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""

    def lines(self, *, final: bool) -> Iterator[LogLine]:
        """Yield the lines that are new; with ``final`` also a last one without a line feed."""
        try:
            file = self._path.open("rb")
        except OSError:  # not there yet, or already renamed to its attempt's number
            return
        with file:
            file.seek(self._offset)
            while chunk := file.read(_CHUNK):
                self._offset += len(chunk)
                yield from self._split(self._decoder.decode(chunk))
        if final and self._rest:
            yield LogLine(self._attempt, self._rest)
            self._rest = ""

    def _split(self, text: str) -> Iterator[LogLine]:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            yield LogLine(self._attempt, line)
        if len(self._rest) > _LONGEST_LINE:
            yield LogLine(self._attempt, self._rest)
            self._rest = ""


def read_log(folder: RunFolder) -> Iterator[LogLine]:
    """Yield all lines there are, oldest attempt first, then those of a start that never came up."""
    for path, attempt in _files(folder, live=derive_state(folder).word in _LIVE):
        yield from _Tail(path, attempt).lines(final=True)


def follow_log(
    folder: RunFolder,
    *,
    poll_seconds: float = POLL_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine | None]:
    """Yield lines as they come, over all attempts, until no trainer is at work any more.

    A None says that everything there is has been yielded: time to flush.
    """
    tails: dict[str, _Tail] = {}
    clock = FolderClock(folder.path.parent)
    idle = 0
    while True:
        # The state first: what the trainer wrote before it ended is then read below.
        live = derive_state(folder, clock=clock).word in _LIVE
        # A stopped run may be resumed a moment later; two looks tell a hand-over from an end.
        idle = 0 if live else idle + 1
        final = idle > 1
        files = _files(folder, live=live)
        for index, (path, attempt) in enumerate(files):
            if path.name not in tails:
                tails[path.name] = _Tail(path, attempt)
            yield from tails[path.name].lines(final=final or index < len(files) - 1)
        yield None
        if final:
            return
        sleep(poll_seconds)


def _files(folder: RunFolder, *, live: bool) -> list[tuple[Path, int]]:
    numbered = [(folder.log(number), number) for number in folder.attempts()]
    # A start that was refused or died leaves its launch log; one that works renames it, and then
    # its lines would be shown twice, so launch logs count only while no trainer is coming up.
    if live:
        return numbered
    return numbered + [(folder.path / name, 0) for name in sorted(launch_logs(folder.names()))]
