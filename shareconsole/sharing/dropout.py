"""Dropout whose masks come from a generator of the run, so that a resumed run draws the same.

Srivastava et al. 2014: in training each value is zero with probability p, otherwise divided by
1 - p; in eval mode nothing happens. With `channels` whole channels of an image are dropped
(Tompson et al. 2015).
"""

from __future__ import annotations

import torch
from torch import nn


class Dropout(nn.Module):
    """Drops values, or channels of images, in train mode."""

    def __init__(self, p: float, *, channels: bool = False) -> None:
        """Drop with probability `p`; the bank sets `generator`, one on the CPU."""
        super().__init__()
        self.p = p
        self.channels = channels
        self.generator: torch.Generator | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, ...] to the same shape.

        Raises:
            RuntimeError: Nobody set a generator, in train mode.
        """
        if not self.training:
            return x
        if self.generator is None:
            raise RuntimeError("dropout without a generator")
        shape = (*x.shape[:2], *[1] * (x.dim() - 2)) if self.channels else x.shape
        # Single precision on the CPU whatever the run's, so that every run draws the same.
        kept = torch.rand(shape, generator=self.generator, dtype=torch.float32) >= self.p
        return x * kept.to(x.device, x.dtype).div_(1 - self.p)

    def extra_repr(self) -> str:
        """What is in the brackets when it is printed."""
        return f"p={self.p}, channels={self.channels}"
