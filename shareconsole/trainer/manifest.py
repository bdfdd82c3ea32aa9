"""The manifest beside a checkpoint: what it holds and what an exact resume requires.

Readable without torch, so a resume that would not be exact is refused before anything starts.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from shareconsole.errors import UsageError
from shareconsole.store.atomic import StoreError, read_json, write_json
from shareconsole.store.checkpoints import MANIFEST, checkpoint_directories

if TYPE_CHECKING:
    from pathlib import Path

    from shareconsole.store.folder import RunFolder


class InexactResumeError(UsageError):
    """The checkpoint was made in other surroundings and nobody allowed an inexact resume."""


@dataclass(frozen=True)
class Surroundings:
    """What must be equal for a resume to repeat the uninterrupted run bit for bit.

    Attributes:
        settings_sha256: Hash of preset.resolved.toml.
        threads: CPU threads of torch.
        device: As `trainer.device.describe_computing` tells it; empty while torch is not loaded.
        torch: Version of torch.
        data_sha256: As `trainer.data_digest` tells it; empty while no data is loaded.
    """

    settings_sha256: str
    threads: int
    device: str
    torch: str
    data_sha256: str = ""

    def differences(self, other: Surroundings) -> list[str]:
        """What differs, as "threads: 1 then, 2 now" (self is then); what is empty is unknown."""
        found = []
        for field in fields(self):
            then, now = getattr(self, field.name), getattr(other, field.name)
            if then != now and "" not in (then, now):
                # Of a hash its beginning is enough to see that it is another one.
                length = 12 if field.name.endswith("_sha256") else None
                found.append(f"{field.name}: {str(then)[:length]} then, {str(now)[:length]} now")
        return found


def current_surroundings(
    folder: RunFolder, threads: int, device: str = "", data_sha256: str = ""
) -> Surroundings:
    """The surroundings of this process for the run in `folder`."""
    settings = hashlib.sha256(folder.resolved_toml.read_bytes()).hexdigest()
    return Surroundings(settings, threads, device, version("torch"), data_sha256)


@dataclass(frozen=True)
class Manifest:
    """One checkpoint's manifest.json, written after the state it describes."""

    step: int
    sha256: str
    bytes: int
    attempt: int
    created: str
    generators: list[str]
    surroundings: Surroundings

    def write(self, directory: Path) -> None:
        """Write into a checkpoint's directory."""
        write_json(directory / MANIFEST, asdict(self))


def read_manifest(directory: Path) -> Manifest:
    """Read a checkpoint's manifest.

    Raises:
        StoreError: It is damaged or not of this form.
    """
    raw: dict[str, Any] = read_json(directory / MANIFEST)
    try:
        surroundings = Surroundings(**raw.pop("surroundings"))
        manifest = Manifest(**raw, surroundings=surroundings)
    except (KeyError, TypeError) as error:
        raise StoreError(f"{directory / MANIFEST}: not a checkpoint manifest ({error})") from error
    return manifest


def newest_manifest(folder: RunFolder) -> Manifest | None:
    """The newest manifest that can be read; whether its state is whole is not looked at here."""
    for directory in checkpoint_directories(folder):
        try:
            return read_manifest(directory)
        except StoreError:
            # Loading meets the same file, falls back the same way and puts it on record.
            continue
    return None
