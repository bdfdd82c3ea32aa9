"""Trace norms of weights stacked over tasks, their subgradients, and what they tell of the tasks.

Yang & Hospedales 2017, "Trace Norm Regularised Deep Multi-Task Learning", arXiv 1606.04038. The
trace norm of a matrix is the sum of its singular values; pulled down, it makes them few.

Shapes: W is [D_1, ..., D_(N-1), T], the weights of one layer in T tasks, with axes in the paper's
order: kernel rows, kernel columns, inputs, outputs, tasks; inputs, outputs, tasks where dense.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    Unfolding = Literal["laf", "tucker", "tt"]

_TO_PAPER = {2: (1, 0), 4: (2, 3, 1, 0)}
_FROM_PAPER = {2: (1, 0), 4: (3, 2, 0, 1)}

_GRAM_FROM = 2
"""From how many times as long as wide the Gram matrix is taken: below, it saves no time."""


def stack(weights: Sequence[Tensor]) -> Tensor:
    """W of T weights, linear [out, in] or convolution [out, in, rows, columns]."""
    order = _TO_PAPER[weights[0].dim()]
    return torch.stack([weight.detach().permute(order) for weight in weights]).movedim(0, -1)


def unstack(W: Tensor) -> list[Tensor]:
    """The T weights in torch's order of axes; undoes `stack`."""
    order = _FROM_PAPER[W.dim() - 1]
    return [weight.permute(order) for weight in W.unbind(-1)]


def unfold(W: Tensor, unfolding: Unfolding) -> list[Tensor]:
    """The matrices whose trace norms are summed (section 2).

    Args:
        W: The tensor of N axes.
        unfolding: "laf": W_(N), [T, rest]. "tucker": W_(i) for i = 1..N, [D_i, rest]. "tt": W_[i]
            for i = 1..N-1, [D_1 ... D_i, rest].
    """
    if unfolding == "tt":
        cuts = range(1, W.dim())
        return [W.reshape(prod(W.shape[:cut]), -1) for cut in cuts]
    modes = [W.dim() - 1] if unfolding == "laf" else range(W.dim())
    return [W.movedim(mode, 0).reshape(W.shape[mode], -1) for mode in modes]


def fold(matrices: Sequence[Tensor], shape: torch.Size, unfolding: Unfolding) -> Tensor:
    """Put each matrix back to where `unfold` took it from; their sum, of `shape`."""
    if unfolding == "tt":
        return sum((m.reshape(shape) for m in matrices), start=matrices[0].new_zeros(shape))
    total = matrices[0].new_zeros(shape)
    modes = [len(shape) - 1] if unfolding == "laf" else range(len(shape))
    for mode, matrix in zip(modes, matrices, strict=True):
        rest = [size for axis, size in enumerate(shape) if axis != mode]
        total += matrix.reshape(shape[mode], *rest).movedim(0, mode)
    return total


def trace_norm(X: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the singular values of X = U S V^T, and the subgradient U V^T (section 2).

    Singular vectors whose value is zero but for rounding are left out of it: of all subgradients
    the one of least norm. With m rows no more than half as many as columns, U V^T is found as
    (X X^T)^(-1/2) X, from a Gram matrix in double precision; otherwise from the thin SVD.

    Args:
        X: [m, n].

    Returns:
        A scalar and [m, n], NaN throughout where X is not finite.
    """
    if X.shape[0] > X.shape[1]:
        norm, gradient = trace_norm(X.T)
        return norm, gradient.T
    if not bool(torch.isfinite(X).all()):
        return X.new_full((), torch.nan), torch.full_like(X, torch.nan)
    if X.shape[1] < _GRAM_FROM * X.shape[0]:
        U, S, Vh = torch.linalg.svd(X, full_matrices=False)
        positive = torch.finfo(X.dtype).eps * X.shape[1] * S[0] < S
        return S.sum(), (U * positive) @ Vh
    squares, Q = torch.linalg.eigh(gram(X))
    floor = torch.finfo(squares.dtype).eps * X.shape[1] * squares[-1]
    S = squares.clamp(min=0).sqrt()
    inverse = torch.where(squares > floor, 1 / S, 0)
    return S.sum().to(X.dtype), ((Q * inverse) @ Q.T).to(X.dtype) @ X


def gram(X: Tensor) -> Tensor:
    """X X^T in double precision, which keeps the small singular values that squaring would lose."""
    X64 = X.to(torch.float64)
    return X64 @ X64.T


def similarity(W: Tensor) -> Tensor:
    """Cosine of the angle between the weights of every two tasks, [T, T] float64."""
    products_TT = gram(W.movedim(-1, 0).flatten(1))
    length_T = products_TT.diagonal().sqrt()
    lengths_TT = length_T[:, None] * length_T
    return torch.where(lengths_TT > 0, products_TT / lengths_TT, 0)


def spectrum(W: Tensor) -> Tensor:
    """Singular values of W_(N), the largest first, [T] float64: how many tell tasks apart."""
    products_TT = gram(W.movedim(-1, 0).flatten(1))
    if not bool(torch.isfinite(products_TT).all()):
        return products_TT.new_full((len(products_TT),), torch.nan)
    return torch.linalg.eigvalsh(products_TT).clamp(min=0).sqrt().flip(0)
