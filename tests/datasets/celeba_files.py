"""CelebA's three files, small or as large as published, each face one colour that tells which."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from shareconsole.files.celeba import FACES, LABELS, SPLIT
from shareconsole.files.celeba_attributes import ATTRIBUTES, COLUMNS, PARTS, ROWS

FEW = {"train": 12, "validation": 4, "test": 6}
DISTINCT = 400


def colour(number: int) -> tuple[int, int, int]:
    """Of a face, by its number counted from 0; blue is its label as the first attribute."""
    return 12 * (number % 20), 12 * (number // 20 % 20), 200 * (number % 2)


def label(number: int, attribute: int) -> int:
    """1 or 0: neighbours differ, be it in the number or in the place of the attribute."""
    return (number + attribute) % 2


def jpeg(red: int, green: int, blue: int, size: tuple[int, int] = (COLUMNS, ROWS)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (red, green, blue)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def name(number: int) -> str:
    return f"{number + 1:06}.jpg"


def tables(counts: Mapping[str, int] = FEW) -> dict[str, bytes]:
    """Both tables as they are published, to the spaces and line ends."""
    total = sum(counts.values())
    lines = [str(total), " ".join(ATTRIBUTES) + " "]
    signs = [" ".join(f"{2 * label(n, k) - 1:2}" for k in range(len(ATTRIBUTES))) for n in (0, 1)]
    lines += [f"{name(n)} {signs[n % 2]}" for n in range(total)]
    parts = np.repeat(range(len(PARTS)), [counts[part] for part in PARTS])
    split = [f"{name(n)} {part}\r\n" for n, part in enumerate(parts.tolist())]
    return {LABELS: ("\n".join(lines) + "\n").encode(), SPLIT: "".join(split).encode()}


def faces(counts: Mapping[str, int] = FEW) -> dict[str, bytes]:
    """Name -> content of the zip."""
    total = sum(counts.values())
    kinds = [jpeg(*colour(n)) for n in range(min(total, DISTINCT))]
    return {f"img_align_celeba/{name(n)}": kinds[n % DISTINCT] for n in range(total)}


def write_celeba(data: Path, counts: Mapping[str, int] = FEW) -> Path:
    """Put all three files into a folder of data; returns theirs."""
    folder = data / "celeba"
    folder.mkdir(parents=True)
    for file, content in tables(counts).items():
        (folder / file).write_bytes(content)
    write_faces(folder / FACES, faces(counts))
    return folder


def write_faces(path: Path, content: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member, packed in content.items():
            archive.writestr(member, packed)
