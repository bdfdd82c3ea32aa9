"""Data of several tasks, resident on the device, and the batches drawn from it.

Shapes: T tasks, N images, B images per task and batch, C channels, H rows, W columns.

Two kinds of multi-task problem are covered by one class. Either every task has its own images,
or all tasks label the same images and some labels may be missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad

from shareconsole.sharing.random_crop import RandomCrop
from shareconsole.sharing.splits import stratified_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

MISSING = -1
"""Label of an image that a task does not label."""


@dataclass(frozen=True)
class Split:
    """Images and labels of one split, for all tasks.

    Attributes:
        images: One tensor [N_t, C, H, W] per task, or a single [N, C, H, W] that all tasks label;
            uint8 in 0..255 (scaled to [0, 1] when a batch is drawn) or float, used as it is.
        labels: One int64 tensor [N_t] per task, `MISSING` where a task does not label an image.
    """

    images: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]

    def task_images(self, task: int) -> Tensor:
        """Images of one task, [N_t, C, H, W]."""
        return self.images[task if len(self.images) > 1 else 0]

    def take(self, indices: Sequence[Tensor]) -> Split:
        """The images at `indices`, one int64 tensor per image set (one per task, or one)."""
        own = len(self.images) > 1
        return Split(
            tuple(images[index] for images, index in zip(self.images, indices, strict=True)),
            tuple(y[indices[t if own else 0]] for t, y in enumerate(self.labels)),
        )

    def to(self, device: torch.device, dtype: torch.dtype) -> Split:
        """The same split on `device`, float images as `dtype`, uint8 images as they are."""
        return Split(
            tuple(
                x.to(device, dtype if x.is_floating_point() else x.dtype).contiguous()
                for x in self.images
            ),
            tuple(y.to(device) for y in self.labels),
        )


def split_tasks(
    tasks: Iterable[tuple[NDArray[np.float32], NDArray[np.int64]]], train_per_task: int, seed: int
) -> tuple[Split, Split]:
    """Training and test split of tasks that each have their own images, stratified by class.

    Args:
        tasks: (images [N_t, C, H, W], labels [N_t]) of each task.
        train_per_task: Training images of every task; the rest is for testing.
        seed: Seed of the choice.
    """
    parts: tuple[list[tuple[Tensor, Tensor]], ...] = ([], [])
    for images, labels in tasks:
        for part, chosen in zip(parts, stratified_split(labels, train_per_task, seed), strict=True):
            part.append((torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen])))
    train, test = (Split(tuple(x for x, _ in p), tuple(y for _, y in p)) for p in parts)
    return train, test


@dataclass(frozen=True)
class MultiTaskData:
    """All data of a run.

    Attributes:
        task_names: T names.
        num_classes: Number of classes of each task; they may differ.
        train: Training split.
        test: Test split.
        validation: Split held out of the training split, if the preset asks for one.
        groups: Planted group of each task where the data set has them, for judging what sharing
            was found; no method sees it.
        class_names: Names of each task's classes; None where they have only their numbers.
    """

    task_names: tuple[str, ...]
    num_classes: tuple[int, ...]
    train: Split
    test: Split
    validation: Split | None = None
    groups: tuple[int, ...] | None = None
    class_names: tuple[tuple[str, ...], ...] | None = None

    @property
    def num_tasks(self) -> int:
        """T."""
        return len(self.task_names)

    @property
    def shared_inputs(self) -> bool:
        """True if all tasks label the same images."""
        return len(self.train.images) == 1 and self.num_tasks > 1

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, rows, columns = self.train.images[0].shape[1:]
        return channels, rows, columns

    def hold_out(self, fraction: float, seed: int) -> MultiTaskData:
        """Move `fraction` of every training set into the validation split.

        Own images are split stratified by class. Images that all tasks label are split at
        random, since one split cannot be stratified for every task at once.

        Raises:
            ValueError: A class has too few images to be in both parts.
        """
        if fraction == 0:
            return self
        kept: list[Tensor] = []
        held: list[Tensor] = []
        for task, images in enumerate(self.train.images):
            num_kept = len(images) - round(len(images) * fraction)
            if self.shared_inputs:
                shuffle = torch.Generator().manual_seed(seed)
                order = torch.randperm(len(images), generator=shuffle)
                parts = (order[:num_kept].sort().values, order[num_kept:].sort().values)
            else:
                first, rest = stratified_split(self.train.labels[task].numpy(), num_kept, seed)
                parts = (torch.from_numpy(first), torch.from_numpy(rest))
            kept.append(parts[0])
            held.append(parts[1])
        return MultiTaskData(
            self.task_names,
            self.num_classes,
            train=self.train.take(kept),
            test=self.test,
            validation=self.train.take(held),
            groups=self.groups,
            class_names=self.class_names,
        )

    def to(self, device: torch.device, dtype: torch.dtype) -> MultiTaskData:
        """The same data resident on `device`."""
        return MultiTaskData(
            self.task_names,
            self.num_classes,
            self.train.to(device, dtype),
            self.test.to(device, dtype),
            self.validation.to(device, dtype) if self.validation is not None else None,
            self.groups,
            self.class_names,
        )


@dataclass(frozen=True)
class Batch:
    """One mini-batch of every task.

    Attributes:
        inputs: [T, B, C, H, W], or [B, C, H, W] if all tasks label the same images.
        labels: [T, B] int64, `MISSING` where unlabelled.
        num_labelled: Labelled images of each task, known on the host so that nobody has to ask
            the device.
    """

    inputs: Tensor
    labels: Tensor
    num_labelled: tuple[int, ...]

    def task_inputs(self, task: int) -> Tensor:
        """[B, C, H, W] of one task."""
        return self.inputs[task] if self.inputs.dim() == 5 else self.inputs


def scale(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Network input of stored images: uint8 becomes [0, 1], floats stay as they are."""
    return images.to(dtype).div_(255) if images.dtype == torch.uint8 else images


class BatchSampler:
    """Draws batches without replacement, one permutation and cursor per image set.

    A batch may run over the end of one permutation into the next, so every batch has B images
    even where a task has fewer than B.

    Attributes:
        batch_size: B.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        dtype: torch.dtype,
        generator: Callable[[str], torch.Generator],
        crop_padding: int = 0,
    ) -> None:
        """Start at the beginning of fresh permutations.

        Args:
            split: The training split, on its device.
            batch_size: B.
            dtype: Type of the inputs of a batch.
            generator: Named CPU generators; this takes "order/0", "order/1", ..., and "crop/0",
                ... if it crops.
            crop_padding: What `RandomCrop` pads drawn images with; 0 leaves them as they are.
        """
        self._split = split
        self.batch_size = batch_size
        self._dtype = dtype
        self._generators = [generator(f"order/{i}") for i in range(len(split.images))]
        self._orders = [
            torch.randperm(len(x), generator=g)
            for x, g in zip(split.images, self._generators, strict=True)
        ]
        self._cursors = [0] * len(split.images)
        # The labels of all tasks lie one after another, so that one copy takes those of a batch.
        self._labels = torch.cat(split.labels)
        starts = [0, *accumulate(len(y) for y in split.labels[:-1])]
        self._first_label = torch.tensor(starts, device=self._labels.device)[:, None]
        sets = len(split.images)
        self._crop = RandomCrop(crop_padding, sets, generator) if crop_padding else None
        # Where nothing is missing every count is B; else the host keeps its own copy of the mask.
        has_missing = any(bool((y == MISSING).any()) for y in split.labels)
        self._labelled = [(y != MISSING).cpu() for y in split.labels] if has_missing else None

    @property
    def split(self) -> Split:
        """What batches are drawn from."""
        return self._split

    def next(self) -> Batch:
        """The next batch, gathered on the device of the split."""
        drawn = [self._draw(i, self.batch_size) for i in range(len(self._orders))]
        return self._gather(drawn, self._crop)

    def passes(self, images: int | None, at_once: int) -> Iterator[Batch]:
        """So many images of every task, in batches that are gathered one after the other.

        Args:
            images: Images of every task, which are drawn as those of a batch are, but never more
                than the task has; None for all of them, for which nothing is drawn, and which are
                not cropped.
            at_once: Most images of a task in one batch. The last batches have none left of a task
                that has fewer than others.
        """
        sizes = [len(order) for order in self._orders]
        crop = None if images is None else self._crop
        chosen = (
            [torch.arange(size) for size in sizes]
            if images is None
            else [self._draw(i, min(images, size)) for i, size in enumerate(sizes)]
        )
        most = max(map(len, chosen))
        size = math.ceil(most / math.ceil(most / at_once))
        return (
            self._gather([index[start : start + size] for index in chosen], crop)
            for start in range(0, most, size)
        )

    def _gather(self, drawn: list[Tensor], crop: RandomCrop | None) -> Batch:
        """The images at these indices, one tensor [B] per image set; short ones are filled up."""
        device = self._split.images[0].device
        lengths = [len(index) for index in drawn]
        size = max(lengths)
        # What fills up is image 0, and labelled by nobody.
        filled = [pad(i, (0, size - len(i))) if len(i) < size else i for i in drawn]
        indices = torch.stack(filled).to(device, non_blocking=True)
        own = len(drawn) > 1
        parts = zip(self._split.images, indices.unbind(), strict=True)
        found = [images.index_select(0, index) for images, index in parts]
        inputs = torch.stack(found) if own or len(self._split.labels) == 1 else found[0]
        if crop is not None:
            inputs = crop(inputs, lengths)
        which = [t if own else 0 for t in range(len(self._split.labels))]
        labels = self._labels[indices + self._first_label]
        if min(lengths) < size:
            for task, i in enumerate(which):
                labels[task, lengths[i] :] = MISSING
        if self._labelled is None:
            counts = [lengths[i] for i in which]
        else:
            masks = zip(self._labelled, which, strict=True)
            counts = [int(mask[drawn[i]].sum()) for mask, i in masks]
        return Batch(scale(inputs, self._dtype), labels, tuple(counts))

    def _draw(self, i: int, wanted: int) -> Tensor:
        """Indices of the next images of image set i, [wanted] int64 on the CPU."""
        parts: list[Tensor] = []
        while wanted:
            if self._cursors[i] == len(self._orders[i]):
                count = len(self._orders[i])
                self._orders[i] = torch.randperm(count, generator=self._generators[i])
                self._cursors[i] = 0
            part = self._orders[i][self._cursors[i] : self._cursors[i] + wanted]
            self._cursors[i] += len(part)
            wanted -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def state_dict(self) -> dict[str, Any]:
        """Orders and cursors; the generators are saved by whoever owns them."""
        return {"orders": [order.clone() for order in self._orders], "cursors": [*self._cursors]}

    def resized(self, state: dict[str, Any]) -> list[tuple[int, int, int]]:
        """Image sets that had another size when a `state_dict` was taken, (index, then, now)."""
        pairs = zip(state["orders"], self._orders, strict=True)
        sizes = [(i, len(then), len(now)) for i, (then, now) in enumerate(pairs)]
        return [size for size in sizes if size[1] != size[2]]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken; what was `resized` begins anew."""
        anew = {i for i, _, _ in self.resized(state)}
        saved = zip(state["orders"], state["cursors"], strict=True)
        for i, (order, cursor) in enumerate(saved):
            if i not in anew:
                self._orders[i], self._cursors[i] = order.clone(), cursor
