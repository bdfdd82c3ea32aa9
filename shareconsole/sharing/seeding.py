"""All randomness of a run comes from one root seed through named generators.

A name's stream does not depend on which other names are in use, so adding a consumer of
randomness never shifts the others. All generators live on the CPU: a run draws the same numbers
on every device.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


def derive_seed(root_seed: int, name: str) -> int:
    """Seed in [0, 2**63) of the stream `name` under `root_seed`."""
    digest = hashlib.sha256(f"{root_seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Generators:
    """Named CPU generators that are saved and restored together."""

    def __init__(self, root_seed: int) -> None:
        """Derive every stream from `root_seed`."""
        self.root_seed = root_seed
        self._generators: dict[str, torch.Generator] = {}

    def __call__(self, name: str) -> torch.Generator:
        """The generator of this name; the same object each time."""
        if name not in self._generators:
            seed = derive_seed(self.root_seed, name)
            self._generators[name] = torch.Generator().manual_seed(seed)
        return self._generators[name]

    @contextmanager
    def initialising(self, name: str) -> Iterator[None]:
        """Run torch's default initialisers, which draw from the global generator, on this stream.

        The global generator is put back afterwards.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.root_seed, f"init/{name}"))
            yield

    @property
    def names(self) -> list[str]:
        """Names in use, sorted."""
        return sorted(self._generators)

    def state_dict(self) -> dict[str, Tensor]:
        """State of every generator in use."""
        return {name: self._generators[name].get_state() for name in self.names}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Put every saved generator back to where it was."""
        for name, value in state.items():
            self(name).set_state(value)
