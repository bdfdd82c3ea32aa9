"""Requests to a running trainer, one file each: ``control/<seq>-stop.json``.

The file's name says what is wanted, so ``touch control/1-stop.json`` works too. The trainer
acknowledges by renaming to ``*.done``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shareconsole.store.atomic import (
    StoreError,
    decode_json,
    encode_json,
    read_bytes,
    sync_folder,
    write_json,
)
from shareconsole.store.clock import utc_now
from shareconsole.store.folder import RunFolder
from shareconsole.store.process import host_name

VERBS = ("stop", "pause", "resume", "checkpoint")
_PENDING = re.compile(r"([0-9]{1,12})-([a-z]+)\.json\Z")
_NUMBERED = re.compile(r"\.?([0-9]{1,12})[-.]")
# After a change was seen, the folder is listed at every poll for this long: a second change
# within the same tick of the file system's clock (2 s on the coarsest) shows no new mtime.
_SETTLE_SECONDS = 2.5
# And at least this often in any case, because a network mount may serve an old mtime.
_RESCAN_SECONDS = 1.0


def request(folder: RunFolder, verb: str, **data: Any) -> Path:
    """File a request; returns its path. It is there whole or not at all.

    Raises:
        ValueError: an unknown verb.
        OSError: the request cannot be filed.
    """
    if verb not in VERBS:
        raise ValueError(f"{verb!r} is not one of {', '.join(VERBS)}")
    obj = {"verb": verb, "data": data, "filed": utc_now(), "host": host_name(), "pid": os.getpid()}
    content = encode_json(obj)
    folder.control.mkdir(exist_ok=True)
    number, claim = _claim_number(folder.control)
    path = folder.control / f"{number:06d}-{verb}.json"
    try:
        with open(claim, "r+b") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(claim, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(claim)
        raise
    sync_folder(folder.control)
    return path


def _claim_number(control: Path) -> tuple[int, Path]:
    """A number that nobody has, and the hidden file that keeps it ours until the rename.

    The claim alone is not enough: between our listing and our claim another may have claimed the
    same number, renamed, and so freed the claim. Hence the second listing.
    """
    while True:
        number = 1 + max(_numbers(control), default=0)
        claim = control / f".{number:06d}.tmp"
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        except FileExistsError:
            continue
        if sum(taken == number for taken in _numbers(control)) == 1:
            return number, claim
        os.unlink(claim)


def _numbers(control: Path) -> list[int]:
    found = (_NUMBERED.match(name) for name in os.listdir(control))
    return [int(match[1]) for match in found if match]


@dataclass(frozen=True)
class Request:
    """One request. ``filed`` is ISO 8601 UTC, empty if the file does not say."""

    verb: str
    data: Mapping[str, Any]
    path: Path
    filed: str = ""
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def done(self, result: str) -> None:
        """Acknowledge: rename to ``*.done``, then note the result in it as far as the disk allows.

        Raises:
            OSError: it cannot be renamed.
        """
        _acknowledge(self.path, self.content, result)


def _acknowledge(path: Path, content: Mapping[str, Any], result: str) -> None:
    if not path.exists():
        # Taken back by whoever filed it, after we read it; there is nothing left to acknowledge.
        return
    with contextlib.suppress(OSError):
        # Before the rename, so that nobody sees an acknowledgement without its result. On a full
        # disk the remark is all that is missing.
        write_json(path, {**content, "result": result, "done": utc_now()}, durable=False)
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, path.with_name(path.name + ".done"))


class ControlInbox:
    """The trainer's end. Every request is handed out once."""

    def __init__(self, folder: RunFolder) -> None:
        """Make ``control/`` if it is missing.

        Raises:
            OSError: it cannot be made.
        """
        folder.control.mkdir(exist_ok=True)
        self._path = str(folder.control)
        self._modified = -1
        self._list_until = 0.0
        self._next_scan = 0.0
        self._handed_out: set[str] = set()

    def poll(self) -> list[Request]:
        """New requests in the order they were numbered. A few microseconds if there are none."""
        try:
            modified = os.stat(self._path).st_mtime_ns
        except OSError:
            return []
        now = time.monotonic()
        if modified != self._modified:
            self._modified = modified
            self._list_until = now + _SETTLE_SECONDS
        elif now > self._list_until and now < self._next_scan:
            return []
        self._next_scan = now + _RESCAN_SECONDS
        return self._list()

    def clear(self, result: str) -> list[Request]:
        """Acknowledge everything that lies here, e.g. what was meant for an earlier attempt."""
        stale = self._list()
        for one in stale:
            one.done(result)
        return stale

    def _list(self) -> list[Request]:
        try:
            names = os.listdir(self._path)
        except OSError:
            return []
        matches = (_PENDING.match(name) for name in names if name not in self._handed_out)
        pending = sorted((int(match[1]), match[0], match[2]) for match in matches if match)
        found = []
        for _, name, verb in pending:
            self._handed_out.add(name)
            path = Path(self._path, name)
            try:
                found.append(_read(path, verb))
            except FileNotFoundError:
                self._handed_out.discard(name)
            except StoreError as error:
                with contextlib.suppress(OSError):
                    # Refused and renamed if possible; in any case it is not looked at again.
                    _acknowledge(path, {}, f"not understood: {error}")
        return found


def _read(path: Path, verb: str) -> Request:
    if verb not in VERBS:
        raise StoreError(f"{verb} is not one of {', '.join(VERBS)}")
    text = read_bytes(path, 65536)
    content = decode_json(text, path) if text.strip() else {}
    data, filed = content.get("data", {}), content.get("filed", "")
    if not isinstance(data, dict) or not isinstance(filed, str):
        raise StoreError(f"{path}: data must be an object and filed a text")
    return Request(verb, data, path, filed, content)
