"""Draw assignments that share module prefixes on purpose, each of them still distributed as pi.

Our own step beyond Prellberg & Kramer 2020, who draw the S assignments independently. An engine
that computes common prefixes once pays for a unit by the number of distinct prefixes up to it, and
with many candidates independent assignments have few prefixes in common. Here unit l of a task is
drawn n_l times instead of S times, n_1 <= n_2 <= ... <= n_L <= S: the assignments form n_l groups,
each nested in a group of the unit before, and the members of a group share its draw. So a task has
at most n_l distinct prefixes at unit l, few where units are early and expensive. Each task groups
the assignments anew: what two assignments have in common in one task, they need not in another.

What is unchanged, exactly:

* Every assignment on its own has the distribution pi, all rows (l, t) independent: it picks up
  one draw per row, and which draw that is does not depend on their values.
* The expected gradient of the SGD half, for it is a sum over assignments taken one by one.

What is not:

* The spread of the SGD gradient around that expectation: the draws of an early unit average over
  n_l values instead of S. With `stratified` the draws of a row are spread over the quantiles of
  its distribution, which more than halves this on the digits preset and leaves every assignment's
  distribution as it was.
* What follows from several assignments at once and is not linear in them: how often a module is
  called in a step, hence running statistics, and which modules the optimiser skips as unused.
* The NES half, which compares assignments. Its estimate is a mean over ordered pairs,
  g[l, t] = 1 / (2 S (S - 1)) sum_ij sign(f_j - f_i) (onehot(a_i) - onehot(a_j)), so its
  expectation depends on the joint law of two assignments. A pair that shares the draw of row
  (l, t) adds exactly 0 there: ranking all members together already compares each unit's groups
  with each other and nothing within them. What is lost is length, which `compared_L` gives back.
  The rest is a bias that only comes from ranking: a pair with a prefix in common differs in fewer
  rows, so that the sign of its difference says more about each of them, and the step is longer
  than with independent assignments; its direction hardly changes. If f itself were used instead of
  its ranks the expectations would be equal. Measured as relative length: 1.00 to 1.15 on digits and
  planted, most where units are drawn two to four times. `stratified` adds to it (up to 1.3), so the
  NES half does without.

With S above n_L, members repeat paths of a task in new combinations with those of the others.
Losses are per task, so these members cost nothing to evaluate, and ranking the mean over tasks gets
less noisy in each task's own rows.

Shapes: S sampled assignments, L routed units, T tasks, K candidate modules, N draws per row.
"""

from __future__ import annotations

from heapq import heapify, heapreplace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Tree:
    """How S assignments share the draws of L routed units.

    Attributes:
        branching: n_l, the groups of each unit; at most S.
        num_samples: S.
        compared_L: [L] float64, the share of pairs of assignments that are in different groups of a
            unit, by which the length of the NES gradient shrinks there; 0 where n_l = 1.
    """

    def __init__(self, branching: Sequence[int], num_samples: int) -> None:
        """Group S places; groups of a unit are as equal as nesting allows.

        Args:
            branching: Wanted groups of each unit; more than S count as S.
            num_samples: S.

        Raises:
            ValueError: An entry is below 1 or below the one before it.
        """
        self.branching = tuple(min(groups, num_samples) for groups in branching)
        self.num_samples = num_samples
        if any(later < earlier for earlier, later in pairwise((1, *branching))):
            raise ValueError(f"branching {list(branching)} has an entry below 1 or the one before")
        sizes = [num_samples]
        groups = torch.empty((len(self.branching), num_samples), dtype=torch.int64)
        compared = []
        for unit, count in enumerate(self.branching):
            sizes = _divide(sizes, count)
            groups[unit] = torch.from_numpy(np.repeat(np.arange(count), sizes))
            together = sum(size * (size - 1) for size in sizes)
            compared.append(1 - together / max(1, num_samples * (num_samples - 1)))
        self.compared_L = torch.tensor(compared, dtype=torch.float64)
        self._group_LS = groups

    def sample(
        self, pi_LTK: Tensor, generator: torch.Generator, *, stratified: bool = False
    ) -> Tensor:
        """Draw S assignments.

        Args:
            pi_LTK: [L, T, K] probabilities.
            generator: On the CPU; all there is to save and restore.
            stratified: Draw the groups of a row from different quantiles of its distribution
                (systematic sampling in random order) instead of independently.

        Returns:
            [S, L, T] int64.

        Raises:
            ValueError: Pi has another number of routed units.
        """
        num_routed, num_tasks, _ = pi_LTK.shape
        if num_routed != len(self.branching):
            raise ValueError(f"a tree of {len(self.branching)} units for {num_routed} routed units")
        # Which place in the tree an assignment has, for each task anew.
        place_TS = _random((num_tasks, self.num_samples), generator).argsort(1)
        points_LTN = self._points(num_tasks, generator, stratified=stratified)
        values_LTN = _quantiles(pi_LTK, points_LTN)
        return values_LTN.gather(2, self._group_LS[:, place_TS]).permute(2, 0, 1).contiguous()

    def _points(self, num_tasks: int, generator: torch.Generator, *, stratified: bool) -> Tensor:
        """Points [L, T, N], each uniform in [0, 1); the first n_l of unit l mean something."""
        num_routed, most = len(self.branching), max(self.branching, default=0)
        points_LTN = _random((num_routed, num_tasks, most), generator)
        if not stratified:
            return points_LTN
        count_L11 = torch.tensor(self.branching).view(-1, 1, 1)
        # The unused ones sort last, so the first n_l places hold a permutation of 0 .. n_l - 1.
        unused_L1N = torch.arange(most) >= count_L11
        order_LTN = (points_LTN + unused_L1N).argsort(2)
        return (order_LTN + _random((num_routed, num_tasks, 1), generator)) / count_L11


def _divide(sizes: Sequence[int], count: int) -> list[int]:
    """Sizes of `count` groups that come from splitting groups of `sizes`, as equal as possible."""
    parts = [1] * len(sizes)
    widest = [(-float(size), i) for i, size in enumerate(sizes)]
    heapify(widest)
    for _ in range(count - len(sizes)):
        _, i = widest[0]
        parts[i] += 1
        heapreplace(widest, (-sizes[i] / parts[i], i))
    return [
        size // num + (i < size % num)
        for size, num in zip(sizes, parts, strict=True)
        for i in range(num)
    ]


def _random(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers uniform in [0, 1), float64."""
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _quantiles(pi_LTK: Tensor, points_LTN: Tensor) -> Tensor:
    """The module of each row in whose part of [0, 1) a point lies, [L, T, N] int64."""
    ends_LTK = pi_LTK.cumsum(2)
    # The last end is exactly 1 and every point below it, so no module of probability 0 is hit.
    ends_LTK = ends_LTK / ends_LTK[:, :, -1:]
    below_one = points_LTN.clamp(max=1 - torch.finfo(torch.float64).eps)
    return torch.searchsorted(ends_LTK, below_one, right=True)
