"""Two digits laid over one another; the tasks are to read the left one and the right one.

Both tasks label the same images, as the line search of Filatov & Merkulov 2021 (arXiv 2110.00874)
needs it. The images are made as in the released code of Sener & Koltun 2018 (arXiv 1810.04650):
one digit in the top left corner of a larger canvas, the other one moved down and right, the lighter
value where they overlap, and the canvas reduced to the size of a digit, nearest pixel.

* ``multimnist``: canvas 36x36, the right digit moved by 6 pixels, reduced to 28x28; each training
  (test) image of MNIST is the left digit of one image, and any training (test) image the right one,
  drawn at random. Deviations: the draw is seeded, theirs was not; and bytes stay as they are, where
  theirs were stretched to the brightest pixel of each image, which is 255 or close to it in all.
* ``digits_overlaid``: scikit-learn's 1,797 digits of 8x8 pixels, which fill their square. The right
  one is moved by ``offset`` pixels and the canvas is kept as it is, as nothing would be left of
  strokes of one pixel. Digits of training images never appear in test images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.datasets import load_digits

from shareconsole.files.checking import require
from shareconsole.files.idx import read_idx
from shareconsole.files.known import FILE_SETS
from shareconsole.sharing.data import MultiTaskData, Split
from shareconsole.sharing.preparation import prepared
from shareconsole.sharing.splits import stratified_split
from shareconsole.spec.data.overlaid import CANVAS, SIDE

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from shareconsole.files.record import SplitName
    from shareconsole.spec.data.overlaid import DigitsOverlaidOptions, MultiMnistOptions

TASKS = ("left", "right")
SHIFT = 6
# Both digits and their canvas take four times as much as the image they come to, so all images at
# once would take more memory than any training step.
AT_ONCE = 1_000
# Of the 1,797 digits; the others are for test images.
TRAINING_DIGITS = 1_200


def load_multimnist(options: MultiMnistOptions) -> MultiTaskData:
    """Read MNIST and lay its digits over one another."""
    file_set, paths = FILE_SETS["mnist"], require("mnist", options.verify)
    wanted: dict[SplitName, int | str] = {
        "train": options.train_images,
        "test": options.test_images,
    }
    splits = []
    for split, number in wanted.items():
        images, labels = (
            read_idx(paths[file_set.file(split, role).name]) for role in ("images", "labels")
        )
        size = len(images) if number == "all" else int(number)
        left, right = pairs(len(images), size, options.split_seed, split)
        reduced = np.empty((size, SIDE, SIDE), images.dtype)
        for first in range(0, size, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            canvas = overlay(images[left[part]], images[right[part]], SHIFT, CANVAS)
            # Both tasks read the same image.
            pictures, how = torch.from_numpy(canvas[:, None]), options.preparation(0)
            reduced[part] = prepared(pictures, how, (1, SIDE, SIDE))[:, 0].numpy()
        splits.append(_split(reduced, labels[left], labels[right]))
    train, test = splits
    return MultiTaskData(TASKS, (10, 10), train, test)


def load_digits_overlaid(options: DigitsOverlaidOptions) -> MultiTaskData:
    """Lay scikit-learn's digits over one another."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)
    labels = digits.target
    pools = stratified_split(labels, TRAINING_DIGITS, options.split_seed)
    splits = []
    for name, pool, size in (
        ("train", pools[0], options.train_images),
        ("test", pools[1], options.test_images),
    ):
        left, right = (pool[i] for i in pairs(len(pool), size, options.split_seed, name))
        canvas = overlay(images[left], images[right], options.offset, 8 + options.offset)
        splits.append(_split(canvas, labels[left], labels[right]))
    train, test = splits
    return MultiTaskData(TASKS, (10, 10), train, test)


def pairs(there: int, size: int, seed: int, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw ``size`` pairs out of ``there`` digits.

    Args:
        there: digits to draw from.
        size: pairs.
        seed: seed of the draw.
        split: "train" or "test", so that these two draw differently.

    Returns:
        Left digits, each used once before any is used again, and right digits, drawn freely.
    """
    random = np.random.RandomState([seed, int(split == "test")])
    left = np.concatenate([random.permutation(there) for _ in range(-(-size // there))])[:size]
    return left, random.randint(there, size=size)


def overlay(left: NDArray[Any], right: NDArray[Any], shift: int, canvas: int) -> NDArray[Any]:
    """Lay digits over one another, the lighter value where both have ink.

    Args:
        left: [N, S, S], put into the top left corner.
        right: [N, S, S], put ``shift`` pixels below and to the right of it.
        shift: pixels.
        canvas: pixels a side of what comes out, at least S + ``shift``.

    Returns:
        [N, canvas, canvas] of the same type.
    """
    side = left.shape[-1]
    out = np.zeros((len(left), canvas, canvas), left.dtype)
    out[:, :side, :side] = left
    under = out[:, shift : shift + side, shift : shift + side]
    np.maximum(under, right, out=under)
    return out


def _split(images: NDArray[Any], left: NDArray[Any], right: NDArray[Any]) -> Split:
    """[N, H, W] images and both labels of each."""
    labels = tuple(torch.from_numpy(each.astype(np.int64)) for each in (left, right))
    return Split((torch.from_numpy(np.ascontiguousarray(images[:, None])),), labels)
