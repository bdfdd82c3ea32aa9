"""The embedded data sets: disjoint, stratified, fixed by their split seed, as predicted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from shareconsole.datasets.digits import load_digits_tasks
from shareconsole.datasets.planted import load_planted
from shareconsole.spec.data.digits import DigitsOptions, PlantedOptions

DIGITS = DigitsOptions(name="digits")
PLANTED = PlantedOptions(name="planted")


def images_of(data, task: int) -> torch.Tensor:
    return torch.cat([data.train.images[task], data.test.images[task]])


@pytest.mark.parametrize(
    ("load", "options"),
    [
        (load_digits_tasks, DIGITS),
        (load_digits_tasks, DigitsOptions(name="digits", train_per_task=50)),
        (load_planted, PLANTED),
        (load_planted, PlantedOptions(name="planted", groups=1, tasks_per_group=1)),
        (load_planted, PlantedOptions(name="planted", groups=4, tasks_per_group=3)),
    ],
)
def test_sizes_are_what_the_preset_check_predicts(load, options):
    data, shape = load(options), options.shape()
    assert data.num_tasks == shape.num_tasks
    assert data.num_classes == shape.num_classes
    assert data.input_shape == shape.input_shape
    assert tuple(len(y) for y in data.train.labels) == shape.train_images
    assert tuple(len(y) for y in data.test.labels) == shape.test_images
    assert sum(len(images_of(data, t)) for t in range(data.num_tasks)) == 1797
    assert not data.shared_inputs


@pytest.mark.parametrize(
    ("load", "options"), [(load_digits_tasks, DIGITS), (load_planted, PLANTED)]
)
def test_training_sets_are_stratified_and_values_lie_in_zero_to_one(load, options):
    data = load(options)
    for x, y in zip(data.train.images, data.train.labels, strict=True):
        counts = torch.bincount(y, minlength=10)
        assert counts.min() >= 9
        assert counts.max() <= 11
        assert x.dtype == torch.float32
        assert x.min() == 0
        assert x.max() == 1


def test_digits_are_dealt_without_overlap_and_two_tasks_are_rotated():
    data = load_digits_tasks(DIGITS)
    original = {}
    for image, label in zip(load_digits().images, load_digits().target, strict=True):
        original.setdefault((image / 16).astype(np.float32).tobytes(), []).append(label)
    count = 0
    for task, name in enumerate(data.task_names):
        turns = -1 if name.startswith("rotated") else 0
        for split in (data.train, data.test):
            for x, y in zip(split.images[task], split.labels[task], strict=True):
                upright = np.ascontiguousarray(np.rot90(x[0].numpy(), turns))
                assert int(y) in original[upright.tobytes()]
                count += 1
    assert count == sum(len(labels) for labels in original.values()) == 1797


def test_planted_tasks_of_a_group_see_the_same_pixels_and_other_labels():
    data = load_planted(PLANTED)
    assert data.groups == (0, 0, 1, 1, 2, 2)
    sums = [images_of(data, t).flatten(1).var(0) for t in range(6)]
    same = [float((sums[a] - sums[a + 1]).abs().mean()) for a in (0, 2, 4)]
    other = [float((sums[a] - sums[b]).abs().mean()) for a in (0, 1) for b in (2, 3, 4, 5)]
    assert max(same) < 0.3 * min(other)
    assert data.task_names[:3] == ("group1-task1", "group1-task2", "group2-task1")


def test_planted_classes_are_named_by_the_digit_they_show():
    digits = load_digits()
    # The same pixels in any order.
    known: dict[bytes, set[str]] = {}
    for image, label in zip(digits.data, digits.target, strict=True):
        known.setdefault(np.sort(image).tobytes(), set()).add(str(label))
    data = load_planted(PLANTED)
    for task, names in enumerate(data.class_names):
        assert sorted(names) == [*"0123456789"]
        for image, label in zip(data.train.images[task], data.train.labels[task], strict=True):
            pixels = np.sort((16 * image.double()).numpy().ravel())
            assert names[label] in known[pixels.tobytes()]


def test_split_seed_fixes_the_split():
    first, again = load_planted(PLANTED), load_planted(PLANTED)
    other = load_planted(PlantedOptions(name="planted", split_seed=1))
    assert torch.equal(first.train.images[0], again.train.images[0])
    assert not torch.equal(first.train.images[0], other.train.images[0])
