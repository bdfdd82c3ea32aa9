"""Fetch published files: hashes held, broken downloads continued, nothing overwritten."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shareconsole.errors import DataDamaged, LockedError, ShareconsoleError
from shareconsole.files.checking import require
from shareconsole.files.known import FILE_SETS
from shareconsole.files.places import cache_folder, fetch_folder, look

if TYPE_CHECKING:
    from shareconsole.files.record import DataFile, Download, FileSet

_CHUNK = 2**18
_CONNECT_SECONDS, _READ_SECONDS = 15.0, 60.0
_SPARE_BYTES = 64 * 2**20
_MOST_MEMBER_BYTES = 2**30
_PARTIAL = 206
_NOT_SATISFIABLE = 416


class Report(Protocol):
    """Told how far a download is."""

    def __call__(self, name: str, done: int, size: int) -> None:
        """Take note: ``done`` of ``size`` bytes of the file ``name`` are here."""


def fetch(file_set: FileSet, report: Report) -> bool:
    """Get every file of a set that is nowhere yet, and check all of them.

    What an interrupted or broken download left behind is continued. Files that are there stay as
    they are, also where they are not the published ones.

    Args:
        file_set: what to get.
        report: told of the progress.

    Returns:
        whether anything had to be fetched.

    Raises:
        DataDamaged: a file that is here, or was sent, is not the published one.
        LockedError: another process is fetching the same file.
        ShareconsoleError: it cannot be had, or not be written.
    """
    found = look(file_set)
    missing = [file for file in file_set.files if file.name not in found]
    folder = fetch_folder(file_set)
    try:
        for file in missing:
            if file.download.member:
                if not (folder / file.name).exists():
                    _fetch_members(file_set, file.download, report)
            else:
                _download(file_set, file.download, folder, report)
    except OSError as error:
        where = error.filename or folder
        raise ShareconsoleError(f"cannot write {where}: {error.strerror or error}") from error
    require(file_set.name)
    return bool(missing)


def _fetch_members(file_set: FileSet, download: Download, report: Report) -> None:
    """Download an archive and take out of it what any set has in it and does not have here."""
    archive = _download(file_set, download, cache_folder() / "data", report)
    try:
        with zipfile.ZipFile(archive) as opened:
            for each in FILE_SETS.values():
                found = look(each)
                for file in each.files:
                    if file.download.name == download.name and file.name not in found:
                        _take_out(opened, file, fetch_folder(each))
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataDamaged(f"{archive}: {error}") from None
    archive.unlink()


def _take_out(archive: zipfile.ZipFile, file: DataFile, folder: Path) -> None:
    member = archive.getinfo(file.download.member)
    if member.file_size > _MOST_MEMBER_BYTES:
        raise DataDamaged(f"{archive.filename}: {member.filename} is too large")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{file.name}.part"
    with archive.open(member) as source, unfinished.open("wb") as target:
        shutil.copyfileobj(source, target)
    unfinished.replace(folder / file.name)


def _download(file_set: FileSet, download: Download, folder: Path, report: Report) -> Path:
    """Get one file into a folder, from the first address that has it."""
    # Half a second to load, and only this command needs them.
    import pooch
    import requests

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{download.name}.part"
    here = part.stat().st_size if part.exists() else 0
    free = shutil.disk_usage(folder).free
    if free < download.size - here + _SPARE_BYTES:
        raise ShareconsoleError(
            f"{download.name} has {download.size:,} bytes, and {folder} only {free:,} free"
        )
    pooch.get_logger().setLevel("ERROR")
    reasons = []
    for url in download.urls:
        try:
            pooch.retrieve(
                url,
                known_hash=download.hash,
                fname=download.name,
                path=folder,
                downloader=_Continuing(part, download.size, report),
            )
        except requests.RequestException as error:
            reasons.append(f"{url}: {_reason(error)}")
        except ValueError as error:
            raise DataDamaged(f"{url} sent another file than was published: {error}") from None
        else:
            return folder / download.name
    lines = [f"cannot fetch {download.name}", *(f"  {reason}" for reason in reasons)]
    kept = part.stat().st_size
    if kept:
        lines.append(
            f"{kept:,} of {download.size:,} bytes are kept; the same command goes on there"
        )
    else:
        part.unlink()
    lines.append(f"by hand: from {file_set.home} into {fetch_folder(file_set)}")
    raise ShareconsoleError("\n".join(lines))


class _Continuing:
    """A downloader for pooch that begins where an earlier one was broken off."""

    def __init__(self, part: Path, size: int, report: Report) -> None:
        """Keep what has come in ``part`` until all of it has."""
        self._part = part
        self._size = size
        self._report = report

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        """Download ``url`` to the file that pooch holds against the hash and puts in place.

        Raises:
            requests.RequestException: the connection failed, or the server has no such file.
            LockedError: another process is at it.
        """
        with self._part.open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LockedError(f"another process is fetching {self._part.name}") from None
            self._receive(url, stream)
            os.replace(self._part, output_file)

    def _receive(self, url: str, stream: Any) -> None:
        import requests

        here = stream.seek(0, os.SEEK_END)
        if here == self._size:
            return  # all came, but the last process died before it could say so
        # Offsets count the file as it lies on the server, so it must not be compressed on its way.
        wish = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        timeout = (_CONNECT_SECONDS, _READ_SECONDS)
        with requests.get(url, headers=wish, stream=True, timeout=timeout) as answer:
            if here and answer.status_code == _NOT_SATISFIABLE:
                stream.truncate(0)
                raise requests.ConnectionError("what was kept did not fit; it has been dropped")
            answer.raise_for_status()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                # A question, or an apology, with which the next try must not go on.
                raise requests.ConnectionError("answers with a page instead of the file")
            if answer.status_code != _PARTIAL:
                stream.truncate(0)
                here = 0
            self._report(self._part.name[1:-5], here, self._size)
            for chunk in answer.iter_content(_CHUNK):
                here += len(chunk)
                if here > self._size:
                    stream.truncate(0)
                    raise requests.ConnectionError(f"sends more than {self._size:,} bytes")
                stream.write(chunk)
                self._report(self._part.name[1:-5], here, self._size)
        if here < self._size:
            raise requests.ConnectionError(f"broke off after {here:,} of {self._size:,} bytes")


def _reason(error: Exception) -> str:
    """Return in a few words why a request failed."""
    import requests

    match error:
        case requests.HTTPError(response=response) if response is not None:
            return f"{response.status_code} {response.reason}"
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError() if error.args and isinstance(error.args[0], str):
            return error.args[0]
        case requests.ConnectionError():
            return "no connection"
    return str(error)
