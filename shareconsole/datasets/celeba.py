"""CelebA as one task per attribute: has a face this attribute or not.

Liu, Luo, Wang and Tang 2015 (arXiv 1411.7766): 202,599 faces, cut out and aligned, 40 attributes of
each, and a split by person into 162,770 images to train on, 19,867 to choose by and 19,962 to test
on. The first version of Vandenhende et al. 2020 (arXiv 1904.02920) branches networks for these
tasks. All tasks label the same images.

Deviation: attributes are two classes with a softmax over both, where a sigmoid over one number is
usual. Faces are squeezed into a square if a size is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.files.celeba import check_classes, choose, read_faces
from shareconsole.files.celeba_attributes import ATTRIBUTES
from shareconsole.files.checking import require
from shareconsole.sharing.data import MultiTaskData, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shareconsole.spec.data.celeba import CelebaOptions


def load_celeba(options: CelebaOptions) -> MultiTaskData:
    """Read the faces, from the cache if they were decoded before, and their attributes.

    Raises:
        DataMissing: A file is not there.
        DataDamaged: A file is not what it should be.
    """
    paths = require("celeba", options.verify)
    chosen = choose(paths, options.numbers, options.split_seed)
    check_classes(paths, chosen, options.tasks)
    faces = read_faces(paths, {part: each.names for part, each in chosen.items()}, options.size)
    columns = [ATTRIBUTES.index(name) for name in options.tasks]
    splits = {part: _split(faces[part], chosen[part].labels[:, columns]) for part in chosen}
    return MultiTaskData(
        options.tasks,
        options.shape().num_classes,
        splits["train"],
        splits["test"],
        splits["validation"],
        class_names=tuple((f"not {name}", name) for name in options.tasks),
    )


def _split(faces: NDArray[np.uint8], labels_NT: NDArray[np.int64]) -> Split:
    labels_TN = torch.from_numpy(labels_NT).T.contiguous()
    return Split((torch.from_numpy(faces),), tuple(labels_TN))
