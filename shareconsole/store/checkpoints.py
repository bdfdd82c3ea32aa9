"""What can be said of a run's checkpoints without loading one. The trainer writes them."""

from __future__ import annotations

import os
from pathlib import Path

from shareconsole.errors import UsageError
from shareconsole.store.atomic import StoreError, read_json
from shareconsole.store.fields import Fields
from shareconsole.store.folder import RunFolder

MANIFEST = "manifest.json"


def checkpoint_directories(folder: RunFolder, *, broken: bool = False) -> list[Path]:
    """Checkpoints with a manifest, newest first.

    Args:
        folder: the run.
        broken: also those without one; somebody took it away, or was stopped while removing them.
    """
    try:
        names = os.listdir(folder.checkpoints)
    except OSError:
        return []
    steps = sorted(filter(str.isdecimal, names), key=int, reverse=True)
    directories = (folder.checkpoints / name for name in steps)
    return [path for path in directories if broken or (path / MANIFEST).is_file()]


def require_checkpoint(folder: RunFolder, step: int | None) -> Path:
    """The directory of the checkpoint of a step, of the newest for None; it may be damaged.

    Raises:
        UsageError: there is none; the message names those there are.
    """
    directories = checkpoint_directories(folder)
    if not directories:
        raise UsageError(
            f"{folder.id} has no checkpoint yet; train.checkpoint_every says when, and while it "
            f"runs 'shareconsole checkpoint {folder.id}' asks for one"
        )
    found = {int(path.name): path for path in directories}
    if step is None:
        return directories[0]
    if step not in found:
        kept = ", ".join(map(str, sorted(found)))
        raise UsageError(f"{folder.id} has no checkpoint of step {step}; it has: {kept}")
    return found[step]


def all_damaged(folder: RunFolder) -> str:
    """Say that not one of a run's checkpoints, of which there is one at least, can be used."""
    count = len(checkpoint_directories(folder, broken=True))
    which = (
        f"all {count} checkpoints of {folder.id} are"
        if count > 1
        else (f"the checkpoint of {folder.id} is")
    )
    return f"{which} damaged"


def without_them(folder: RunFolder) -> str:
    """Say what would be without any checkpoint."""
    return f"without the folder {folder.checkpoints} it starts again from step 0"


def newest_checkpoint(folder: RunFolder) -> int | None:
    """The step of the newest checkpoint whose manifest can be read, None if there is none."""
    for directory in checkpoint_directories(folder):
        path = directory / MANIFEST
        try:
            return Fields(read_json(path), path).integer("step")
        except StoreError:
            # The trainer falls back to the one before in the same way, and says so.
            continue
    return None
