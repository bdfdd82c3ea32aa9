"""Is a network on its own what the run evaluates with?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.errors import ShareconsoleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from shareconsole.trainer.data_outline import DataOutline

PROBES = 8
_SEED = 0
TOLERANCE = 1e-9
"""In double precision, relative to the largest logit: far above rounding, far below a mistake."""


def probes(outline: DataOutline) -> Tensor:
    """Images [8, C, H, W] in double precision, random between what the data have."""
    generator = torch.Generator().manual_seed(_SEED)
    shape = (PROBES, *outline.input_shape)
    x = torch.rand(shape, generator=generator, dtype=torch.float64)
    return outline.lowest + (outline.highest - outline.lowest) * x


def difference(a: Tensor, b: Tensor) -> float:
    """Largest difference of two tensors; where both are NaN or the same infinity it is none."""
    a, b = a.double(), b.double()
    same = (a == b) | (a.isnan() & b.isnan())
    return float(torch.where(same, 0.0, (a - b).abs()).max())


def require_same(found: Tensor, expected: Tensor, what: str) -> None:
    """See that double precision tells no difference.

    Raises:
        ShareconsoleError: It does, or the shapes differ.
    """
    if found.shape != expected.shape:
        raise ShareconsoleError(f"{what} gives {[*found.shape]}, not {[*expected.shape]}")
    scale = max(1.0, float(expected.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    off = difference(found, expected)
    if not off <= TOLERANCE * scale:
        raise ShareconsoleError(
            f"{what} is not what the run evaluates with: logits differ by {off:.3g}; "
            "nothing was written"
        )


def reason(error: Exception) -> str:
    """What a library's error says, in one line; torch puts what is wrong below a headline."""
    lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    shown = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return shown[:300]


def run(network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """What a network makes of inputs, without gradients."""
    with torch.no_grad():
        return network(inputs)
