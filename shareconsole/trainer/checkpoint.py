"""Checkpoints: written whole or not at all, believed only if their hash is right.

`torch.load` reads a file with a flipped bit without complaint, hence the SHA-256 of our own.
"""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import torch

from shareconsole.store.atomic import StoreError, sha256_file, sync_folder
from shareconsole.store.checkpoints import (
    all_damaged,
    checkpoint_directories,
    require_checkpoint,
)
from shareconsole.store.clock import utc_now
from shareconsole.trainer.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from shareconsole.store.folder import RunFolder
    from shareconsole.trainer.manifest import Surroundings

KEEP = 3
"""Checkpoints kept; the older ones are there to fall back to."""

STATE = "state.pt"


class _HashedFile:
    """What torch saves to: hashed on its way to the disk, and never in memory as a whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = sha256()
        self.length = 0
        self._file = file
        self._error: OSError | None = None

    def write(self, data: memoryview) -> int:
        # Torch would make an error of its own of it, in which a full disk is no longer to be seen.
        if self._error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error
        self.digest.update(data)
        self.length += len(data)
        return len(data)

    def flush(self) -> None:
        """Wait for `finish`."""

    def finish(self) -> None:
        """End writing.

        Raises:
            OSError: Something could not be written.
        """
        if self._error is not None:
            raise self._error
        self._file.flush()


def save_checkpoint(
    folder: RunFolder,
    step: int,
    attempt: int,
    state: dict[str, Any],
    surroundings: Surroundings,
) -> Path:
    """Write the checkpoint of `step` and drop those beyond the newest `KEEP`.

    Raises:
        OSError: It could not be written; earlier checkpoints are untouched.
    """
    folder.checkpoints.mkdir(exist_ok=True)
    final = folder.checkpoints / f"{step:09d}"
    temporary = folder.checkpoints / f".tmp-{step:09d}"
    for left_over in folder.checkpoints.glob(".tmp-*"):
        # Of a process that was killed while it saved: the lock says there is no other.
        shutil.rmtree(left_over)
    try:
        temporary.mkdir()
        with (temporary / STATE).open("xb") as file:
            hashed = _HashedFile(file)
            torch.save(state, cast("IO[bytes]", hashed))
            hashed.finish()
            os.fsync(file.fileno())
        Manifest(
            step=step,
            sha256=hashed.digest.hexdigest(),
            bytes=hashed.length,
            attempt=attempt,
            created=utc_now(),
            generators=sorted(state["experiment"]["generators"]),
            surroundings=surroundings,
        ).write(temporary)
        if final.exists():
            # A damaged checkpoint of the same step, or one of a step taken again after a
            # fallback; a rename cannot replace a directory that is not empty.
            shutil.rmtree(final)
        temporary.rename(final)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder.checkpoints)
    for old in checkpoint_directories(folder)[KEEP:]:
        shutil.rmtree(old)
    return final


def load_newest(
    folder: RunFolder, rejected: Callable[[str, str], None]
) -> tuple[dict[str, Any], Manifest] | None:
    """The newest checkpoint that is whole, as (state, manifest); None if there is none at all.

    Args:
        folder: The run.
        rejected: Told the name of each damaged checkpoint and the reason.

    Raises:
        StoreError: There are checkpoints and every one of them is damaged.
    """
    directories = checkpoint_directories(folder, broken=True)
    for directory in directories:
        try:
            return _load(directory)
        except StoreError as error:
            rejected(directory.name, str(error))
    if directories:
        raise StoreError(all_damaged(folder))
    return None


def load_step(folder: RunFolder, step: int) -> tuple[dict[str, Any], Manifest]:
    """The checkpoint of a step, as (state, manifest).

    Raises:
        UsageError: There is none.
        StoreError: It is damaged.
    """
    return _load(require_checkpoint(folder, step))


def _load(directory: Path) -> tuple[dict[str, Any], Manifest]:
    manifest = read_manifest(directory)
    path = directory / STATE
    try:
        found = sha256_file(path)
    except FileNotFoundError:
        raise StoreError(f"{path}: is missing") from None
    if found != manifest.sha256:
        raise StoreError(f"{path}: SHA-256 does not match its manifest")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state, manifest
