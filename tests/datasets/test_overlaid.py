"""Two digits over one another: geometry, labels, shared input, and no leak into the test images."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from shareconsole.datasets import overlaid
from shareconsole.datasets.overlaid import (
    load_digits_overlaid,
    load_multimnist,
    overlay,
)
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.sharing.preparation import nearest_pixels
from shareconsole.spec.data.overlaid import DigitsOverlaidOptions, MultiMnistOptions
from tests.datasets.own_data import write_idx


def test_overlay_by_hand():
    left = np.array([[[1, 5], [0, 2]]])
    right = np.array([[[3, 4], [7, 9]]])
    assert overlay(left, right, 1, 3).tolist() == [[[1, 5, 0], [0, 3, 4], [0, 7, 9]]]
    assert overlay(left, right, 1, 4)[0, 3].tolist() == [0, 0, 0, 0]
    assert overlay(right, left, 0, 2).tolist() == [[[3, 5], [7, 9]]]


@pytest.mark.parametrize(("before", "after"), [(36, 28), (10, 8), (28, 28), (105, 28)])
def test_nearest_pixels_are_those_of_pillow(before, after):
    ramp = Image.fromarray(np.tile(np.arange(before, dtype=np.uint8), (before, 1)))
    small = np.asarray(ramp.resize((after, after), Image.Resampling.NEAREST))
    assert small[0].tolist() == nearest_pixels(before, after).tolist()


def test_digits_overlaid_agree_with_their_shape_and_recipe():
    given = DigitsOverlaidOptions(name="digits_overlaid", train_images=1500, test_images=300)
    data, shape = load_digits_overlaid(given), given.shape()
    assert data.shared_inputs
    assert shape.shared_inputs
    assert data.num_classes == shape.num_classes
    assert data.input_shape == shape.input_shape == (1, 11, 11)
    assert tuple(map(len, data.train.labels)) == shape.train_images == (1500, 1500)
    assert tuple(map(len, data.test.labels)) == shape.test_images == (300, 300)
    assert len(data.train.images) == 1
    digits = load_digits()
    known = {}
    for image, label in zip(digits.images, digits.target, strict=True):
        known.setdefault((image[:3, :].tobytes(), image[:, :3].tobytes()), set()).add(label)
    sides: list[set[tuple[bytes, bytes]]] = [set(), set()]
    for used, split in zip(sides, (data.train, data.test), strict=True):
        images = (split.images[0][:, 0] * 16).double().numpy()
        for image, left, right in zip(images, *split.labels, strict=True):
            # Rows and columns that only one of the two digits reaches.
            of_left = (image[:3, :8].tobytes(), np.ascontiguousarray(image[:8, :3]).tobytes())
            assert int(left) in known[of_left]
            assert image[:3, 8:].sum() == image[8:, :3].sum() == 0
            used.add(of_left)
            assert 0 <= int(right) < 10
    assert not sides[0] & sides[1]
    for labels in (*data.train.labels, *data.test.labels):
        assert len(labels.unique()) == 10


def test_the_right_label_belongs_to_the_right_digit():
    data = load_digits_overlaid(
        DigitsOverlaidOptions(name="digits_overlaid", offset=8, test_images=200)
    )
    digits = load_digits()
    known = {x.tobytes(): y for x, y in zip(digits.images, digits.target, strict=True)}
    images = (data.test.images[0][:, 0] * 16).double().numpy()
    for image, left, right in zip(images, *data.test.labels, strict=True):
        assert known[np.ascontiguousarray(image[:8, :8]).tobytes()] == left
        assert known[np.ascontiguousarray(image[8:, 8:]).tobytes()] == right


def test_another_seed_is_another_draw():
    first, again, other = (
        load_digits_overlaid(DigitsOverlaidOptions(name="digits_overlaid", split_seed=seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.train.images[0], again.train.images[0])
    assert not torch.equal(first.train.images[0], other.train.images[0])


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """MNIST in small: 120 training and 110 test images, whose pixels tell which one it is."""
    folder = tmp_path / "mnist"
    for name, count, base in (("train", 120, 0), ("t10k", 110, 120)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, :, :] = (base + np.arange(count))[:, None, None] + 5
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    monkeypatch.setenv("SHARECONSOLE_DATA", str(tmp_path))
    return folder


def test_multimnist(mnist):
    given = MultiMnistOptions(name="multimnist", verify="form")
    given.check_files()
    data = load_multimnist(given)
    assert data.shared_inputs
    assert data.input_shape == given.shape().input_shape == (1, 28, 28)
    for split, count, base in ((data.train, 120, 0), (data.test, 110, 120)):
        images = split.images[0][:, 0].int()
        assert images.dtype == torch.int32
        assert split.images[0].dtype == torch.uint8
        left, right = images[:, 0, 0] - 5 - base, images[:, 25, 25] - 5 - base
        # Each image is the left digit once, any one the right one.
        assert sorted(left.tolist()) == list(range(count))
        assert right.min() >= 0
        assert right.max() < count
        assert torch.equal(split.labels[0], (left % 10).long())
        assert torch.equal(split.labels[1], (right % 10).long())
        middle = images[:, 12, 12] - 5 - base
        assert torch.equal(middle, torch.maximum(left, right))
        # The last two of 36 pixels are empty, and come to the last two of 28.
        assert images[:, 26:].sum() == images[:, :, 26:].sum() == 0


def test_multimnist_makes_as_many_as_wanted(mnist):
    given = MultiMnistOptions(name="multimnist", verify="form", train_images=250, test_images=100)
    data = load_multimnist(given)
    assert tuple(map(len, data.train.labels)) == given.shape().train_images == (250, 250)
    assert tuple(map(len, data.test.labels)) == given.shape().test_images == (100, 100)
    left = data.train.images[0][:, 0, 0, 0].int() - 5
    assert sorted(left[:120].tolist()) == list(range(120))


def test_multimnist_is_made_in_parts(mnist, monkeypatch):
    given = MultiMnistOptions(name="multimnist", verify="form", train_images=20_000)
    tracemalloc.start()
    try:
        data = load_multimnist(given)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.5 * data.train.images[0].nbytes  # 3.7 times as much if made in one go
    monkeypatch.setattr(overlaid, "AT_ONCE", 10**6)
    whole = load_multimnist(given)
    assert torch.equal(whole.train.images[0], data.train.images[0])
    assert torch.equal(whole.test.images[0], data.test.images[0])


def test_multimnist_without_or_with_other_files(mnist):
    with pytest.raises(DataDamaged):
        MultiMnistOptions(name="multimnist").check_files()
    (mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataMissing, match="t10k-labels"):
        MultiMnistOptions(name="multimnist", verify="form").check_files()
