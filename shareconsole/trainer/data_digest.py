"""A digest of the data that a run trains on, so that a resume over other data is noticed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shareconsole.sharing.data import MultiTaskData


def data_digest(data: MultiTaskData) -> str:
    """SHA-256 of everything in `data`: names, class counts, every pixel and label, every split.

    Args:
        data: On the CPU, as it was loaded.
    """
    digest = hashlib.sha256(repr((data.task_names, data.num_classes, data.groups)).encode())
    for name, split in (
        ("train", data.train),
        ("test", data.test),
        ("validation", data.validation),
    ):
        if split is None:
            continue
        for tensor in (*split.images, *split.labels):
            values = tensor.contiguous().numpy()
            digest.update(f"{name} {values.dtype} {values.shape}".encode())
            digest.update(values.data)
    return digest.hexdigest()
