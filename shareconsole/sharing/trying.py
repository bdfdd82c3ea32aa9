"""To run a network in train mode without leaving a trace: statistics held, masks drawn again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import nn

from shareconsole.sharing.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import torch
    from torch import Tensor

    from shareconsole.sharing.kernels import Norm


def batch_norms(modules: Iterable[nn.Module]) -> list[Norm]:
    """The batch-norm layers of some modules."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    return [layer for module in modules for layer in module.modules() if isinstance(layer, kinds)]


@contextmanager
def without_statistics(norms: Sequence[Norm]) -> Iterator[None]:
    """Normalise by the batch and leave the running statistics and their counts as they are."""
    tracked = [norm.track_running_stats for norm in norms]
    try:
        for norm in norms:
            norm.track_running_stats = False
        yield
    finally:
        for norm, was in zip(norms, tracked, strict=True):
            norm.track_running_stats = was


@contextmanager
def counted(norms: Sequence[Norm], times: int) -> Iterator[None]:
    """Move the running statistics as so many calls with the same images would.

    n updates r <- (1 - m) r + m x with one x are the single update of momentum 1 - (1 - m)^n.
    """
    momenta = [norm.momentum for norm in norms]
    try:
        for norm, momentum in zip(norms, momenta, strict=True):
            assert momentum is not None
            norm.momentum = 1 - (1 - momentum) ** times
        yield
        for norm in norms:
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked += times - 1
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


class Masks:
    """The generators that the dropout layers of some modules draw their masks from."""

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        """Find them."""
        found = {
            id(layer.generator): layer.generator
            for module in modules
            for layer in module.modules()
            if isinstance(layer, Dropout) and layer.generator is not None
        }
        self._generators: list[torch.Generator] = [*found.values()]

    def state(self) -> list[Tensor]:
        """Where they stand, for `again`."""
        return [generator.get_state() for generator in self._generators]

    @contextmanager
    def again(self, state: Sequence[Tensor]) -> Iterator[None]:
        """Draw the masks once more that were drawn from `state`; what comes after is unchanged."""
        now = self.state()
        try:
            self._set(state)
            yield
        finally:
            self._set(now)

    def _set(self, state: Sequence[Tensor]) -> None:
        for generator, value in zip(self._generators, state, strict=True):
            generator.set_state(value)
