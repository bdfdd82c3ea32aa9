"""Three clusters of tasks: which image has which label, how it is enlarged, what is kept back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shareconsole.datasets.three_clusters import load_three_clusters
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.sharing.preparation import enlarged
from shareconsole.spec.data.cifar import CIFAR100_CLASSES, SUPERCLASSES
from shareconsole.spec.data.handwriting import CLASS_NAMES
from shareconsole.spec.data.three_clusters import ThreeClustersOptions
from shareconsole.spec.datasets import sources_of
from tests.datasets.official import COARSE, cifar100_members, write_cifar, write_glyphs

SMALL = {"train": 4, "test": 2}


def clusters(**values) -> ThreeClustersOptions:
    return ThreeClustersOptions(name="three_clusters", verify="form", **values)


@pytest.fixture
def files(data):
    write_cifar(data, "cifar100", cifar100_members(train=5))
    for name in ("mnist", "fashion_mnist"):
        write_glyphs(data, name, SMALL)
    return data


def fine(images: torch.Tensor) -> torch.Tensor:
    """Fine label of each generated image of CIFAR-100."""
    return images[:, 0, 0, 0].long()


def cifar_numbers(images: torch.Tensor) -> list[int]:
    return (images[:, 1, 0, 0].int() * 256 + images[:, 2, 0, 0]).tolist()


def test_forty_tasks_in_three_clusters(files):
    options = clusters()
    options.check_files()
    data = load_three_clusters(options)
    assert data.num_tasks == 40
    assert data.task_names[:20] == SUPERCLASSES
    assert data.task_names[20:31:5] == ("mnist-without-0", "mnist-without-5", "fashion-without-0")
    assert data.num_classes == (5,) * 20 + (9,) * 20
    assert data.groups == (0,) * 20 + (1,) * 10 + (2,) * 10
    assert data.input_shape == (3, 32, 32)
    for split in (data.train, data.validation, data.test):
        assert {images.dtype for images in split.images} == {torch.uint8}
        assert {images.shape[1:] for images in split.images} == {(3, 32, 32)}
    assert [len(y) for y in data.train.labels] == [20] * 20 + [36] * 20
    assert [len(y) for y in data.validation.labels] == [5] * 20 + [0] * 20
    assert [len(y) for y in data.test.labels] == [10] * 20 + [18] * 20
    for task in range(40):
        classes = range(data.num_classes[task])
        assert sorted(set(data.train.labels[task].tolist())) == [*classes]
        assert sorted(set(data.test.labels[task].tolist())) == [*classes]


def test_a_class_s_name_is_that_of_its_official_label(files):
    data = load_three_clusters(clusters())
    for task in range(20):
        for split in (data.train, data.validation, data.test):
            named = [CIFAR100_CLASSES.index(data.class_names[task][y]) for y in split.labels[task]]
            assert named == fine(split.images[task]).tolist()
            assert {COARSE[label] for label in named} == {task}
    for task in range(20, 40):
        left_out = task % 10
        names = [str(digit) for digit in range(10)] if task < 30 else CLASS_NAMES["fashion_mnist"]
        assert names[left_out] not in data.class_names[task]
        for split in (data.train, data.test):
            # The upper left pixel of an enlarged image is that of the file: 9 times the label.
            stored = split.images[task][:, 0, 0, 0].long() // 9
            named = [names.index(data.class_names[task][y]) for y in split.labels[task]]
            assert named == stored.tolist()
            moved = split.labels[task] + (split.labels[task] >= left_out)
            assert torch.equal(moved, stored)


def test_grey_images_are_the_same_in_three_channels(files):
    data = load_three_clusters(clusters(cifar_tasks=1))
    for images in data.train.images[1:]:
        assert torch.equal(images[:, :1].expand(-1, 3, -1, -1), images)


def test_a_fifth_of_each_class_of_cifar_is_kept_for_validation_by_the_split_seed(data):
    write_cifar(data, "cifar100", cifar100_members(train=10))
    for name in ("mnist", "fashion_mnist"):
        write_glyphs(data, name, SMALL)
    few = {"mnist_tasks": 1, "fashion_tasks": 1}
    first, again, other = (
        load_three_clusters(clusters(split_seed=seed, **few)) for seed in (666, 666, 1)
    )
    held = [
        [cifar_numbers(images) for images in found.validation.images[:20]]
        for found in (first, again, other)
    ]
    assert held[0] == held[1] != held[2]
    for task in range(20):
        assert torch.bincount(first.validation.labels[task]).tolist() == [2] * 5
        assert torch.bincount(first.train.labels[task]).tolist() == [8] * 5
        kept = cifar_numbers(first.train.images[task])
        assert len({*kept, *held[0][task]}) == 50
    # Fewer training images are out of the same ones, and the same are held.
    fewer = load_three_clusters(clusters(train_per_task=18, **few))
    assert [len(y) for y in fewer.train.labels] == [18] * 22
    for task in range(20):
        assert cifar_numbers(fewer.validation.images[task]) == held[0][task]
        own = {*cifar_numbers(fewer.train.images[task])}
        assert own < {*cifar_numbers(first.train.images[task])}


def test_enlarging_reads_between_the_pixels():
    """Against the formula, pixel by pixel, in whole numbers: 64ths of a grey value."""
    image = np.random.RandomState(0).randint(0, 256, (2, 28, 28)).astype(np.uint8)
    found = enlarged(torch.from_numpy(image), (32, 32))
    assert (found.shape, found.dtype) == ((2, 32, 32), torch.uint8)
    padded = np.pad(image, ((0, 0), (0, 1), (0, 1)), mode="edge").astype(int)
    for n in range(2):
        for i in range(32):
            for j in range(32):
                (y, v), (x, u) = divmod(7 * i, 8), divmod(7 * j, 8)
                upper = (8 - u) * padded[n, y, x] + u * padded[n, y, x + 1]
                lower = (8 - u) * padded[n, y + 1, x] + u * padded[n, y + 1, x + 1]
                assert int(found[n, i, j]) == round(((8 - v) * upper + v * lower) / 64)
    flat = np.full((1, 28, 28), 200, np.uint8)
    assert set(enlarged(torch.from_numpy(flat), (32, 32)).flatten().tolist()) == {200}


def test_sizes_are_those_that_a_check_predicts():
    shape = ThreeClustersOptions(name="three_clusters").shape()
    assert shape.num_classes == (5,) * 20 + (9,) * 20
    assert shape.train_images[:20] == (2_000,) * 20
    assert shape.validation_images == (500,) * 20 + (0,) * 20
    assert shape.train_images[20:23] == (60_000 - 5_923, 60_000 - 6_742, 60_000 - 5_958)
    assert shape.train_images[30:] == (54_000,) * 10
    # Every image of MNIST, and of Fashion-MNIST, is in nine of ten tasks.
    assert sum(shape.train_images[20:30]) == 9 * 60_000
    assert sum(shape.test_images[20:30]) == sum(shape.test_images[30:]) == 9 * 10_000
    assert shape.stored_images == 60_000 + 2 * 9 * 70_000
    few = clusters(cifar_tasks=2, mnist_tasks=1, fashion_tasks=3, train_per_task=100).shape()
    assert few.train_images == (100,) * 6
    assert few.test_images == (500, 500, 9_020, 9_000, 9_000, 9_000)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (clusters(train_per_task=1_996), "train_per_task"),
        (clusters(train_per_task=8), "train_per_task"),
        (clusters(test_per_task=496), "test_per_task"),
    ],
)
def test_options_that_do_not_fit(options, key):
    [issue] = options.issues()
    assert issue.path == (key,)


def test_what_is_missing_or_too_little_is_told_by_the_check(files):
    with pytest.raises(DataDamaged, match="not the published file of CIFAR-100"):
        ThreeClustersOptions(name="three_clusters").check_files()
    clusters(train_per_task=15, test_per_task=5, cifar_tasks=1).check_files()
    with pytest.raises(DataDamaged, match=r"superclass 0, a fifth kept.*20 images, too few"):
        clusters(train_per_task=16).check_files()
    with pytest.raises(DataDamaged, match="superclass 0: has 10 images, too few to choose 9"):
        clusters(test_per_task=9).check_files()
    write_cifar(files, "cifar100", cifar100_members(train=1))
    with pytest.raises(DataDamaged, match="superclass 0: a class has one image only"):
        clusters().check_files()
    write_cifar(files, "cifar100", cifar100_members(train=20))
    with pytest.raises(DataDamaged, match="without label 0: has 36 images, too few to choose 30"):
        clusters(train_per_task=30).check_files()
    next((files / "fashion_mnist").glob("train-images*")).unlink()
    with pytest.raises(DataMissing, match="shareconsole data fetch fashion_mnist"):
        clusters().check_files()


def test_the_files_it_needs_are_known_by_its_name():
    assert sources_of("three_clusters") == ("cifar100", "mnist", "fashion_mnist")
