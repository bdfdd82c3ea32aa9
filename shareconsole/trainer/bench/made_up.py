"""The data of a measurement: random, of a preset's shapes, so that nothing must be downloaded."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.data import MultiTaskData, Split
from shareconsole.trainer.build import load_data
from shareconsole.trainer.device import DTYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.spec.bench import BenchCase, BenchJob
    from shareconsole.spec.data.table import DataShape

_DISTINCT = 64
_SEED = 1


def case_data(job: BenchJob, case: BenchCase, device: torch.device) -> MultiTaskData:
    """The data of a case on the device, real or made up as the job says."""
    dtype = DTYPES[case.preset.device.dtype]
    if job.real_data:
        return load_data(case.preset).to(device, dtype)
    shape = case.preset.data.shape()
    if case.tasks is not None:
        shape = with_tasks(shape, case.tasks)
    return make_up(shape, dtype).to(device, dtype)


def with_tasks(shape: DataShape, num_tasks: int) -> DataShape:
    """The shape with T tasks: the first ones, or all of them over and over."""

    def repeated(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(islice(cycle(values), num_tasks))

    return shape._replace(
        num_tasks=num_tasks,
        num_classes=repeated(shape.num_classes),
        train_images=repeated(shape.train_images),
        test_images=repeated(shape.test_images),
        validation_images=repeated(shape.validation_images),
    )


def make_up(shape: DataShape, dtype: torch.dtype) -> MultiTaskData:
    """Random images and labels, as many and as large as the preset's.

    So they take as long to gather and as much memory; only a few of every task differ.

    Args:
        shape: The sizes.
        dtype: Of images that the data set keeps as numbers.
    """
    generator = torch.Generator().manual_seed(_SEED)

    def split(counts: Sequence[int]) -> Split:
        sets = counts[:1] if shape.shared_inputs else counts
        images = tuple(_images(count, shape, dtype, generator) for count in sets)
        labels = zip(counts, shape.num_classes, strict=True)
        return Split(images, tuple(torch.randint(c, (n,), generator=generator) for n, c in labels))

    return MultiTaskData(
        tuple(f"task{task}" for task in range(1, shape.num_tasks + 1)),
        shape.num_classes,
        split(shape.train_images),
        split(shape.test_images),
        split(shape.validation_images) if shape.validation_images else None,
    )


def _images(count: int, shape: DataShape, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """[N, C, H, W]; drawing every pixel of a large data set would take longer than measuring."""
    # A task of which a split has no image has a tensor of none.
    size = (max(1, min(count, _DISTINCT)), *shape.input_shape)
    if shape.bytes_per_pixel:
        drawn = torch.randint(256, size, generator=generator, dtype=torch.uint8)
    else:
        drawn = torch.rand(size, generator=generator, dtype=dtype)
    return drawn.repeat(-(-count // len(drawn)), 1, 1, 1)[:count]
