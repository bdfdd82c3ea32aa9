"""Whole files: written so that a reader sees the old or the new one, read so that nothing blocks.

Readers meet anything under a file's name: a named pipe (opening one would block for ever), a
folder, a link to elsewhere, a gigabyte. ``read_bytes`` refuses all of these with a reason.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any, NoReturn

from shareconsole.errors import ShareconsoleError

JSON_LIMIT = 4 * 1024 * 1024
_OPEN_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
_FIRST_READ, _LATER_READ = 16384, 1 << 20
_NO_LINKS_HERE = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class StoreError(ShareconsoleError):
    """A file of a run cannot be used; the text names it and says why."""


def write_json(path: Path, obj: dict[str, Any], *, durable: bool = True) -> None:
    """Replace ``path`` by ``obj`` as JSON; see ``write_bytes``.

    Raises:
        ValueError: ``obj`` holds NaN or an infinity, which JSON cannot say.
        OSError: the file cannot be written; the old one is untouched.
    """
    write_bytes(path, encode_json(obj), durable=durable)


def encode_json(obj: dict[str, Any]) -> bytes:
    """``obj`` as one ASCII JSON text with a newline; ValueError on NaN and infinities."""
    return (json.dumps(obj, allow_nan=False, indent=1) + "\n").encode("ascii")


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace ``path`` by ``data``: a temporary file beside it, fsync, rename, fsync of the folder.

    ``durable=False`` leaves out both syncs: still atomic for readers, but after a power cut the
    file may be empty. For hints only.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    temporary = _write_temporary(path, data, durable=durable)
    try:
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if durable:
        sync_folder(path.parent)


def create_bytes(path: Path, data: bytes) -> None:
    """As ``write_bytes``, but ``path`` must be new: of two writers exactly one succeeds.

    Raises:
        FileExistsError: somebody else was first.
        OSError: the file cannot be written.
    """
    temporary = _write_temporary(path, data, durable=True)
    try:
        _claim(temporary, path)
    finally:
        # Gone already where the claim was a rename.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    sync_folder(path.parent)


def _claim(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        # No hard links here (FAT, some network mounts): claim the name, then replace it whole.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        os.rename(temporary, path)


def _write_temporary(path: Path, data: bytes, *, durable: bool) -> str:
    temporary = os.path.join(path.parent, f".{path.name}.{secrets.token_hex(6)}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if durable:
            os.fsync(fd)
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    return temporary


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut, where the file system can promise that."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network mounts cannot sync a folder; there is nothing more to be done about it.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(fd)


def open_regular(path: Path | str) -> int:
    """A descriptor to read a regular file; never blocks, never follows a link at the end.

    Raises:
        FileNotFoundError: nothing is there.
        StoreError: something else is there, or it may not be read.
    """
    try:
        fd = os.open(path, _OPEN_TO_READ)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path}: is a symbolic link") from None
        raise StoreError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise StoreError(f"{path!s:.200}: is not a usable path") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise StoreError(f"{path}: is not a regular file")
    return fd


def read_bytes(path: Path | str, limit: int = JSON_LIMIT) -> bytes:
    """All of a regular file.

    Raises:
        FileNotFoundError: nothing is there.
        StoreError: not a regular file, not readable, or more than ``limit`` bytes.
    """
    fd = open_regular(path)
    try:
        # Until it ends: some files have content and no size. Most are done after the first read.
        parts = [os.read(fd, _FIRST_READ)]
        size = len(parts[0])
        while len(parts[-1]) >= _FIRST_READ and size <= limit:
            parts.append(os.read(fd, _LATER_READ))
            size += len(parts[-1])
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    finally:
        os.close(fd)
    if size > limit:
        raise StoreError(f"{path}: is larger than {limit:,} bytes")
    return b"".join(parts)


def read_json(path: Path | str, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        StoreError: with the path and the reason, whatever is wrong.
    """
    try:
        data = read_bytes(path, limit)
    except FileNotFoundError:
        raise StoreError(f"{path}: is missing") from None
    return decode_json(data, path)


def decode_json(data: bytes, path: Path | str) -> dict[str, Any]:
    """A JSON object from bytes; ``path`` is for the message.

    Raises:
        StoreError: not UTF-8, not JSON, NaN in it, too deep, or not an object.
    """
    try:
        obj = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise StoreError(f"{path}: is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise StoreError(f"{path}: is nested too deeply") from None
    except ValueError as error:
        what = "is empty" if not data.strip() else f"is not JSON ({error})"
        raise StoreError(f"{path}: {what}") from None
    if not isinstance(obj, dict):
        raise StoreError(f"{path}: holds {_kind(obj)}, not an object")
    return obj


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _kind(obj: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(obj), "a number")


def sha256_file(path: Path) -> str:
    """The SHA-256 of a regular file, 64 hexadecimal digits.

    Raises:
        FileNotFoundError: nothing is there.
        StoreError: not a regular file, or it cannot be read to its end.
    """
    fd = open_regular(path)
    with os.fdopen(fd, "rb") as stream:
        try:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None
