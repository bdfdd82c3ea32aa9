"""Arrays in .npy files and .npz archives, without Python objects: headers first, then values."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from shareconsole.errors import DataDamaged, DataMissing

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
_STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 2**20


@dataclass(frozen=True)
class ArrayFile:
    """One array on disk whose header was read and agrees with the bytes that are there.

    Attributes:
        where: the file, and the member in it where it is an archive, for messages.
        shape: of the array.
        dtype: of its values; never Python objects.
        open: opens it at its beginning.
    """

    where: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    open: Callable[[], IO[bytes]]

    def read(self) -> NDArray[Any]:
        """Return the values, in memory of their own.

        Raises:
            DataMissing: The file has gone.
            DataDamaged: It is not as long as its header says, or does not fit its checksum.
        """
        with _reading(self.where), self.open() as stream:
            shape, turned, dtype = _header(stream, self.where)
            if (shape, dtype) != (self.shape, self.dtype):
                raise DataDamaged(f"{self.where}: has changed while it was read")
            flat = np.empty(math.prod(shape), dtype)
            view = flat.view(np.uint8)
            got = 0
            while got < len(view):
                part = stream.read(min(_CHUNK, len(view) - got))
                if not part:
                    raise DataDamaged(f"{self.where}: is cut short")
                view[got : got + len(part)] = np.frombuffer(part, np.uint8)
                got += len(part)
            # Past the end is also where a zip archive compares its checksum.
            if stream.read(1):
                raise DataDamaged(f"{self.where}: has bytes behind its end")
        return flat.reshape(shape[::-1]).T if turned else flat.reshape(shape)


def arrays_in_npz(path: Path) -> dict[str, ArrayFile]:
    """Return the arrays of an archive by name.

    Raises:
        DataMissing: It cannot be opened.
        DataDamaged: It is no .npz, or one of its members is no plain array.
    """
    found = {}
    with _reading(str(path)), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            where = f"{path}: {member.filename}"
            if not member.filename.endswith(".npy"):
                raise DataDamaged(f"{where} is no array")
            if member.flag_bits & 1 or member.compress_type not in _STORED:
                raise DataDamaged(f"{where} is encrypted or packed in an unusual way")
            opener = _member_opener(path, member.filename)
            name = member.filename.removesuffix(".npy")
            found[name] = _array_file(where, opener, member.file_size)
    return found


def array_in_file(path: Path) -> ArrayFile:
    """Return the array of a .npy file.

    Raises:
        DataMissing: It cannot be opened.
        DataDamaged: It is no plain array.
    """
    with _reading(str(path)):
        size = os.stat(path).st_size
    return _array_file(str(path), _file_opener(path), size)


def arrays_in_folder(folder: Path, names: list[str]) -> dict[str, ArrayFile]:
    """Return the arrays in files ``name``.npy of a folder, by name.

    Raises:
        DataMissing: One cannot be opened.
        DataDamaged: One is no plain array.
    """
    found = {}
    for name in names:
        found[name] = array_in_file(folder / f"{name}.npy")
    return found


def _array_file(where: str, opener: Callable[[], IO[bytes]], size: int) -> ArrayFile:
    with _reading(where), opener() as stream:
        shape, _, dtype = _header(stream, where)
        told = stream.tell() + math.prod(shape) * dtype.itemsize
    if told != size:
        raise DataDamaged(f"{where}: should have {told:,} bytes, by its header, and has {size:,}")
    return ArrayFile(where, shape, dtype, opener)


def _header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy_format.read_magic(stream)
    if version == (1, 0):
        header = npy_format.read_array_header_1_0(stream)
    elif version == (2, 0):
        header = npy_format.read_array_header_2_0(stream)
    else:
        raise DataDamaged(f"{where}: is of .npy version {version[0]}.{version[1]}, not 1.0 or 2.0")
    dtype = header[2]
    if dtype.hasobject:
        raise DataDamaged(f"{where}: holds Python objects, which are not read for safety")
    if dtype.kind not in "biufSU" or dtype.itemsize == 0 or dtype.subdtype is not None:
        raise DataDamaged(f"{where}: holds {dtype}, not plain numbers")
    return header


def _member_opener(path: Path, name: str) -> Callable[[], IO[bytes]]:
    def open_member() -> IO[bytes]:
        # The member keeps the archive's file open until it is closed itself.
        with zipfile.ZipFile(path) as archive:
            return archive.open(name)

    return open_member


def _file_opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Say which file it was."""
    try:
        yield
    except OSError as error:
        raise DataMissing(f"{where}: cannot be read: {error.strerror or error}") from None
    except _DAMAGE as error:
        raise DataDamaged(f"{where}: is damaged or no array: {error}") from None
