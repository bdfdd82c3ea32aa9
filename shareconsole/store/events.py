"""What happened to a run, a line of JSON each: rare, and readable without tools.

``{"time": ..., "attempt": 1, "kind": "paused", "data": {...}, "crc": "0123abcd"}`` where the crc
is the CRC-32 of the line without it. Readers skip the kinds they do not know.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from zlib import crc32

from shareconsole.store.append import AppendOnlyFile
from shareconsole.store.atomic import StoreError, decode_json, open_regular
from shareconsole.store.clock import utc_now
from shareconsole.store.fields import Fields
from shareconsole.store.folder import RunFolder, attempt_numbers

LINE_LIMIT = 1024 * 1024
_CHUNK = 1024 * 1024
_CRC_KEY = b', "crc": "'
_CRC_LENGTH = len(_CRC_KEY) + 8 + len(b'"}')


@dataclass(frozen=True)
class Event:
    """Something that happened. ``time`` is ISO 8601 UTC."""

    kind: str
    time: str
    attempt: int
    data: Mapping[str, Any]


class Events(list[Event]):
    """Events in the order they happened; ``bad_lines`` were damaged and are left out."""

    bad_lines: int = 0


class EventWriter:
    """Writes one attempt's events; what a full disk refuses waits in memory, in order."""

    def __init__(self, path: Path, attempt: int) -> None:
        """Create the file.

        Raises:
            FileExistsError: another process made it.
            OSError: it cannot be created.
        """
        self._file = AppendOnlyFile(path)
        self._attempt = attempt

    @property
    def backlog_bytes(self) -> int:
        """Bytes that the file system has not taken yet."""
        return self._file.backlog_bytes

    def write(self, kind: str, **data: Any) -> None:
        """Append an event. Numbers that JSON cannot say become texts, other things their repr."""
        obj = {"time": utc_now(), "attempt": self._attempt, "kind": kind, "data": _plain(data)}
        text = json.dumps(obj, allow_nan=False).encode("ascii")
        self._file.write(b'%b%b%08x"}\n' % (text[:-1], _CRC_KEY, crc32(text)))

    def retry(self) -> bool:
        """Try to write what waits; True if nothing waits any more."""
        return self._file.retry()

    def sync(self) -> bool:
        """Make the events survive a power cut."""
        return self._file.sync()

    def close(self) -> bool:
        """Write what waits and close; False if some of it was refused."""
        return self._file.close()

    def __enter__(self) -> EventWriter:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _plain(value: object) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


class EventReader:
    """Reads one attempt's events as they come."""

    def __init__(self, path: Path) -> None:
        """Touches no disk."""
        self.path = path
        self.bad_lines = 0
        self._position = 0
        self._rest = b""

    def poll(self) -> list[Event]:
        """The events since the last poll; a line without its end is waited for."""
        try:
            fd = open_regular(self.path)
        except (FileNotFoundError, StoreError):
            return []
        found = []
        try:
            while data := os.pread(fd, _CHUNK, self._position):
                self._position += len(data)
                *lines, self._rest = (self._rest + data).split(b"\n")
                found += [event for line in lines if (event := self._parse(line)) is not None]
                if len(self._rest) > LINE_LIMIT:
                    # The line is bad in any case; its end must not cost more memory than this.
                    self._rest = self._rest[:LINE_LIMIT]
        except OSError:
            # A device that fails shows as events that do not come; the metrics say why.
            return found
        finally:
            os.close(fd)
        return found

    def _parse(self, line: bytes) -> Event | None:
        try:
            return parse_event(line)
        except StoreError:
            self.bad_lines += 1
            return None


def parse_event(line: bytes) -> Event:
    """One line without its end.

    Raises:
        StoreError: the CRC is wrong, or the line is no event.
    """
    text = line[:-_CRC_LENGTH] + b"}"
    if line[-_CRC_LENGTH:] != b'%b%08x"}' % (_CRC_KEY, crc32(text)):
        raise StoreError("the event's CRC is wrong")
    fields = Fields(decode_json(text, "event"), "event")
    return Event(
        kind=fields.text("kind"),
        time=fields.moment("time"),
        attempt=fields.integer("attempt", 1),
        data=fields.table("data"),
    )


def read_events(folder: RunFolder) -> Events:
    """All events of all attempts, in order. Bad lines are counted, never raised."""
    events = Events()
    for number in attempt_numbers(folder.names(), "events"):
        reader = EventReader(folder.events(number))
        events += reader.poll()
        events.bad_lines += reader.bad_lines
    return events
