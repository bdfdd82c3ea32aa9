"""Images that all tasks' networks are shown, and what the networks make of them.

Shapes: T tasks, K images, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.data import Split

_IMAGES_AT_A_TIME = 64


def draw_probe(split: Split, most: int, generator: torch.Generator) -> Tensor:
    """Images [K, C, H, W] of a split as they are stored, task by task where each has its own.

    Every task brings the same number, so that none decides what the images look like: K is the
    largest multiple of T that is at most `most` and that the task with the fewest images can bring
    its part to. Images that all tasks label are drawn as they are, K of them at most.

    Args:
        split: Where from.
        most: Images asked for, T or more.
        generator: Draws them, without replacement.
    """
    sets = split.images
    each = min(most // len(sets), *map(len, sets)) if len(sets) > 1 else min(most, len(sets[0]))
    drawn: list[Tensor] = []
    for images in sets:
        chosen = torch.randperm(len(images), generator=generator)[:each]
        drawn.append(images[chosen.to(images.device)])
    return torch.cat(drawn)


def at_cuts(bank: Bank, task: int, choice: Sequence[int], images: Tensor) -> Iterator[Tensor]:
    """Yield what comes out of each routed unit of one task's network, [K, ...], in eval mode.

    Args:
        bank: The modules.
        task: Whose network.
        choice: L module indices, one per routed unit.
        images: [K, C, H, W] as the first unit reads them.
    """
    bank.eval()
    outputs = images
    for mark, module in zip(bank.marks, bank.path(task, choice)[:-1], strict=True):
        with torch.no_grad():
            outputs = torch.cat([module(part) for part in outputs.split(_IMAGES_AT_A_TIME)])
        if mark == "routed":
            yield outputs
