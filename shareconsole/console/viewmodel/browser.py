"""The list of runs: names at once, what is visible next, the rest in spare time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.console.viewmodel.listing import RunListing, RunRow, ordered
from shareconsole.console.viewmodel.run_names import run_names
from shareconsole.errors import UsageError
from shareconsole.safe_text import safe_text
from shareconsole.store.clock import FolderClock
from shareconsole.store.folder import RunFolder
from shareconsole.store.index import summarise

if TYPE_CHECKING:
    from shareconsole.store.filters import Filter
    from shareconsole.store.index import RunSummary

__all__ = ["SORT_KEYS", "RunList", "RunListing", "RunRow"]

SORT_KEYS: tuple[str, ...] = (
    "created", "id", "name", "state", "preset", "method", "data", "seed", "step", "steps",
    "macro_error", "micro_error", "best_macro_error", "updated",
)  # fmt: skip
"""What ``RunList.sort`` takes, each also with ``-`` in front for the reverse."""
NEWEST_FIRST = "-created"
# In these states nothing moves without a change in the run's folder, whose mtime shows it. All
# others have to be derived anew: a trainer that was killed changes no file.
_AT_REST = frozenset({"finished", "stopped", "failed", "crashed", "unreadable", "queued"})
# A change within the same tick of the file system's clock as the last look shows no new mtime.
_SETTLE_SECONDS = 2.5
_RESCAN_SECONDS = 10.0
_SLICE = 256
_SPARE_SECONDS = 0.01
_NEW_AT_ONCE = 32


class RunList:
    """The runs of one folder. Any thread may call anything; no lock is held while reading."""

    def __init__(self, runs_dir: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Touches no disk. ``clock``: monotonic seconds."""
        self.runs_dir = runs_dir
        self._clock = clock
        self._stamps = FolderClock(runs_dir)
        self._guard = threading.RLock()
        self._names: list[str] = []
        self._present: frozenset[str] = frozenset()
        self._summaries: dict[str, RunSummary] = {}
        self._modified: dict[str, int] = {}
        self._restless: set[str] = set()
        self._visible: tuple[str, ...] = ()
        self._key = NEWEST_FIRST
        self._text = ""
        self._filter: Filter | None = None
        self._problem = ""
        self._version = 0
        self._listing: RunListing | None = None
        self._folder_modified = -1
        self._scanned = 0.0
        self._turn = 0
        self._next_restless = -1

    def load_names(self) -> None:
        """List the folder: one scandir, no file is opened."""
        problem = ""
        try:
            self._folder_modified = os.stat(self.runs_dir).st_mtime_ns
            names = run_names(self.runs_dir)
        except FileNotFoundError:
            names = []
        except OSError as error:
            names, problem = self._names, f"runs folder {self.runs_dir}: {error.strerror}"
        self._scanned = self._clock()
        with self._guard:
            if names != self._names or safe_text(problem) != self._problem:
                for name in self._present.difference(names):
                    self._forget(name)
                self._names, self._present = names, frozenset(names)
                self._problem = safe_text(problem)
                self._changed()

    def listing(self) -> RunListing:
        """Return the list as it is known; the same object if nothing changed."""
        with self._guard:
            if self._listing is None:
                self._listing = RunListing(
                    ids=ordered(self._names, self._summaries, self._key, self._filter),
                    summaries=dict(self._summaries),
                    total=len(self._names),
                    sort_key=self._key,
                    filter_text=self._text,
                    problem=self._problem,
                    version=self._version,
                )
            return self._listing

    @property
    def pending(self) -> int:
        """How many runs have not been read yet."""
        with self._guard:
            return len(self._names) - len(self._summaries)

    def fill(self, first: int, count: int) -> bool:
        """Read the runs at these places of the present listing; True if a row changed.

        They count as visible from now on: ``refresh`` looks after them first.
        """
        ids = self.listing().ids[max(0, first) : max(0, first) + max(0, count)]
        with self._guard:
            self._visible = ids
            missing = [name for name in ids if name not in self._summaries]
        return self._read(missing)

    def fill_more(
        self,
        seconds: float,
        first: int = 0,
        *,
        backwards: bool = False,
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Read runs that have not been read, for about that long; True if a row changed.

        They are taken in the order in which somebody at place ``first`` comes past them who goes
        down the list, or up if ``backwards``; those that are not shown at all come last. ``enough``
        is asked after each whether to leave it at that.
        """
        end = self._clock() + seconds
        changed = False
        ids = self.listing().ids
        first = max(0, first)
        above, below = reversed(ids[:first]), ids[first:]
        for name in chain(*((above, below) if backwards else (below, above)), self._names):
            if name not in self._summaries:
                changed |= self._read([name])
                if self._clock() >= end or enough():
                    break
        return changed

    def refresh(self) -> bool:
        """Notice new runs, vanished ones and changed states; True if anything changed.

        What is visible is looked at each time; of the others some, in turn: as many live ones as
        fit in 10 ms, and 256 that are at rest.
        """
        before = self._version
        if self._names_are_due():
            self.load_names()
        with self._guard:
            visible = [name for name in self._visible if name in self._summaries]
            known = set(self._summaries)
            fresh = [name for name in self._names[:_NEW_AT_ONCE] if name not in known]
            restless = [name for name in self._names if name in self._restless]
            resting = [name for name in self._names if name in known and name not in self._restless]
        # Only a few new ones at the top: before the first filling there may be thousands.
        self._read(fresh)
        self._look_again(visible)
        self._read_in_turn(restless)
        self._turn += 1
        slices = max(1, -(-len(resting) // _SLICE))
        self._look_again(resting[self._turn % slices :: slices])
        return self._version != before

    def _read_in_turn(self, names: list[str]) -> None:
        """Read as many as there is time for, going on next time where this time ends."""
        end = self._clock() + _SPARE_SECONDS
        for _ in range(len(names)):
            self._next_restless = (self._next_restless + 1) % len(names)
            self._read([names[self._next_restless]])
            if self._clock() >= end:
                break

    def sort(self, key: str) -> None:
        """Order by a key of SORT_KEYS, ``-key`` for the reverse; ``-created`` is the default.

        Raises:
            UsageError: an unknown key.
        """
        if key.removeprefix("-") not in SORT_KEYS:
            raise UsageError(f"cannot sort by {key!r}; known: {', '.join(SORT_KEYS)}")
        with self._guard:
            if key != self._key:
                self._key = key
                self._changed()

    def filter(self, text: str) -> None:
        """Show only runs that match, in the language of ``store.filters``; empty shows all.

        Raises:
            UsageError: the text is no filter; what is shown stays as it was.
        """
        from shareconsole.store.filters import parse_filter

        wanted = parse_filter(text) if text.strip() else None
        with self._guard:
            if text != self._text:
                self._filter, self._text = wanted, safe_text(text)
                self._changed()

    def _changed(self) -> None:
        self._version += 1
        self._listing = None

    def _forget(self, name: str) -> None:
        self._summaries.pop(name, None)
        self._modified.pop(name, None)
        self._restless.discard(name)

    def _names_are_due(self) -> bool:
        if self._clock() - self._scanned > _RESCAN_SECONDS:
            # A network mount may serve an old mtime for a while.
            return True
        try:
            modified = os.stat(self.runs_dir).st_mtime_ns
        except OSError:
            return True
        return modified != self._folder_modified or _is_recent(modified)

    def _look_again(self, names: Iterable[str]) -> None:
        """Read those again whose folder changed, and those whose state no file tells."""
        for name in names:
            modified = self._folder_mtime(name)
            resting = name not in self._restless
            if resting and modified == self._modified.get(name) and not _is_recent(modified):
                continue
            self._read([name])

    def _folder_mtime(self, name: str) -> int:
        try:
            return os.stat(os.path.join(self.runs_dir, name)).st_mtime_ns
        except OSError:
            return -1

    def _read(self, names: Iterable[str]) -> bool:
        changed = False
        for name in names:
            # Before reading: a change in between is then seen as one the next time.
            modified = self._folder_mtime(name)
            summary = summarise(RunFolder(self.runs_dir / name), clock=self._stamps)
            with self._guard:
                if name not in self._present:
                    # Gone from the list while it was being read.
                    continue
                if modified < 0 and not os.path.isdir(self.runs_dir / name):
                    self._names = [other for other in self._names if other != name]
                    self._present -= {name}
                    self._forget(name)
                    self._changed()
                    changed = True
                    continue
                self._modified[name] = modified
                (self._restless.discard if summary.state in _AT_REST else self._restless.add)(name)
                if self._summaries.get(name) != summary:
                    self._summaries[name] = summary
                    self._changed()
                    changed = True
        return changed


def _is_recent(modified_ns: int) -> bool:
    return abs(time.time() - modified_ns / 1e9) < _SETTLE_SECONDS
