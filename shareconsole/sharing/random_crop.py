"""Training images seen a little to the side: padded with zeros, then cut back to their size.

Every image of every batch is moved by itself, up to the padding in each direction, all places
alike. He et al. 2016 (arXiv 1512.03385, section 4.2) pad 4 pixels, and so does the code of Maziarz
et al. 2019 (arXiv 1910.04915).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


class RandomCrop:
    """Moves the images of a batch; each image set has a random stream of its own."""

    def __init__(
        self, padding: int, num_sets: int, generator: Callable[[str], torch.Generator]
    ) -> None:
        """Take the generators "crop/0", "crop/1", ..., one for each image set.

        Args:
            padding: Pixels on every side, at least 1.
            num_sets: Image sets of a batch.
            generator: Named CPU generators, which whoever owns them saves.
        """
        self.padding = padding
        self._generators = [generator(f"crop/{i}") for i in range(num_sets)]

    def __call__(self, images: Tensor, lengths: Sequence[int]) -> Tensor:
        """Move the images of a batch; the device does not change where to.

        Args:
            images: [..., B, C, H, W], as they are stored: one image set, or one after another.
            lengths: How many images of each set were drawn. Nothing is drawn for those that only
                fill up the B, which stay where they are.

        Returns:
            the same shape and type.
        """
        size = images.shape[-4]
        corners = [self._corners(i, length, size) for i, length in enumerate(lengths)]
        top, left = torch.cat(corners).to(images.device, non_blocking=True).unbind(1)
        rows, columns = images.shape[-2:]
        padded = pad(images.reshape(-1, *images.shape[-3:]), [self.padding] * 4)
        places = padded.unfold(2, rows, 1).unfold(3, columns, 1)
        chosen = places[torch.arange(len(padded), device=images.device), :, top, left]
        return chosen.reshape(images.shape)

    def _corners(self, i: int, length: int, size: int) -> Tensor:
        """Row and column of the upper left corners in the padded images, [size, 2]."""
        drawn = torch.randint(2 * self.padding + 1, (length, 2), generator=self._generators[i])
        return pad(drawn, (0, 0, 0, size - length), value=self.padding)
