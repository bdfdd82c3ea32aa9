"""CIFAR-100 as 20 tasks and CIFAR-10 as ten: which image has which label in which task."""

from __future__ import annotations

import pytest
import torch

from shareconsole.datasets.cifar import load_cifar10, load_cifar100
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.spec.data.cifar import (
    CIFAR10_CLASSES,
    CIFAR100_CLASSES,
    SUPERCLASSES,
    Cifar10Options,
    Cifar100Options,
)
from tests.datasets.official import COARSE, cifar10_members, cifar100_members, write_cifar


def hundred(**values) -> Cifar100Options:
    return Cifar100Options(name="cifar100", verify="form", **values)


def ten(**values) -> Cifar10Options:
    return Cifar10Options(name="cifar10", verify="form", **values)


@pytest.fixture
def archives(data):
    write_cifar(data, "cifar100", cifar100_members())
    write_cifar(data, "cifar10", cifar10_members())
    return data


def test_every_superclass_has_five_labels_of_its_own(archives):
    options = hundred()
    options.check_files()
    data = load_cifar100(options)
    assert data.task_names == SUPERCLASSES
    assert data.num_classes == (5,) * 20
    assert data.input_shape == (3, 32, 32)
    for split, per_class in ((data.train, 4), (data.test, 2)):
        for task in range(20):
            fine = split.images[task][:, 0, 0, 0].long()  # the generated images tell their label
            assert split.images[task].dtype == torch.uint8
            assert all(COARSE[label] == task for label in fine)
            own = sorted(set(fine.tolist()))
            assert len(own) == 5
            assert split.labels[task].tolist() == [own.index(label) for label in fine]
            assert torch.bincount(split.labels[task]).tolist() == [per_class] * 5


def test_fine_classes_have_their_names_in_the_order_of_the_labels(archives):
    assert len({*CIFAR100_CLASSES}) == 100
    assert sorted(CIFAR100_CLASSES) == [*CIFAR100_CLASSES]
    data = load_cifar100(hundred(superclasses=["trees", "fish"]))
    assert data.class_names == (
        ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
        ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    )
    for task in range(2):
        fine = data.test.images[task][:, 0, 0, 0].tolist()
        names = [data.class_names[task][label] for label in data.test.labels[task]]
        assert names == [CIFAR100_CLASSES[label] for label in fine]


def test_labels_modulo_five_would_make_different_classes_one(archives):
    """The loader that some published figures may rest on: no superclass keeps five classes."""
    data = load_cifar100(hundred())
    for task in range(20):
        fine = data.train.images[task][:, 0, 0, 0].long()
        assert len(set((fine % 5).tolist())) < 5
        # Ours are one to one: equal where, and only where, the fine labels are.
        pairs = set(zip(fine.tolist(), data.train.labels[task].tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 5


def test_some_superclasses_and_some_images(archives):
    options = hundred(superclasses=["trees", "fish"], train_per_task=10, test_per_task=5)
    options.check_files()
    data = load_cifar100(options)
    assert data.task_names == ("trees", "fish")
    assert [len(y) for y in data.train.labels] == [10, 10]
    assert torch.bincount(data.test.labels[0]).tolist() == [1] * 5
    assert {COARSE[x] for x in data.train.images[0][:, 0, 0, 0].tolist()} == {17}
    assert load_cifar100(hundred(superclasses=3)).task_names == SUPERCLASSES[:3]


def test_cifar_10_asks_ten_questions_about_the_same_images(archives):
    options = ten()
    options.check_files()
    data = load_cifar10(options)
    assert data.shared_inputs
    assert data.task_names == CIFAR10_CLASSES
    assert data.num_classes == (2,) * 10
    for split, count in ((data.train, 100), (data.test, 20)):
        [images] = split.images
        assert len(images) == count
        labels = torch.stack(split.labels)
        assert torch.equal(labels.sum(0), torch.ones(count, dtype=torch.int64))
        assert torch.equal(labels.argmax(0), images[:, 0, 0, 0].long())


def test_some_classes_and_some_images_of_cifar_10(archives):
    data = load_cifar10(ten(classes=["ship", "cat"], train_per_task=50, test_per_task=10))
    assert data.task_names == ("ship", "cat")
    assert [int(y.sum()) for y in data.train.labels] == [5, 5]
    assert len(data.test.images[0]) == 10
    alone = load_cifar10(ten(classes=1))
    assert alone.num_tasks == 1
    assert int(alone.train.labels[0].sum()) == 10


def test_sizes_are_those_that_a_check_predicts():
    shape = Cifar100Options(name="cifar100").shape()
    assert shape.num_classes == (5,) * 20
    assert (shape.train_images, shape.test_images) == ((2_500,) * 20, (500,) * 20)
    assert shape.stored_images == 60_000
    shape = Cifar10Options(name="cifar10").shape()
    assert shape.shared_inputs
    assert (shape.stored_images, shape.stored_labels) == (60_000, 600_000)
    assert not Cifar10Options(name="cifar10", classes=1).shape().shared_inputs


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (Cifar100Options(name="cifar100", superclasses=["fishes"]), ("superclasses", 0)),
        (Cifar100Options(name="cifar100", superclasses=[]), ("superclasses",)),
        (Cifar100Options(name="cifar100", train_per_task=4), ("train_per_task",)),
        (Cifar100Options(name="cifar100", test_per_task=500), ("test_per_task",)),
        (Cifar10Options(name="cifar10", classes=["cat", "cat"]), ("classes", 1)),
        (Cifar10Options(name="cifar10", train_per_task=9), ("train_per_task",)),
    ],
)
def test_options_that_do_not_fit(options, key):
    [issue] = options.issues()
    assert issue.path == key


def test_what_is_missing_or_wrong_is_told_by_the_check(archives):
    with pytest.raises(DataDamaged, match="not the published file of CIFAR-100"):
        Cifar100Options(name="cifar100").check_files()
    with pytest.raises(DataDamaged, match="superclass 0: has 20 images, too few to choose 16"):
        hundred(train_per_task=16).check_files()
    members = cifar10_members()
    del members["cifar-10-batches-py/data_batch_3"]
    path = write_cifar(archives, "cifar10", members)
    with pytest.raises(DataDamaged, match="lacks cifar-10-batches-py/data_batch_3"):
        ten().check_files()
    path.unlink()
    with pytest.raises(DataMissing, match="shareconsole data fetch cifar10"):
        ten().check_files()
