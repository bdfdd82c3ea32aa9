"""How alike the networks of several tasks represent the same images.

Source: representation similarity analysis as in Vandenhende et al. 2020 (arXiv 1904.02920): a
network's representational dissimilarity matrix holds 1 - Pearson correlation of the features of
every two images; two tasks are as alike as their matrices, by Spearman's rank correlation of the
strict upper triangles. No label is needed, and features of different lengths compare.

Shapes: T tasks, K images, F features, P = K (K - 1) / 2 pairs of images.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEP = 2.0**-20
"""What distances are rounded to: where most features are zero many distances are equal, and what
rounding errors leave between them is not to count as an order."""

_FEATURES_AT_A_TIME = 4096
"""In double precision; all features of all images at once would take as much as a training run."""


def rdm(features: Tensor) -> Tensor:
    """Correlation distances [P] of all pairs of images, float64 in the order of `triu_indices`.

    They are rounded to multiples of `STEP`.

    An image whose features are all equal has no correlation with any other: their distance is 1.

    Args:
        features: [K, ...] at one place of one network.

    Raises:
        ValueError: A feature is not finite.
    """
    x_KF = features.detach().flatten(1)
    if not bool(x_KF.isfinite().all()):
        raise ValueError("features that are not finite have no correlation")
    mean_K1 = x_KF.mean(1, keepdim=True, dtype=torch.float64)
    products_KK = torch.zeros((len(x_KF),) * 2, dtype=torch.float64, device=x_KF.device)
    for part in x_KF.split(_FEATURES_AT_A_TIME, 1):
        centred = part - mean_K1
        products_KK.addmm_(centred, centred.mT)
    varies_K = x_KF.amax(1) > x_KF.amin(1)
    inverse_K = torch.where(varies_K, products_KK.diagonal().rsqrt(), 0.0)
    correlation_KK = products_KK * inverse_K * inverse_K[:, None]
    rows, columns = torch.triu_indices(len(x_KF), len(x_KF), offset=1, device=x_KF.device)
    distances_P = 1 - correlation_KK[rows, columns].clamp(-1, 1)
    return (distances_P / STEP).round() * STEP


def ranks(values_P: Tensor) -> Tensor:
    """Rank of each value from 1 on, float64 [P]; equal values share the mean of their ranks."""
    ordered, order = values_P.sort()
    _, group_P, sizes = ordered.unique_consecutive(return_inverse=True, return_counts=True)
    mean = sizes.cumsum(0).to(torch.float64) - (sizes - 1) / 2
    return torch.empty_like(mean[group_P]).index_copy_(0, order, mean[group_P])


def affinity(ranks_TP: Tensor) -> Tensor:
    """Spearman's correlation of every two tasks, symmetric float64 [T, T], 1 on the diagonal.

    A task whose distances are all equal has a correlation of 0 with the others.

    Args:
        ranks_TP: `ranks` of each task's `rdm`, for the same images in the same order.
    """
    centred_TP = ranks_TP.to(torch.float64)
    centred_TP = centred_TP - centred_TP.mean(1, keepdim=True)
    varies_T = ranks_TP.amax(1) > ranks_TP.amin(1)
    inverse_T = torch.where(varies_T, centred_TP.square().sum(1).rsqrt(), 0.0)
    unit_TP = centred_TP * inverse_T[:, None]
    correlation_TT = (unit_TP @ unit_TP.mT).clamp(-1, 1)
    return ((correlation_TT + correlation_TT.mT) / 2).fill_diagonal_(1)
