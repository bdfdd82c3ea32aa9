"""The shortest vector among all mixtures of some vectors, as MGDA takes it for tasks' gradients.

Désidéri 2012, "Multiple-gradient descent algorithm (MGDA) for multiobjective optimization":
minimise |sum_t a_t g_t|^2 over a >= 0, sum_t a_t = 1. At the minimum the mixture d has
<g_t, d> >= |d|^2 for every t, so that -d lowers all losses, or is zero. Sener & Koltun 2018 (arXiv
1810.04650) take the gradients by the latents (MGDA-UB).

Two vectors have a closed form; that of their released code keeps a in [0.001, 0.999], here it is in
[0, 1]. For more, Wolfe 1976, "Finding the nearest point in a polytope", finds the minimum exactly
in finitely many steps, where the released code takes up to 250 approximate ones.

Shapes: T vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

_TOLERANCE = 1e-12


def min_norm_weights(gram_TT: Tensor) -> Tensor:
    """Weights [T], on the device and of the type of the argument.

    More than two vectors are read back to the host, which waits for a GPU.

    Args:
        gram_TT: [T, T] inner products of the vectors; where one is not finite, nor are the weights.
    """
    if len(gram_TT) == 1:
        return torch.ones_like(gram_TT[0])
    if len(gram_TT) == 2:
        return _of_two(gram_TT)
    gram = gram_TT.detach().to("cpu", torch.float64)
    if not bool(gram.isfinite().all()):
        return torch.full_like(gram_TT[0], float("nan"))
    return _nearest_point(gram).to(gram_TT)


def _of_two(gram: Tensor) -> Tensor:
    """The foot of the perpendicular from the origin on the line, kept on the segment."""
    span = gram[0, 0] + gram[1, 1] - 2 * gram[0, 1]
    first = ((gram[1, 1] - gram[0, 1]) / span).clamp(0, 1)
    # Equal vectors span nothing, and every mixture of them is as long.
    first = torch.where(span > 0, first, torch.where(span.isnan(), span, 0.5))
    return torch.stack([first, 1 - first])


def _nearest_point(gram: Tensor) -> Tensor:
    """Wolfe's algorithm on the Gram matrix: grow a set of vectors, drop those with no weight."""
    slack = _TOLERANCE * float(gram.diagonal().max())
    used = [int(gram.diagonal().argmin())]
    weights = torch.ones(1, dtype=torch.float64)
    while True:
        along_T = gram[:, used] @ weights
        shortest = float(along_T[used] @ weights)
        enters = int(along_T.argmin())
        if float(along_T[enters]) >= shortest - slack or enters in used:
            break
        used.append(enters)
        weights = torch.cat([weights, weights.new_zeros(1)])
        while True:
            nearest = _nearest_on_plane(gram[used][:, used])
            outside = nearest <= _TOLERANCE
            if not bool(outside.any()):
                weights = nearest
                break
            # As far as the simplex goes; the vector that is met there leaves.
            step = weights[outside] / (weights[outside] - nearest[outside])
            weights = weights + step.min() * (nearest - weights)
            kept = weights > _TOLERANCE
            used = [vector for vector, stays in zip(used, kept.tolist(), strict=True) if stays]
            weights = weights[kept] / weights[kept].sum()
    found = torch.zeros(len(gram), dtype=torch.float64)
    found[used] = weights
    return found


def _nearest_on_plane(gram: Tensor) -> Tensor:
    """Weights of sum 1, of either sign, of the shortest mixture."""
    size = len(gram)
    system = torch.ones(size + 1, size + 1, dtype=torch.float64)
    # In units of the vectors' length, so that the ones beside are of a like size.
    system[:size, :size] = gram / gram.diagonal().max()
    system[size, size] = 0
    right = torch.zeros(size + 1, 1, dtype=torch.float64)
    right[size] = 1
    return torch.linalg.lstsq(system, right, driver="gelsd").solution[:size, 0]
