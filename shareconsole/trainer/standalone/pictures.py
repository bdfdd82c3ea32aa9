"""Images of unknown origin, as a network that was exported wants them.

Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from pydantic import ValidationError

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files.images import FORMATS, is_image, read_header, read_image
from shareconsole.files.npy import array_in_file
from shareconsole.sharing.preparation import prepared
from shareconsole.spec.preparation import Preparation

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
        preparation: What was done to the pictures of training, and is done to image files.
    """

    shape: tuple[int, int, int]
    dtype: torch.dtype
    as_bytes: bool
    lowest: float
    highest: float
    preparation: Preparation = field(default_factory=Preparation)

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
        try:
            # Files of an older version do not say it.
            preparation = Preparation.model_validate(told.get("preparation", {}))
        except ValidationError:
            raise ValueError("input.preparation, which a newer version may know") from None
        return cls(
            (channels, rows, columns),
            dtype,
            as_bytes,
            float(told["lowest"]),
            float(told["highest"]),
            preparation,
        )

    @property
    def scales_bytes(self) -> bool:
        """Whether bytes can become what it was trained on: by dividing them by 255."""
        return self.as_bytes or (self.lowest, self.highest) == (0.0, 1.0)


def read_pictures(path: Path, wanted: Wanted, *, resize: bool) -> Tensor:
    """The image of a file, or the images of a .npy file, [N, C, H, W].

    Bytes are divided by 255, other numbers taken as they are. Images are decoded as those of a
    folder that is trained on, and prepared as those of training; arrays count as prepared.

    Args:
        path: The file.
        wanted: What the network takes.
        resize: Whether images, not arrays, of a size that training did not have are resized, each
            new pixel the mean of the old ones under it.

    Raises:
        DataMissing: It is not there.
        DataDamaged: It cannot be read, or is nothing the network takes.
    """
    array = path.suffix.lower() == ".npy"
    if path.is_dir():
        raise DataDamaged(f"{path}: is a folder; name the files in it")
    if not array and not named_as_image(path):
        raise DataDamaged(f"{path}: by its name no image ({', '.join(sorted(FORMATS))}) nor .npy")
    if not path.exists():
        raise DataMissing(f"{path}: no such file")
    if not path.is_file():
        raise DataDamaged(f"{path}: is no regular file")
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


def named_as_image(path: Path) -> bool:
    """Whether a file is meant to be an image; hidden ones too, as somebody names it."""
    return is_image(path.name.lstrip("."))


def _decoded(path: Path, wanted: Wanted, *, resize: bool) -> NDArray[np.uint8]:
    channels, rows, columns = wanted.shape
    how = wanted.preparation
    if channels not in (1, 3):
        raise DataDamaged(f"{path}: the network takes {channels} channels; give it .npy")
    if how.rearranged:
        raise DataDamaged(
            f"{path}: the network was trained on pixels in an order of their own, into which no "
            "picture can be brought here; give it .npy of such images"
        )
    gray = channels == 1 or how.gray
    size = (rows, columns) if how.turned == "no" else (columns, rows)
    image = read_image(path, "gray" if gray else "rgb", _resizing(path, how, size, resize=resize))
    return prepared(torch.from_numpy(image[0].copy())[None], how, wanted.shape)[0].numpy()


def _resizing(
    path: Path, how: Preparation, size: tuple[int, int], *, resize: bool
) -> tuple[int, int] | Literal[0]:
    """What the image has to be resized to while it is decoded; 0 for nothing.

    Raises:
        DataDamaged: It would have to be resized, and nobody asked for it.
    """
    header = read_header(path)
    here = (header.rows, header.columns)
    by_itself = how.resizing != "none" and how.size in (None, here)
    if here == size or (by_itself and how.resizing != "mean"):
        return 0
    if by_itself:
        return size
    if not resize:
        taken = f"{size[0]}x{size[1]}"
        if how.size is not None:
            taken += f" or {how.size[0]}x{how.size[1]}"
        raise DataDamaged(
            f"{path}: has {here[0]}x{here[1]} pixels (rows x columns), the network takes {taken}; "
            "--resize resizes it"
        )
    # What follows the decoding takes the size that training had.
    return size if how.resizing in ("none", "mean") or how.size is None else how.size


def _shaped(array: NDArray[Any], path: Path, wanted: Wanted) -> NDArray[Any]:
    channels, rows, columns = wanted.shape
    if array.dtype != np.uint8 and array.dtype.kind not in "bf":
        raise DataDamaged(f"{path}: holds {array.dtype}, not uint8, bool or floating-point numbers")
    # As in training on arrays of one's own.
    images = array.astype(np.uint8) * np.uint8(255) if array.dtype.kind == "b" else array
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
