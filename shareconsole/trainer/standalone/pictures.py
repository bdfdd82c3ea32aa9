"""Images of unknown origin, as a network that was exported wants them.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files.images import FORMATS, is_image, read_image
from shareconsole.files.npy import array_in_file

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Wanted:
    """What a network takes.

    Attributes:
        shape: (C, H, W).
        dtype: Of its inputs.
        as_bytes: It was trained on bytes divided by 255.
        lowest: Least value it was trained on.
        highest: Greatest value of these.
    """

    shape: tuple[int, int, int]
    dtype: torch.dtype
    as_bytes: bool
    lowest: float
    highest: float

    @classmethod
    def of(cls, metadata: dict[str, Any], dtype: torch.dtype) -> Wanted:
        """Read it out of the metadata.

        Raises:
            KeyError, TypeError or ValueError: They are damaged.
        """
        told = metadata["input"]
        channels, rows, columns = map(int, told["shape"])
        if min(channels, rows, columns) < 1:
            raise ValueError("input.shape")
        as_bytes = told["scaling"] != "none"
        return cls(
            (channels, rows, columns),
            dtype,
            as_bytes,
            float(told["lowest"]),
            float(told["highest"]),
        )

    @property
    def scales_bytes(self) -> bool:
        """Whether bytes can become what it was trained on: by dividing them by 255."""
        return self.as_bytes or (self.lowest, self.highest) == (0.0, 1.0)


def read_pictures(path: Path, wanted: Wanted, *, resize: bool) -> Tensor:
    """The image of a file, or the images of a .npy file, [N, C, H, W].

    Bytes are divided by 255, other numbers taken as they are. Images are decoded as those of a
    folder that is trained on.

    Args:
        path: The file.
        wanted: What the network takes.
        resize: Whether images, not arrays, of another size are resized, each new pixel the mean of
            the old ones under it.

    Raises:
        DataMissing: It is not there.
        DataDamaged: It cannot be read, or is nothing the network takes.
    """
    array = path.suffix.lower() == ".npy"
    if not array and not is_image(path.name):
        raise DataDamaged(f"{path}: by its name no image ({', '.join(sorted(FORMATS))}) nor .npy")
    if not path.exists():
        raise DataMissing(f"{path}: no such file")
    if array:
        images = _shaped(array_in_file(path).read(), path, wanted)
    else:
        images = _decoded(path, wanted, resize=resize)[None]
    if images.dtype == np.uint8:
        if not wanted.scales_bytes:
            raise DataDamaged(
                f"{path}: the network was trained on numbers from {wanted.lowest:g} to "
                f"{wanted.highest:g}, which bytes do not tell; give it .npy of numbers"
            )
        # In the type of the network from the start, as in training.
        return torch.from_numpy(images.copy()).to(wanted.dtype) / 255
    # Any order of bytes and any precision become one that torch knows.
    return torch.from_numpy(images.astype(np.float64, order="C")).to(wanted.dtype)


def _decoded(path: Path, wanted: Wanted, *, resize: bool) -> NDArray[np.uint8]:
    channels, rows, columns = wanted.shape
    if channels not in (1, 3):
        raise DataDamaged(f"{path}: the network takes {channels} channels; give it .npy")
    color: Any = "gray" if channels == 1 else "rgb"
    image, _ = read_image(path, color, (rows, columns) if resize else 0)
    if image.shape != wanted.shape:
        raise DataDamaged(
            f"{path}: has {image.shape[1]}x{image.shape[2]} pixels (rows x columns), the network "
            f"takes {rows}x{columns}; --resize resizes it"
        )
    return image


def _shaped(array: NDArray[Any], path: Path, wanted: Wanted) -> NDArray[Any]:
    channels, rows, columns = wanted.shape
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise DataDamaged(f"{path}: holds {array.dtype}, not uint8 or floating-point numbers")
    images = array
    last = (rows, columns, channels)
    if channels == 1 and images.shape[-2:] == (rows, columns) and images.shape[-3:] != wanted.shape:
        images = images[..., None, :, :]
    elif images.shape[-3:] == last and images.shape[-3:] != wanted.shape:
        images = np.moveaxis(images, -1, -3)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[1:] != wanted.shape or not len(images):
        gray = f", [N, {rows}, {columns}]" if channels == 1 else ""
        raise DataDamaged(
            f"{path}: has the shape {[*array.shape]}, the network takes [{channels}, {rows}, "
            f"{columns}] or [N, {channels}, {rows}, {columns}]{gray} or channels last"
        )
    if not np.isfinite(images).all():
        raise DataDamaged(f"{path}: holds NaN or an infinity")
    return images
