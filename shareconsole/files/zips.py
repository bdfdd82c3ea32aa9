"""Zips of many small images: looked over before anything is inflated, each member read whole."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from shareconsole.errors import DataDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HIDDEN = re.compile(r"(^|/)(\.(?!\.)|__MACOSX/)")
_USUAL = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def opened(path: Path) -> zipfile.ZipFile:
    """Open a zip to read it.

    Raises:
        DataDamaged: It is none, or cut short.
    """
    try:
        return zipfile.ZipFile(path)
    except _BAD_ZIP as error:
        raise DataDamaged(f"{path}: is no whole zip file: {error}") from None


def files_in(archive: zipfile.ZipFile, path: Path, most: int) -> Iterator[zipfile.ZipInfo]:
    """Yield the members that are files, without the hidden ones of the machine that packed them.

    Raises:
        DataDamaged: There are more than `most` members.
    """
    infos = archive.infolist()
    if len(infos) > most:
        raise DataDamaged(f"{path}: has {len(infos):,} members, more than {most:,}")
    for member in infos:
        if not member.is_dir() and not _HIDDEN.search(member.filename):
            yield member


def check_plain(path: Path, member: zipfile.ZipInfo, most_bytes: int, what: str) -> None:
    """See that a member is as small as what it should be, and packed in a usual way.

    Args:
        path: of the zip.
        member: in it.
        most_bytes: it may inflate to.
        what: it should be, for the message.

    Raises:
        DataDamaged: It is not.
    """
    name = f"{path}: {member.filename}"
    if member.file_size > most_bytes:
        raise DataDamaged(f"{name} has {member.file_size:,} bytes, too many for {what}")
    if member.flag_bits & 1 or member.compress_type not in _USUAL:
        raise DataDamaged(f"{name} is encrypted or packed in an unusual way")


def content(archive: zipfile.ZipFile, path: Path, member: zipfile.ZipInfo) -> bytes:
    """Return what is in a member, its checksum compared.

    Raises:
        DataDamaged: It is not what the zip's directory says.
    """
    try:
        with archive.open(member) as stream:
            # Never more than the directory says, whatever the stream would inflate to.
            found = stream.read(member.file_size)
            rest = stream.read(1)
    except _BAD_ZIP as error:
        raise DataDamaged(f"{path}: {member.filename} is damaged: {error}") from None
    if rest or len(found) != member.file_size:
        raise DataDamaged(f"{path}: {member.filename} is not as long as the zip says")
    return found
