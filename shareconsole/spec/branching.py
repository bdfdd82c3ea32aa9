"""How often tree sampling draws each routed unit, chosen from what the units cost."""

from __future__ import annotations

from collections.abc import Sequence

COST_SHARE = 0.5
"""What the routed units may cost at most, relative to S assignments without a common prefix."""

FEWEST_GROUPS = 2
"""With a single group all members of an evolution strategy agree on a unit and teach it nothing."""


def auto_branching(
    costs_L: Sequence[float], num_samples: int, share: float = COST_SHARE
) -> tuple[int, ...]:
    """Return n_1 <= ... <= n_L <= S, how often each routed unit is drawn for S assignments.

    A unit that is drawn n_l times costs at most n_l times its cost of one assignment, and what its
    draws add to the variance of a gradient estimate falls like 1 / n_l. Supposing this is equally
    much for every unit, the best use of a budget is n_l proportional to 1 / sqrt(cost), as in the
    optimal allocation of nested samples. Units that would have to be drawn less often than the one
    before are drawn equally often, as one unit of their mean cost. From two draws of each unit,
    the numbers are raised one by one, always where variance falls most for the cost, until the
    budget, ``share`` of S times the cost of all routed units, does not allow the next.

    Args:
        costs_L: what one assignment costs in each routed unit, above 0, in any unit of cost.
        num_samples: S.
        share: budget; two draws of each unit are kept where they cost more.
    """
    blocks = _falling_blocks(costs_L)
    groups = [min(FEWEST_GROUPS, num_samples)] * len(blocks)
    left = share * num_samples * sum(costs_L) - sum(
        number * sum(block) for number, block in zip(groups, blocks, strict=True)
    )

    def worth(index: int) -> float:
        """Return how much a further draw of a block lowers the variance, by its cost."""
        block, number = blocks[index], groups[index]
        return len(block) / (number * (number + 1)) / sum(block)

    while open_blocks := [i for i, number in enumerate(groups) if number < num_samples]:
        best = max(open_blocks, key=worth)
        left -= sum(blocks[best])
        if left < 0:
            break
        groups[best] += 1
    return tuple(n for n, block in zip(groups, blocks, strict=True) for _ in block)


def _falling_blocks(costs_L: Sequence[float]) -> list[list[float]]:
    """Join neighbours until the mean cost falls from each block to the next."""
    blocks: list[list[float]] = []
    for cost in costs_L:
        blocks.append([cost])
        while len(blocks) > 1 and _mean(blocks[-2]) <= _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    return blocks


def _mean(block: Sequence[float]) -> float:
    return sum(block) / len(block)
