"""Files held against hashes, counts, form and classes, before anything is trained on them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files import checking
from shareconsole.files.checking import require
from shareconsole.files.known import FILE_SETS
from tests.datasets.official import (
    REAL,
    cifar100_members,
    glyph_images,
    needs_real_files,
    write_cifar,
    write_glyphs,
    write_idx,
)

SMALL = {"train": 3, "test": 2}
LETTERS = FILE_SETS["emnist_letters"]
NAMES = {(f.split, f.role): f.name for f in LETTERS.files}


@pytest.fixture
def letters(data):
    write_glyphs(data, "emnist_letters", SMALL)
    return data / "emnist_letters"


def test_a_subset_is_of_the_right_form_but_not_official(letters):
    assert set(require("emnist_letters", "form")) == set(NAMES.values())
    with pytest.raises(DataDamaged, match=r'78 images, .* 124,800; .* verify = "form"'):
        require("emnist_letters", "official")


def test_a_wrong_hash_is_told_with_both_hashes_and_the_way_out(data):
    write_glyphs(data, "kmnist", SMALL)
    require("kmnist", "form")
    with pytest.raises(DataDamaged) as caught:
        require("kmnist", "official")
    text = str(caught.value)
    path = data / "kmnist" / "train-images-idx3-ubyte.gz"
    assert str(path) in text
    assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert FILE_SETS["kmnist"].files[0].hashes[0].removeprefix("sha256:") in text
    assert "shareconsole data fetch kmnist" in text
    assert 'verify = "form"' in text


def test_any_of_several_known_hashes_is_good(data, monkeypatch):
    write_glyphs(data, "kannada_mnist", SMALL)
    known = FILE_SETS["kannada_mnist"]
    digests = {
        file.name: hashlib.sha256((data / known.name / file.name).read_bytes()).hexdigest()
        for file in known.files
    }
    files = tuple(
        replace(file, hashes=("md5:" + "0" * 32, f"sha256:{digests[file.name]}"))
        for file in known.files
    )
    monkeypatch.setitem(checking.FILE_SETS, known.name, replace(known, files=files))
    assert set(require("kannada_mnist")) == set(digests)


def spoil_images(folder):
    write_idx(folder / NAMES["train", "images"], glyph_images(np.ones(77, int), 0))


def spoil_size(folder):
    write_idx(folder / NAMES["test", "images"], np.zeros((52, 28, 27)))


def spoil_rank(folder):
    write_idx(folder / NAMES["test", "images"], np.zeros(52))


def spoil_class(folder):
    labels = np.tile(np.arange(1, 27), 3)
    labels[labels == 5] = 4
    write_idx(folder / NAMES["train", "labels"], labels)


def spoil_label(folder):
    write_idx(folder / NAMES["train", "labels"], np.tile(np.arange(0, 26), 3))


def spoil_end(folder):
    path = folder / NAMES["test", "labels"]
    path.write_bytes(path.read_bytes()[:-3])


def spoil_kind(folder):
    (folder / NAMES["test", "labels"]).write_bytes(b"<html>not found</html>")


def spoil_place(folder):
    path = folder / NAMES["train", "images"]
    path.unlink()


@pytest.mark.parametrize(
    ("spoil", "error", "complaint"),
    [
        (spoil_images, DataDamaged, "has 77 images, but .* 78 labels"),
        (spoil_size, DataDamaged, "52x28x27 bytes, not 28x28 images"),
        (spoil_rank, DataDamaged, "52 bytes, not 28x28 images"),
        (spoil_class, DataDamaged, "no image of class 5$"),
        (spoil_label, DataDamaged, "label 0 is not one of 1 to 26"),
        (spoil_end, DataDamaged, "cut short"),
        (spoil_kind, DataDamaged, "not an IDX file"),
        (spoil_place, DataMissing, "is not here: emnist-letters-train-images"),
    ],
)
def test_what_is_wrong_is_named(letters, spoil, error, complaint):
    spoil(letters)
    with pytest.raises(error, match=complaint):
        require("emnist_letters", "form")


def test_a_file_that_cannot_be_read_is_named(letters, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shareconsole.files.idx.measure", refuse)
    with pytest.raises(DataDamaged, match=r"cannot read .*train-images.*: Permission denied"):
        require("emnist_letters", "form")


def test_an_archive_is_held_against_its_hash(data):
    write_cifar(data, "cifar100", cifar100_members())
    require("cifar100", "form")
    with pytest.raises(DataDamaged, match="bytes of 169,001,437"):
        require("cifar100", "official")


@needs_real_files
def test_the_real_files_are_what_is_known_of_them(monkeypatch):
    monkeypatch.setenv("SHARECONSOLE_DATA", REAL)
    for name in ("kannada_mnist", "omniglot"):
        assert len(require(name, "official")) == 2
    for name in ("emnist_digits", "emnist_letters", "kannada_mnist"):
        require(name, "form")
