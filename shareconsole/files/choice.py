"""Whether enough images are there to choose some of them, stratified by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shareconsole.errors import DataDamaged


def check_choice(where: str, counts: NDArray[np.int64], wanted: int) -> None:
    """See that a number of images can be chosen; not all means one of each class stays behind.

    Args:
        where: what the images are in, for the message.
        counts: images of each class, none of them 0.
        wanted: images to choose.

    Raises:
        DataDamaged: there are too few, or too few of a class.
    """
    there = int(counts.sum())
    if there == wanted:
        return
    if there < wanted + len(counts):
        raise DataDamaged(
            f"{where}: has {there:,} images, too few to choose {wanted:,} of {len(counts)} classes"
        )
    if counts.min() < 2:
        raise DataDamaged(f"{where}: a class has one image only, too few to choose from")
