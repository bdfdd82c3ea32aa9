"""Where files of data sets are looked for, and where fetched ones go."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.errors import DataMissing

if TYPE_CHECKING:
    from shareconsole.files.record import FileSet

DATA_VARIABLE = "SHARECONSOLE_DATA"
CACHE_VARIABLE = "SHARECONSOLE_CACHE"


def cache_folder() -> Path:
    """Return the folder for what can be fetched or computed again; it need not exist yet.

    That is ``SHARECONSOLE_CACHE``, else the user's cache folder of the platform.
    """
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Caches/shareconsole").expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "shareconsole"


def folders() -> list[Path]:
    """Return the folders below which data sets are looked for; the first is fetched to."""
    data = os.environ.get(DATA_VARIABLE)
    cache = cache_folder() / "data"
    return [Path(data).expanduser(), cache] if data else [cache]


def fetch_folder(file_set: FileSet) -> Path:
    """Return where a set's files go when they are fetched; it need not exist yet.

    That is the set's folder in ``SHARECONSOLE_DATA`` where this is set, else in the user's cache.
    """
    return folders()[0] / file_set.name


def search_places(file_set: FileSet) -> list[Path]:
    """Return the folders that a set's files are looked for in, in this order."""
    places = [folder / file_set.name for folder in folders()]
    if len(places) == 2 and not file_set.own_folder:
        places.insert(1, folders()[0])
    return places


def look(file_set: FileSet) -> dict[str, Path]:
    """Return where each file of a set lies, by its name; without those that are nowhere."""
    found = {}
    for file in file_set.files:
        places = (folder / file.name for folder in search_places(file_set))
        path = next((path for path in places if path.is_file()), None)
        if path is not None:
            found[file.name] = path
    return found


def require_all(file_sets: Iterable[FileSet]) -> None:
    """See that every file of several sets is somewhere.

    Raises:
        DataMissing: one is nowhere; the message says so of every set that it is true of.
    """
    missing = []
    for file_set in file_sets:
        try:
            locate(file_set)
        except DataMissing as error:
            missing.append(str(error))
    if missing:
        raise DataMissing("\n".join(missing))


def locate(file_set: FileSet) -> dict[str, Path]:
    """Return where each file of a set lies, by its name.

    Raises:
        DataMissing: one is nowhere; the message names it, the places and the command to get it.
    """
    found = look(file_set)
    missing = [file.name for file in file_set.files if file.name not in found]
    if not missing:
        return found
    places = "\n".join(f"  {place}" for place in search_places(file_set))
    unset = "" if os.environ.get(DATA_VARIABLE) else f" ({DATA_VARIABLE} names no folder)"
    raise DataMissing(
        f"{file_set.title} is not here: {', '.join(missing)}\n"
        f"looked for in{unset}:\n{places}\n"
        f"get it with: shareconsole data fetch {file_set.name}"
    )
