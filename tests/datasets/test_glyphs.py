"""The MNIST family as tasks: protocols, choices of images, orientation, and what is missing."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from shareconsole.datasets.glyphs import (
    load_dkl_kannada,
    load_dkl_mnist,
    load_glyphs,
    load_mnist_rotations,
)
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files.checking import require
from shareconsole.files.idx import read_idx
from shareconsole.spec.data.handwriting import (
    GLYPHS,
    DklKannadaOptions,
    DklMnistOptions,
    GlyphsOptions,
    MnistRotationsOptions,
)
from tests.datasets.official import REAL, needs_real_files, write_glyphs

SMALL = {"train": 6, "test": 4}
DKL = ("emnist_digits", "emnist_letters", "kmnist")


def numbers(images: torch.Tensor) -> list[int]:
    """Number of each generated image [N, 1, 28, 28], counted over both splits of its set."""
    return (images[:, 0, 1, 0].int() * 256 + images[:, 0, 1, 1]).tolist()


def labels_in(images: torch.Tensor) -> torch.Tensor:
    """Stored label of each generated image."""
    return images[:, 0, 0, 0].long() // 9


@pytest.fixture
def glyphs(data):
    for name in GLYPHS:
        write_glyphs(data, name, SMALL)
    return data


def dkl(**values) -> DklMnistOptions:
    return DklMnistOptions(name="dkl_mnist", verify="form", **values)


def test_dkl_mnist_is_three_tasks_with_labels_from_zero_on(glyphs):
    options = dkl(train_per_task=48)
    options.check_files()
    data = load_dkl_mnist(options)
    assert data.task_names == ("digits", "letters", "kuzushiji")
    assert data.num_classes == (10, 26, 10)
    assert data.input_shape == (1, 28, 28)
    assert not data.shared_inputs
    for task, low in enumerate((0, 1, 0)):
        for split in (data.train, data.test):
            assert split.images[task].dtype == torch.uint8
            assert torch.equal(labels_in(split.images[task]), split.labels[task] + low)
        assert len(data.train.labels[task]) == 48
        counts = torch.bincount(data.train.labels[task])
        assert counts.max() - counts.min() <= 1
    assert [len(y) for y in data.test.labels] == [40, 104, 40]


def test_classes_are_called_what_they_show(glyphs):
    options = GlyphsOptions(name="glyphs", verify="form")
    data = load_glyphs(options)
    digits = tuple("0123456789")
    assert [names[:2] for names in data.class_names] == [
        ("0", "1"), ("T-shirt/top", "trouser"), ("o", "ki"), ("0", "1"), ("A", "B"),
    ]  # fmt: skip
    assert [*map(len, data.class_names)] == [*data.num_classes]
    for images, labels in zip(data.test.images[4:], data.test.labels[4:], strict=True):
        # EMNIST stores its letters as 1 to 26.
        letters = [chr(ord("A") + stored - 1) for stored in labels_in(images)]
        assert [data.class_names[4][label] for label in labels] == letters
    turned = load_mnist_rotations(MnistRotationsOptions(name="mnist_rotations", verify="form"))
    assert turned.class_names == (digits,) * 4


def test_sizes_are_those_that_a_check_predicts():
    shape = DklMnistOptions(name="dkl_mnist").shape()
    assert shape.train_images == (500, 500, 500)
    assert shape.test_images == (40_000, 20_800, 10_000)
    assert shape.stored_images == 72_300
    kannada = DklKannadaOptions(name="dkl_kannada").shape()
    assert kannada.test_images == (10_000, 7_800, 7_000)
    assert kannada.num_classes == (10, 26, 10)
    rotations = MnistRotationsOptions(name="mnist_rotations").shape()
    assert rotations.train_images == (60_000,) * 4
    two = GlyphsOptions(name="glyphs", sets=["mnist", "emnist_letters"], test_per_task=26).shape()
    assert (two.train_images, two.test_images) == ((60_000, 124_800), (26, 26))


def test_the_choice_of_images_depends_on_the_split_seed_alone(glyphs):
    first, again, other = (
        load_dkl_mnist(dkl(train_per_task=26, split_seed=seed)) for seed in (666, 666, 1)
    )
    assert numbers(first.train.images[2]) == numbers(again.train.images[2])
    assert numbers(first.train.images[2]) != numbers(other.train.images[2])


def test_fewer_test_images_are_stratified_too(glyphs):
    data = load_dkl_mnist(dkl(train_per_task=26, test_per_task=26))
    assert [len(y) for y in data.test.labels] == [26, 26, 26]
    assert torch.bincount(data.test.labels[1]).tolist() == [1] * 26
    assert min(numbers(data.test.images[1])) >= 26 * SMALL["train"]


def test_glyphs_takes_any_sets_and_all_their_images(glyphs):
    options = GlyphsOptions(name="glyphs", sets=["fashion_mnist", "emnist_letters"], verify="form")
    data = load_glyphs(options)
    assert data.task_names == ("fashion_mnist", "emnist_letters")
    assert [len(y) for y in data.train.labels] == [60, 156]
    assert numbers(data.train.images[0]) == list(range(60))
    assert GlyphsOptions(name="glyphs", sets=2).sources() == ("mnist", "fashion_mnist")


def test_mnist_rotations_turns_the_same_images(glyphs):
    data = load_mnist_rotations(MnistRotationsOptions(name="mnist_rotations", verify="form"))
    assert data.task_names == ("upright-1", "upright-2", "rotated-1", "rotated-2")
    for split in (data.train, data.test):
        upright, _, rotated, also = split.images
        assert upright is split.images[1]
        assert rotated is also
        assert np.array_equal(rotated.numpy(), np.rot90(upright.numpy(), 1, (2, 3)))
        assert split.labels[0] is split.labels[3]
    assert numbers(data.train.images[0]) == list(range(60))


def test_kannada_s_one_file_is_split_without_overlap(data):
    write_glyphs(data, "emnist_digits", {"train": 10, "test": 1_000})
    write_glyphs(data, "emnist_letters", {"train": 10, "test": 300})
    write_glyphs(data, "kannada_mnist", {"test": 1_000})
    options = DklKannadaOptions(name="dkl_kannada", verify="form", train_per_task=30)
    options.check_files()
    made = load_dkl_kannada(options)
    assert made.task_names == ("digits", "letters", "kannada")
    assert [len(y) for y in made.train.labels] == [30, 30, 30]
    assert [len(y) for y in made.test.labels] == [10_000, 7_800, 7_000]
    train, test = numbers(made.train.images[2]), numbers(made.test.images[2])
    assert len(set(train) | set(test)) == 7_030
    assert torch.bincount(made.test.labels[2]).tolist() == [700] * 10
    few = load_dkl_kannada(options.model_copy(update={"test_per_task": 100}))
    assert [len(y) for y in few.test.labels] == [100, 100, 100]
    assert numbers(few.train.images[2]) == train


def test_all_missing_sets_are_told_at_once(data):
    write_glyphs(data, "emnist_letters", SMALL)
    with pytest.raises(DataMissing) as caught:
        dkl().check_files()
    assert "fetch emnist_digits" in str(caught.value)
    assert "fetch kmnist" in str(caught.value)
    assert "fetch emnist_letters" not in str(caught.value)


def test_too_few_images_are_told_before_they_are_read(glyphs):
    with pytest.raises(DataDamaged, match="has 60 images, too few to choose 500 of 10 classes"):
        dkl().check_files()
    with pytest.raises(DataDamaged, match="too few to choose 100 of 26"):
        GlyphsOptions(
            name="glyphs", sets=["emnist_letters"], verify="form", test_per_task=100
        ).check_files()


def test_official_files_are_asked_for_where_nothing_else_is_said(glyphs):
    with pytest.raises(DataDamaged, match="the published file 240,000"):
        DklMnistOptions(name="dkl_mnist", train_per_task=26).check_files()
    with pytest.raises(DataDamaged, match="not the published file of MNIST"):
        load_mnist_rotations(MnistRotationsOptions(name="mnist_rotations"))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (GlyphsOptions(name="glyphs", sets=["mnist", "mnits"]), ("sets", 1)),
        (GlyphsOptions(name="glyphs", sets=["mnist", "mnist"]), ("sets", 1)),
        (GlyphsOptions(name="glyphs", sets=[]), ("sets",)),
        (GlyphsOptions(name="glyphs", train_per_task=20), ("train_per_task",)),
        (GlyphsOptions(name="glyphs", train_per_task=59_999), ("train_per_task",)),
        (MnistRotationsOptions(name="mnist_rotations", test_per_task=9_995), ("test_per_task",)),
        (DklKannadaOptions(name="dkl_kannada", test_per_task=7_000), ("test_per_task",)),
    ],
)
def test_options_that_do_not_fit(options, key):
    [issue] = options.issues()
    assert issue.path == key
    assert issue.allowed or "twice" in issue.problem


@needs_real_files
def test_the_real_kannada_split_is_the_one_that_was_measured_with(monkeypatch):
    monkeypatch.setenv("SHARECONSOLE_DATA", REAL)
    options = DklKannadaOptions(name="dkl_kannada")
    options.check_files()
    made = load_dkl_kannada(options)
    shape = options.shape()
    assert tuple(len(y) for y in made.train.labels) == shape.train_images
    assert tuple(len(y) for y in made.test.labels) == shape.test_images
    assert torch.bincount(made.train.labels[2]).tolist() == [50] * 10
    pixels = [{x.numpy().tobytes() for x in split.images[2]} for split in (made.train, made.test)]
    assert not pixels[0] & pixels[1]
    # EMNIST stays as it is stored, lying on its side.
    paths = require("emnist_digits", "form")
    stored = {x.tobytes() for x in read_idx(paths["emnist-digits-train-images-idx3-ubyte.gz"])}
    assert all(x.numpy().tobytes() in stored for x in made.train.images[0])
    digest = hashlib.sha256()
    for split in (made.train, made.test):
        for images, labels in zip(split.images, split.labels, strict=True):
            digest.update(images.numpy().tobytes() + labels.numpy().tobytes())
    assert digest.hexdigest()[:16] == "20378e5c2969e0d1"
