"""Arrays decoded from many small files, kept in the cache folder so that it is done once.

There is one cache file for each source and way of decoding it; one that was made from an older
state of the source is replaced. It is an uncompressed .npz without Python objects, whose members
carry checksums: damage shows on reading. Whoever writes replaces the whole file, so of two at once
the later one stays, with the same content.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from shareconsole.files.places import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

_STATE = "state"
# A thousand take a second or so.
_MANY = 10_000
# What reading a damaged .npz ends with: zip, .npy header, missing member, unreadable file.
_DAMAGE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    NotImplementedError,
)


def decoded(
    source: str,
    state: str,
    decode: Callable[[], Arrays],
    names: Collection[str] | None = None,
) -> Arrays:
    """Return what ``decode`` makes of a source, from the cache if that was made of this state.

    Where the cache cannot be written that is said on standard error, and the arrays are returned.

    Args:
        source: what is decoded, how, and by which version of the code: one cache file for each.
        state: fingerprint of the source's content.
        decode: makes the arrays; none may be called "state".
        names: which arrays to return, all if None; one that is not there is left out.
    """
    path = cache_file(source)
    arrays = _read(path, state, names)
    if arrays is None:
        arrays = decode()
        try:
            _write(path, state, arrays)
        except OSError as error:
            print(f"note: {path} could not be kept for next time: {error}", file=sys.stderr)
    return {name: array for name, array in arrays.items() if names is None or name in names}


def announce(count: int) -> None:
    """Say on standard error that so many images are being decoded, if that takes its time."""
    if count >= _MANY:
        print(f"note: decoding {count:,} images, which takes a while", file=sys.stderr)


def cache_file(source: str) -> Path:
    """Return where the arrays of a source are kept."""
    name = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return cache_folder() / "decoded" / f"{name}.npz"


def _read(path: Path, state: str, names: Collection[str] | None) -> Arrays | None:
    """Return the arrays, or None where they are not there, stale or damaged."""
    try:
        # numpy leaves a file that it cannot read open, unless it is ours to close.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            kept = [name for name in archive.files if name != _STATE]
            if str(archive[_STATE]) != _label(state, kept):
                return None
            return {name: archive[name] for name in kept if names is None or name in names}
    except _DAMAGE:
        return None


def _label(state: str, names: Iterable[str]) -> str:
    """What a file says of itself: a damaged directory may have lost an array."""
    return "\n".join([state, *sorted(names)])


def _write(path: Path, state: str, arrays: Arrays) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            np.savez(
                file, allow_pickle=False, **{_STATE: np.array(_label(state, arrays))}, **arrays
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
