"""Small data sets in the official file formats, and the means to make them wrong."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from shareconsole.files.known import FILE_SETS

# Where the real files are, if they are; looked up here, as tests hide it from the code under test.
REAL = os.environ.get("SHARECONSOLE_DATA", "")
needs_real_files = pytest.mark.skipif(
    not (Path(REAL) / "kannada_mnist").is_dir() or not REAL,
    reason="SHARECONSOLE_DATA names no folder with EMNIST and Kannada-MNIST",
)

# Superclass of each fine label of CIFAR-100.
COARSE = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3,
    15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0,
    17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19,
    2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)  # fmt: skip


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in IDX form, not compressed."""
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(idx(array), compresslevel=1))


def glyph_images(labels: np.ndarray, first: int) -> np.ndarray:
    """[N, 28, 28]: row 0 tells the label, row 1 the number of the image, counted from ``first``."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0] = 9 * labels[:, None]
    numbers = first + np.arange(len(labels))
    images[:, 1, 0], images[:, 1, 1] = numbers // 256, numbers % 256
    return images


def write_glyphs(data: Path, name: str, per_class: Mapping[str, int]) -> None:
    """The files of a set of IDX files with so many images of each class in each split."""
    file_set = FILE_SETS[name]
    low, high = file_set.labels
    first = 0
    for split in file_set.splits:
        labels = np.tile(np.arange(low, high + 1), per_class[split])
        folder = data / name
        write_idx(folder / file_set.file(split, "images").name, glyph_images(labels, first))
        write_idx(folder / file_set.file(split, "labels").name, labels)
        first += len(labels)


class _AsPython2(pickle._Pickler):
    """Pickles as Python 2 did, in which the archives of CIFAR were written."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def _save_text(self, text: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(text)) + text)

    dispatch[bytes] = _save_text


def python2_pickle(value: object) -> bytes:
    stream = io.BytesIO()
    _AsPython2(stream, protocol=2).dump(value)
    return stream.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


def tar_gz(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def cifar_rows(labels: list[int], first: int = 0) -> np.ndarray:
    """[N, 3072] bytes: red tells the label, green and blue the number of the image."""
    rows = np.zeros((len(labels), 3, 1024), np.uint8)
    numbers = first + np.arange(len(labels))
    rows[:, 0], rows[:, 1] = np.array(labels)[:, None], (numbers // 256)[:, None]
    rows[:, 2] = (numbers % 256)[:, None]
    return rows.reshape(len(labels), 3072)


def cifar100_batch(per_class: int, first: int = 0) -> dict[bytes, object]:
    fine = [label for _ in range(per_class) for label in range(100)]
    return {
        b"data": cifar_rows(fine, first),
        b"fine_labels": fine,
        b"coarse_labels": [COARSE[label] for label in fine],
        b"filenames": [b"x.png"] * len(fine),
        b"batch_label": b"training batch 1 of 1",
    }


def cifar100_members(train: int = 4, test: int = 2) -> dict[str, bytes]:
    return {
        "cifar-100-python/meta": python2_pickle({b"fine_label_names": [b"apple"]}),
        "cifar-100-python/train": python2_pickle(cifar100_batch(train)),
        "cifar-100-python/test": python2_pickle(cifar100_batch(test, 100 * train)),
    }


def cifar10_members(per_batch: int = 2) -> dict[str, bytes]:
    members = {}
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for place, name in enumerate(names):
        labels = [label for _ in range(per_batch) for label in range(10)]
        batch = {b"data": cifar_rows(labels, place * len(labels)), b"labels": labels}
        members[f"cifar-10-batches-py/{name}"] = python2_pickle(batch)
    return members


def write_cifar(data: Path, name: str, members: Mapping[str, bytes]) -> Path:
    path = data / name / FILE_SETS[name].files[0].name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_gz(members))
    return path
