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
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Relative to the largest logit, or to 1 where that is less: above rounding, far below a mistake.

In single precision folded batch-norm came to 9e-7 at most (trained on digits and Omniglot, largest
logits of 1 to 103), and what another program makes of an ONNX file to 1.3e-6 (the largest preset).
How much it is depends on the data: where a channel's mean is large and its variance small, rounding
is multiplied by their ratio. Hence a bound seven times as large, and none closer.
"""


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
    """See that there is no difference but for rounding, of which each type has its own.

    Args:
        found: Logits of what goes out of the run, float32 or float64.
        expected: Those of the run's own evaluation, of the same type.
        what: What gave `found`, for the message.

    Raises:
        ShareconsoleError: There is one, or the shapes differ.
    """
    if found.shape != expected.shape:
        raise ShareconsoleError(f"{what} gives {[*found.shape]}, not {[*expected.shape]}")
    scale = max(1.0, float(expected.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    off = difference(found, expected)
    bound = TOLERANCES[found.dtype] * scale
    if not off <= bound:
        raise ShareconsoleError(
            f"{what} is not what the run evaluates with: logits differ by {off:.3g}, rounding by "
            f"{bound:.3g} at most; nothing was written"
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
