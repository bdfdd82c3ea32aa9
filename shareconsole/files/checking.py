"""Hold files against what is known of them, before anything is trained on them."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

from shareconsole.errors import DataDamaged
from shareconsole.files.known import FILE_SETS
from shareconsole.files.places import locate
from shareconsole.files.record import DataFile, FileSet

Verify = Literal["official", "form"]


def require(name: str, verify: Verify = "official") -> dict[str, Path]:
    """Find every file of a set and check it.

    Args:
        name: name of the set.
        verify: "official" wants a published hash where one is known, and the right format and
            published counts where none is; "form" wants the right format only.

    Returns:
        where each file lies, by its name.

    Raises:
        DataMissing: a file is nowhere.
        DataDamaged: a file is not what it should be.
    """
    file_set = FILE_SETS[name]
    paths = locate(file_set)
    try:
        unknown = [file for file in file_set.files if not file.hashes]
        if verify == "official":
            for file in file_set.files:
                if file.hashes:
                    check_hash(file_set, file, paths[file.name])
        if verify == "form" or unknown:
            check_form(file_set, paths, exact=verify == "official")
    except OSError as error:
        raise _cannot_read(error) from error
    return paths


def check_hash(file_set: FileSet, file: DataFile, path: Path) -> None:
    """Hold a file against its known hashes.

    Raises:
        DataDamaged: it has none of them.
        OSError: it cannot be read.
    """
    found = []
    for algorithm in dict.fromkeys(known.partition(":")[0] for known in file.hashes):
        with path.open("rb") as stream:
            found.append(f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}")
    if set(found) & set(file.hashes):
        return
    algorithm, _, official = file.hashes[0].partition(":")
    size = path.stat().st_size
    length = f"{size:,} bytes" + (f" of {file.size:,}" if size != file.size else "")
    raise DataDamaged(
        f"{path} is not the published file of {file_set.title} ({length}):\n"
        f"  its {algorithm} is {found[0].partition(':')[2]}\n"
        f"  it should be  {official}\n"
        f"remove it and get it again with: shareconsole data fetch {file_set.name}\n"
        'for a subset or a copy of your own, set [data] verify = "form"'
    )


def check_form(file_set: FileSet, paths: dict[str, Path], *, exact: bool) -> None:
    """Hold a set's files against their format, and with ``exact`` against the published counts.

    Raises:
        DataDamaged: a file is not of the format, or a class has no image.
        OSError: a file cannot be read.
    """
    _reader(file_set).check_form(file_set, paths, exact)


def check_pixels(file_set: FileSet, paths: dict[str, Path]) -> None:
    """See that every image can be decoded, of formats whose ``check_form`` leaves that out.

    Raises:
        DataDamaged: one cannot, or a file cannot be read.
    """
    check = getattr(_reader(file_set), "check_pixels", None)
    try:
        if check is not None:
            check(paths)
    except OSError as error:
        raise _cannot_read(error) from error


def _cannot_read(error: OSError) -> DataDamaged:
    # An error while reading, other than while opening, does not tell the file.
    file = f" {error.filename}" if error.filename else " a file"
    return DataDamaged(f"cannot read{file}: {error.strerror or error}")


def _reader(file_set: FileSet) -> ModuleType:
    # By name, so that a set of one format does not load the readers of the others.
    return import_module(f"shareconsole.files.{file_set.form}")
