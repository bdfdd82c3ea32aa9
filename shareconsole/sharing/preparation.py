"""From pictures as they are published to what networks see; `spec.preparation` says which steps.

Data sets and the use of a network outside its run take the steps from here, so that they do not
differ; but means over areas and grey are taken where images are decoded. That declarations are what
data sets do is tested. Shapes: N images, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from shareconsole.spec.preparation import Preparation

_AT_ONCE = 10_000


def prepared(pictures: Tensor, how: Preparation, shape: tuple[int, int, int]) -> Tensor:
    """Pictures as the network sees them, [N, *shape], but for the division of bytes by 255.

    Args:
        pictures: [N, C, H, W], bytes or fractions, C that of `shape` or 1. Of the network's size
            they count as resized already; means over areas are taken where pictures are decoded.
        how: What is done to them.
        shape: (C, H, W) of what the network takes.

    Raises:
        ValueError: They cannot be brought into this form.
    """
    if how.rearranged:
        raise ValueError("pixels were rearranged")
    channels, *size = shape
    if how.turned != "no":
        size.reverse()
    if [*pictures.shape[2:]] != size:
        pictures = _resized(pictures, how, size)
    if how.turned == "transposed":
        pictures = pictures.transpose(2, 3)
    elif how.turned == "counterclockwise":
        pictures = pictures.rot90(1, (2, 3))
    if how.inverted:
        pictures = (1 if pictures.is_floating_point() else 255) - pictures
    return pictures.expand(-1, channels, -1, -1).contiguous()


def _resized(pictures: Tensor, how: Preparation, size: list[int]) -> Tensor:
    if how.resizing == "nearest":
        rows, columns = (
            nearest_pixels(before, after)
            for before, after in zip(pictures.shape[2:], size, strict=True)
        )
        return pictures[:, :, rows[:, None], columns]
    if how.resizing == "linear":
        flat = enlarged(pictures.flatten(0, 1), (size[0], size[1]))
        return flat.unflatten(0, pictures.shape[:2])
    raise ValueError(f"{pictures.shape[2]}x{pictures.shape[3]} is not {size[0]}x{size[1]}")


def nearest_pixels(before: int, after: int) -> Tensor:
    """Which of `before` pixels each of `after` pixels takes its value from, int64."""
    return ((torch.arange(after, dtype=torch.float64) + 0.5) * before / after).long()


def enlarged(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Grey bytes [N, H, W] as [N, *size] by linear interpolation; exact but for rounding.

    Pixel i reads at H / size * i, so that the last row and column repeat. Halves are rounded to
    even. From 28 to 32 pixels all weights are multiples of 1/8, so sums are exact and the bytes the
    same on every machine.
    """
    rows, columns = (
        _weights(before, after) for before, after in zip(images.shape[1:], size, strict=True)
    )
    found = [
        (rows @ part.float() @ columns.T).round().to(torch.uint8) for part in images.split(_AT_ONCE)
    ]
    return torch.cat(found)


def _weights(before: int, after: int) -> Tensor:
    """What each of `after` pixels takes of each of `before` pixels, [after, before]."""
    at = torch.arange(after) * (before / after)
    low = at.long()
    high = (low + 1).clamp(max=before - 1)
    share = (at - low)[:, None]
    unit = torch.eye(before)
    return (1 - share) * unit[low] + share * unit[high]
