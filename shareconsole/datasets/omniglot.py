"""Omniglot as one task per alphabet, under three published protocols.

Lake, Salakhutdinov and Tenenbaum 2015, Science 350(6266): 50 alphabets, 1,623 characters, 20
drawings of each. Every protocol divides the 20 drawings of each character at random:

* ``lws``, Prellberg & Kramer 2020 (arXiv 2003.10159), released code: 16 train, 4 test; numpy's
  legacy generator seeded by the MD5 of the alphabet's name modulo 2**32, one permutation for each
  character in order.
* ``maziarz``, Maziarz et al. 2019 (arXiv 1910.04915), released code: 10 train, 4 validation, 6
  test, ink white; the same with the alphabet's place among the 50 sorted names as seed.
* ``yang``, Yang & Hospedales 2017 (arXiv 1606.04038): 2 train, 18 test, ten random repeats whose
  seeds were not published. Here the seed comes from the alphabet's name and ``split_seed``.

Deviation: which drawing a permutation's entry means depends on the order in which the originals
listed theirs (of the file system, of TFDS's shuffled records), which is not published. Here it is
the order of the file names, so the sizes and seeds are theirs and the drawings may not be.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from shareconsole.files.checking import require
from shareconsole.files.omniglot import read_drawings
from shareconsole.files.omniglot_alphabets import CHARACTERS, DRAWINGS
from shareconsole.sharing.data import MultiTaskData, Split
from shareconsole.sharing.preparation import prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from shareconsole.spec.data.omniglot import OmniglotOptions


def load_omniglot(options: OmniglotOptions) -> MultiTaskData:
    """Read the drawings, from the cache if they were decoded before, and split them.

    Raises:
        DataMissing: A zip is not there.
        DataDamaged: A zip is not what it should be.
    """
    names = options.tasks
    drawings = read_drawings(require("omniglot", options.verify), options.size, names)
    split = options.split
    ends = (0, split.train, split.train + split.validation, DRAWINGS)
    parts: list[list[tuple[Tensor, Tensor]]] = [[] for _ in ends[1:]]
    shape = (1, options.size, options.size)
    for task, name in enumerate(names):
        images, how = drawings[name], options.preparation(task)
        order = orders(len(images), split_seed(options.protocol, name, options.split_seed))
        for part, start, stop in zip(parts, ends, ends[1:], strict=False):
            found, labels = _take(images, order[:, start:stop])
            part.append((prepared(found, how, shape), labels))
    train, validation, test = (Split(tuple(x for x, _ in p), tuple(y for _, y in p)) for p in parts)
    return MultiTaskData(
        names,
        tuple(CHARACTERS[name] for name in names),
        train,
        test,
        validation if split.validation else None,
        class_names=tuple(
            tuple(f"character{number:02}" for number in range(1, CHARACTERS[name] + 1))
            for name in names
        ),
    )


def split_seed(protocol: str, alphabet: str, variant: int) -> int:
    """Seed of an alphabet's split, below 2**32; variant 0 is the protocol's own."""
    if protocol == "maziarz":
        own = sorted(CHARACTERS).index(alphabet)
    else:
        own = int(hashlib.md5(alphabet.encode(), usedforsecurity=False).hexdigest(), 16)
    return (own + variant) % 2**32


def orders(num_characters: int, seed: int) -> NDArray[np.int64]:
    """A permutation of the 20 drawings for each character, [characters, 20]."""
    random = np.random.RandomState(seed)
    return np.stack([random.permutation(DRAWINGS) for _ in range(num_characters)])


def _take(images: NDArray[np.uint8], chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Drawings ``chosen`` [characters, n] as images [characters * n, 1, S, S], and their labels."""
    characters = np.arange(len(images))[:, None]
    taken = images[characters, chosen].reshape(-1, 1, *images.shape[2:])
    labels = np.repeat(np.arange(len(images)), chosen.shape[1])
    return torch.from_numpy(taken), torch.from_numpy(labels)
