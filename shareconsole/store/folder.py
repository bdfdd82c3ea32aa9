"""Every file name in a run folder; nobody else spells them.

A run is one folder below the runs folder. ``mkdir`` is the claim on its name, and a folder that
is a symbolic link is never opened as a run.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shareconsole.errors import UsageError

RUN_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}\Z")
_PER_ATTEMPT = re.compile(
    r"(attempt|metrics|tensors|events|log)\.([0-9]{4,9})\.(?:json|rec|jsonl|txt)\Z"
)
_LAUNCH_LOG = re.compile(r"launch\.[A-Za-z0-9_-]{1,64}\.txt\Z")
_SLUG_LENGTH = 40


@dataclass(frozen=True)
class RunFolder:
    """The names in one run folder. Making one touches no disk and checks nothing."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id is the folder's name."""
        return self.path.name

    @property
    def run_json(self) -> Path:
        """What the run is; immutable."""
        return self.path / "run.json"

    @property
    def preset_toml(self) -> Path:
        """The preset, byte for byte as it was given."""
        return self.path / "preset.toml"

    @property
    def resolved_toml(self) -> Path:
        """The preset after defaults and overrides."""
        return self.path / "preset.resolved.toml"

    @property
    def status_json(self) -> Path:
        """A hint for lists, rewritten about once a second."""
        return self.path / "status.json"

    @property
    def labels_json(self) -> Path:
        """Display name, tags and note given later; written by the terminal half only."""
        return self.path / "labels.json"

    @property
    def lock(self) -> Path:
        """Locked for the trainer's life; only ``store.lock`` opens it."""
        return self.path / "lock"

    @property
    def heartbeat(self) -> Path:
        """A counter rewritten in place each second."""
        return self.path / "heartbeat"

    @property
    def control(self) -> Path:
        """The folder of request files."""
        return self.path / "control"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "ckpt"

    def attempt_json(self, number: int) -> Path:
        """Which process made attempt ``number`` and how it ended."""
        return self.path / f"attempt.{number:04d}.json"

    def metrics(self, number: int) -> Path:
        """The framed log of numbers of attempt ``number``."""
        return self.path / f"metrics.{number:04d}.rec"

    def tensors(self, number: int) -> Path:
        """The framed log of assignment tensors of attempt ``number``."""
        return self.path / f"tensors.{number:04d}.rec"

    def events(self, number: int) -> Path:
        """State changes, warnings and checkpoints of attempt ``number``."""
        return self.path / f"events.{number:04d}.jsonl"

    def log(self, number: int) -> Path:
        """Standard output and error of attempt ``number``."""
        return self.path / f"log.{number:04d}.txt"

    def launch_log(self, token: str) -> Path:
        """The log of a trainer that has not yet claimed an attempt number."""
        name = f"launch.{token}.txt"
        if not _LAUNCH_LOG.match(name):
            raise ValueError(f"a launch token is 1 to 64 letters, digits, - or _, not {token!r}")
        return self.path / name

    def names(self) -> list[str]:
        """All names in the folder, in no order; empty if the folder cannot be listed."""
        try:
            return os.listdir(self.path)
        except OSError:
            return []

    def attempts(self) -> list[int]:
        """Numbers of the attempts that recorded themselves, ascending."""
        return attempt_numbers(self.names(), "attempt")

    def next_attempt(self) -> int:
        """One above every number that any per-attempt file bears, so nothing is written twice."""
        found = (_PER_ATTEMPT.match(name) for name in self.names())
        return 1 + max((int(match[2]) for match in found if match), default=0)


def attempt_numbers(names: list[str], kind: str) -> list[int]:
    """The numbers, ascending, in the names ``kind.NNNN.*`` among ``names``."""
    found = (_PER_ATTEMPT.match(name) for name in names if name.startswith(kind))
    return sorted({int(match[2]) for match in found if match and match[1] == kind})


def launch_logs(names: list[str]) -> list[str]:
    """The names of logs of trainers that have not claimed an attempt."""
    return [name for name in names if name.startswith("launch.") and _LAUNCH_LOG.match(name)]


def open_run(runs_dir: Path, run_id: str) -> RunFolder:
    """The folder of an existing run.

    Raises:
        UsageError: the id is not one, nothing is there, or what is there is no plain folder.
    """
    if not RUN_ID.match(run_id):
        raise UsageError(
            f"{run_id!r} is not a run id: 1 to 80 of a-z 0-9 . _ -, starting with a letter or digit"
        )
    path = runs_dir / run_id
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        raise UsageError(f"there is no run {run_id} in {runs_dir} ({error.strerror})") from None
    if stat.S_ISLNK(mode):
        raise UsageError(f"{path} is a symbolic link; runs are opened without following links")
    if not stat.S_ISDIR(mode):
        raise UsageError(f"{path} is not a folder")
    return RunFolder(path)


def new_run(runs_dir: Path, slug_source: str, now: datetime | None = None) -> RunFolder:
    """Claim a new run folder, ``YYYYMMDD-HHMMSS-slug-hhhh`` (UTC), with an empty ``control/``.

    The runs folder is made too if it is missing, readable by its owner alone.

    Raises:
        OSError: the folder cannot be made.
    """
    # makedirs gives its mode to the last folder only, which is the one that matters here.
    os.makedirs(runs_dir, mode=0o700, exist_ok=True)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    stem = f"{moment:%Y%m%d-%H%M%S}-{slug(slug_source)}"
    for _ in range(1000):
        folder = RunFolder(runs_dir / f"{stem}-{secrets.token_hex(2)}")
        try:
            folder.path.mkdir()
        except FileExistsError:
            continue
        folder.control.mkdir()
        return folder
    raise FileExistsError(f"no free name for {stem} in {runs_dir}")


def slug(source: str) -> str:
    """``source`` as at most 40 of a-z, 0-9 and single dashes; ``run`` if nothing is left."""
    plain = unicodedata.normalize("NFKD", source[:400]).encode("ascii", "ignore").decode("ascii")
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return "-".join(words)[:_SLUG_LENGTH].strip("-") or "run"
