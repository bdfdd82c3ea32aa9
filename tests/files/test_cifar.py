"""CIFAR's python archives: read right, nothing in them run, and every way they can be wrong."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from shareconsole.errors import DataDamaged
from shareconsole.files import cifar
from shareconsole.files.cifar import check_enough, check_form, fine_classes, read_cifar
from shareconsole.files.known import FILE_SETS
from tests.datasets.official import (
    COARSE,
    cifar10_members,
    cifar100_batch,
    cifar100_members,
    cifar_rows,
    python2_pickle,
    tar_gz,
    write_cifar,
)

HUNDRED, TEN = FILE_SETS["cifar100"], FILE_SETS["cifar10"]
TRAIN = "cifar-100-python/train"


def paths(tmp_path, name, members):
    path = write_cifar(tmp_path, name, members)
    return {path.name: path}


def test_pickles_of_the_tests_look_like_those_of_python_2():
    content = python2_pickle({b"data": cifar_rows([200])})
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in content
    assert b"_codecs" not in content
    with pytest.raises(UnicodeDecodeError):
        pickle.loads(content)  # as the real ones, they need encoding="bytes" or "latin1"


def test_both_splits_of_cifar_100_are_read(tmp_path):
    splits = read_cifar(HUNDRED, paths(tmp_path, "cifar100", cifar100_members()))
    assert [len(splits[name].labels) for name in ("train", "test")] == [400, 200]
    train = splits["train"]
    assert train.images.shape == (400, 3, 32, 32)
    assert train.images.dtype == np.uint8
    assert np.array_equal(train.images[:, 0, 5, 9], train.labels)
    assert np.array_equal(train.coarse, np.array(COARSE)[train.labels])
    assert np.array_equal(splits["test"].images[:, 2, 0, 0], (400 + np.arange(200)) % 256)


def test_the_batches_of_cifar_10_follow_each_other(tmp_path):
    splits = read_cifar(TEN, paths(tmp_path, "cifar10", cifar10_members()))
    assert np.array_equal(splits["train"].images[:, 2, 0, 0], np.arange(100))
    assert np.array_equal(splits["test"].images[:, 2, 0, 0], 100 + np.arange(20))
    assert np.array_equal(splits["test"].labels, np.tile(np.arange(10), 2))


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-pickle",)


def test_nothing_in_a_pickle_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for hostile in (
        pickle.dumps(Hostile(), protocol=2),
        pickle.dumps({b"data": Hostile()}, protocol=4),
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"\x80\x04\x8c\x05numpy\x8c\x14ndarray.__setstate__\x93.",
    ):
        members = cifar100_members() | {TRAIN: hostile}
        with pytest.raises(DataDamaged, match=r"train: cannot be read \(it asks for "):
            read_cifar(HUNDRED, paths(tmp_path, "cifar100", members))
    assert not (tmp_path / "made-by-a-pickle").exists()


def batch(**changes: object) -> bytes:
    value = cifar100_batch(4) | {key.encode(): item for key, item in changes.items()}
    return python2_pickle({key: item for key, item in value.items() if item is not None})


FINE = cifar100_batch(4)[b"fine_labels"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cannot be read"),
        (batch()[:1000], "cannot be read"),
        (b"garbage", "cannot be read"),
        (python2_pickle([1, 2]), "not a table"),
        (batch(data=None), "has no data"),
        (batch(fine_labels=None), "has no fine_labels"),
        (batch(coarse_labels=None), "has no coarse_labels"),
        (batch(data=cifar_rows(FINE)[:, :100]), "not rows of 3,072 bytes"),
        (batch(data=cifar_rows(FINE).astype(np.int64)), "not rows of 3,072 bytes"),
        (batch(data=np.array([{}] * 400)), "not rows of 3,072 bytes"),
        (batch(data=b"x" * 3072 * 400), "not rows of 3,072 bytes"),
        (batch(data=cifar_rows(FINE[:-1])), "not one label for each of its 399"),
        (batch(fine_labels=[*FINE[:-1], 100]), "label that is not 0 to 99"),
        (batch(fine_labels=[*FINE[:-1], -1]), "label that is not 0 to 99"),
        (batch(fine_labels=[*FINE[:-1], 1.0]), "label that is not 0 to 99"),
        (batch(coarse_labels=[20] * 400), "label that is not 0 to 19"),
    ],
)
def test_a_member_that_is_wrong_is_named(tmp_path, content, complaint):
    members = cifar100_members() | {TRAIN: content}
    with pytest.raises(DataDamaged, match=f"{TRAIN}: .*{complaint}"):
        check_form(HUNDRED, paths(tmp_path, "cifar100", members), False)


def without(name):
    return {key: value for key, value in cifar100_members().items() if key != name}


def folder_instead():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo(TRAIN)
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    return stream.getvalue()


WHOLE = tar_gz(cifar100_members())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (tar_gz(without(TRAIN)), "lacks cifar-100-python/train$"),
        (tar_gz({}), "lacks cifar-100-python/train, cifar-100-python/test"),
        (tar_gz({f"../{key}": value for key, value in cifar100_members().items()}), "lacks"),
        (folder_instead(), "is not one plain file"),
        (WHOLE[: len(WHOLE) // 2], "cut short"),
        (WHOLE[:20], "cut short or no"),
        (b"", "no .tar.gz archive"),
        (b"<html>", "no .tar.gz archive"),
        (gzip.compress(b"x" * 2000), "no .tar.gz archive"),
    ],
    # Of their own: those made of the bytes would tell the time of packing, and two processes that
    # collect these tests would not mean the same ones.
    ids=[
        "lacks one",
        "lacks both",
        "elsewhere",
        "folder instead",
        "half",
        "head",
        "empty",
        "page",
        "other gzip",
    ],
)
def test_an_archive_that_is_wrong_is_named(tmp_path, content, complaint):
    path = tmp_path / "cifar-100-python.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataDamaged, match=complaint) as caught:
        read_cifar(HUNDRED, {path.name: path})
    assert str(path) in str(caught.value)


def test_a_huge_member_is_refused_before_it_is_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "_MOST_BYTES", 100_000)
    with pytest.raises(DataDamaged, match=r"'cifar-100-python/train' says it has 1,2\d\d,\d\d\d"):
        read_cifar(HUNDRED, paths(tmp_path, "cifar100", cifar100_members()))


def test_classes_that_are_absent_from_a_split_are_named(tmp_path):
    members = cifar10_members()
    name = "cifar-10-batches-py/test_batch"
    labels = [0, 1, 2, 4, 5, 6, 7, 8]
    members[name] = python2_pickle({b"data": cifar_rows(labels), b"labels": labels})
    with pytest.raises(DataDamaged, match="no test image of class 3, 9"):
        check_form(TEN, paths(tmp_path, "cifar10", members), False)


def test_published_counts_are_asked_for_where_it_has_to_be_exact(tmp_path):
    found = paths(tmp_path, "cifar100", cifar100_members())
    with pytest.raises(DataDamaged, match="400 train images, the published archive 50,000"):
        check_form(HUNDRED, found, True)


def test_fine_classes_come_from_the_archive_itself(tmp_path):
    splits = read_cifar(HUNDRED, paths(tmp_path, "cifar100", cifar100_members()))
    classes = fine_classes(tmp_path, splits)
    assert classes[0].tolist() == [4, 30, 55, 72, 95]
    assert sorted(np.concatenate(list(classes.values()))) == list(range(100))
    moved = splits["test"]._replace(coarse=(splits["test"].coarse + 1) % 20)
    with pytest.raises(DataDamaged, match="belongs to two superclasses"):
        fine_classes(tmp_path, splits | {"test": moved})
    six = {name: part._replace(coarse=part.coarse // 2) for name, part in splits.items()}
    with pytest.raises(DataDamaged, match="20 superclasses of five"):
        fine_classes(tmp_path, six)


def test_too_few_images_to_choose_from_are_told(tmp_path):
    found = paths(tmp_path, "cifar100", cifar100_members())
    check_enough(HUNDRED, found, {"train": 15, "test": 5})
    check_enough(HUNDRED, found, {"train": 20, "test": 10})
    with pytest.raises(DataDamaged, match="train images of superclass 0: has 20 images, too few"):
        check_enough(HUNDRED, found, {"train": 16})
    one = paths(tmp_path, "cifar10", cifar10_members(1))
    with pytest.raises(DataDamaged, match="has 10 images, too few to choose 9"):
        check_enough(TEN, one, {"test": 9})
