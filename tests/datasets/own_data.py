"""Small data of a user's own, laid out in every way; each image tells which one it is."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(number: int, rows: int = 6, columns: int = 5) -> np.ndarray:
    """[rows, columns] uint8, different for each number below 65,536."""
    image = np.full((rows, columns), 100, np.uint8)
    image[0, 0], image[0, 1] = number // 256, number % 256
    return image


def number_of(image) -> int:
    """The number that `pixels` was given, from an image [C, H, W]."""
    return int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def write_folder(root: Path, tasks: dict[str, dict[str, int]], start: int = 0) -> int:
    """Write root/task/class/NN.png with running numbers; returns the next one."""
    for task, classes in tasks.items():
        for name, count in classes.items():
            for i in range(count):
                save(root / task / name / f"{i:03}.png", pixels(start))
                start += 1
    return start


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
