"""CelebA from its files: tasks, splits, cache, and every way the files can be wrong."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shareconsole.datasets.celeba import load_celeba
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files import celeba as files
from shareconsole.files import decoded
from shareconsole.files.celeba import FACES, LABELS, SPLIT
from shareconsole.files.celeba_attributes import ATTRIBUTES, PARTS
from shareconsole.files.known import FILE_SETS
from shareconsole.files.record import DataFile
from shareconsole.sharing.preparation import prepared
from shareconsole.spec.data.celeba import CelebaOptions
from tests.datasets.celeba_files import (
    FEW,
    colour,
    faces,
    jpeg,
    label,
    tables,
    write_celeba,
    write_faces,
)


def options(**values) -> CelebaOptions:
    return CelebaOptions.model_validate({"name": "celeba", "verify": "form", "size": 16, **values})


@pytest.fixture
def folder(data) -> Path:
    return write_celeba(data)


def test_the_published_counts():
    assert sum(PARTS.values()) == sum(FILE_SETS["celeba"].counts) == 202_599
    assert FILE_SETS["celeba"].counts[1] == PARTS["test"]
    assert len(ATTRIBUTES) == len(set(ATTRIBUTES)) == 40
    assert list(ATTRIBUTES) == sorted(ATTRIBUTES)  # so is the published table
    shape = CelebaOptions(name="celeba").shape()
    assert (shape.num_tasks, shape.input_shape) == (40, (3, 64, 64))
    assert shape.shared_inputs
    assert shape.stored_images == 202_599
    assert shape.stored_labels == 40 * 202_599
    whole = CelebaOptions(name="celeba", size=0).shape()
    assert whole.input_shape == (3, 218, 178)


def test_every_attribute_is_a_task_on_the_same_images(folder):
    data = load_celeba(options())
    assert data.task_names == ATTRIBUTES
    assert set(data.num_classes) == {2}
    assert data.class_names[31] == ("not Smiling", "Smiling")
    first = 0
    for part, split in (
        ("train", data.train),
        ("validation", data.validation),
        ("test", data.test),
    ):
        [images] = split.images
        assert images.shape == (FEW[part], 3, 16, 16)
        numbers = range(first, first + FEW[part])
        for image, number in zip(images, numbers, strict=True):
            wanted = torch.tensor(colour(number))[:, None, None]
            assert (image.int() - wanted).abs().max() <= 4  # JPEG rounds
        for task, labels in enumerate(split.labels):
            assert labels.tolist() == [label(number, task) for number in numbers]
        first += FEW[part]


def test_attributes_are_the_first_ones_or_those_listed(folder):
    assert options(attributes=2).tasks == ATTRIBUTES[:2]
    data = load_celeba(options(attributes=["Young", "Bald"]))
    assert data.task_names == ("Young", "Bald")
    assert data.train.labels[1].tolist() == [label(n, 4) for n in range(12)]
    alone = options(attributes=1)
    assert not alone.shape().shared_inputs
    assert load_celeba(alone).num_tasks == 1
    for wrong in (["Smile"], ["Bald", "Bald"], []):
        assert options(attributes=wrong).issues()


def test_some_images_are_chosen_by_the_seed_and_keep_their_order(folder):
    some = load_celeba(options(train_images=5, test_images=4))
    again = load_celeba(options(train_images=5, test_images=4))
    other = load_celeba(options(train_images=5, test_images=4, split_seed=1))
    every = load_celeba(options())
    [images] = some.train.images
    assert torch.equal(images, again.train.images[0])
    assert not torch.equal(images, other.train.images[0])
    rows = [
        next(i for i, one in enumerate(every.train.images[0]) if torch.equal(one, image))
        for image in images
    ]
    assert rows == sorted(rows)
    assert some.train.labels[0].tolist() == [label(row, 0) for row in rows]
    assert len(some.validation.images[0]) == FEW["validation"]
    assert len(some.test.images[0]) == 4


def test_numbers_that_cannot_be(folder):
    assert options(test_images=19_963).issues()[0].path == ("test_images",)
    assert options(size=4).issues()[0].path == ("size",)
    assert not options(size=0, train_images=162_770).issues()
    refused(f"{SPLIT}: 20 train images are wanted, 12 are there", train_images=20)


def test_a_class_that_no_image_in_use_has(folder):
    content = tables()[LABELS].replace(b"000019.jpg -1", b"000019.jpg  1")
    content = content.replace(b"000017.jpg -1", b"000017.jpg  1")
    content = content.replace(b"000021.jpg -1", b"000021.jpg  1")
    (folder / LABELS).write_bytes(content)
    refused("every one of the 6 test images in use has the attribute 5_o_Clock_Shadow")
    options(attributes=["Bald"]).check_files()  # others do not mind


def test_what_is_declared_is_what_is_done_to_faces(folder):
    data = load_celeba(options())
    how = options().preparation(0)
    assert (how.resizing, how.size) == ("mean", (218, 178))
    assert options(size=0).preparation(0) == type(how)()
    whole = load_celeba(options(size=0))
    assert whole.test.images[0].shape == (6, 3, 218, 178)
    assert torch.equal(prepared(data.test.images[0], how, (3, 16, 16)), data.test.images[0])


def test_decoded_once_and_again_when_stale(folder, monkeypatch):
    calls = []
    decode = files._decode_all
    monkeypatch.setattr(files, "_decode_all", lambda *given: calls.append(given) or decode(*given))
    options().check_files()
    load_celeba(options())
    load_celeba(options(attributes=3))
    assert len(calls) == 1
    load_celeba(options(size=8))
    assert len(calls) == 2
    # A choice is kept by itself.
    for _ in range(2):
        assert len(load_celeba(options(train_images=6)).train.images[0]) == 6
        assert [len(part) for part in calls[-1][1].values()] == [6, 4, 6]
    assert len(calls) == 3
    # Another zip, of the same faces.
    write_faces(folder / FACES, faces() | {"img_align_celeba/.hidden": b""})
    load_celeba(options())
    assert len(calls) == 4


def test_the_same_faces_dealt_otherwise_are_not_taken_for_the_ones_before(folder):
    load_celeba(options())
    split = tables()[SPLIT].replace(b"000012.jpg 0", b"000012.jpg 1")
    (folder / SPLIT).write_bytes(split)
    data = load_celeba(options())
    assert [len(part.images[0]) for part in (data.train, data.validation)] == [11, 5]
    for number, image in zip(range(11, 16), data.validation.images[0], strict=True):
        wanted = torch.tensor(colour(number))[:, None, None]
        assert (image.int() - wanted).abs().max() <= 4


def test_many_faces_are_announced_once(folder, monkeypatch, capsys):
    monkeypatch.setattr(decoded, "_MANY", 22)
    options().check_files()
    assert capsys.readouterr().err == "note: decoding 22 images, which takes a while\n"
    options().check_files()
    monkeypatch.setattr(decoded, "_MANY", 23)
    options(size=8).check_files()
    assert capsys.readouterr().err == ""


def refused(match: str, **values) -> None:
    """The files are refused in advance, by the check that runs before a run exists."""
    with pytest.raises(DataDamaged, match=match):
        options(**values).check_files()


def test_whole_files_are_accepted(folder):
    options().check_files()


@pytest.mark.parametrize("file", [FACES, LABELS, SPLIT])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(DataMissing, match=f"{file}(.|\n)*shareconsole data fetch celeba"):
        options().check_files()


def test_other_files_than_published(folder):
    with pytest.raises(DataDamaged, match="is not the published file of CelebA"):
        options(verify="official").check_files()


def test_published_files_are_known_by_their_hash_alone(folder, monkeypatch):
    def known(file: DataFile) -> DataFile:
        content = (folder / file.name).read_bytes()
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return replace(file, hashes=(f"md5:{digest}",))

    published = FILE_SETS["celeba"]
    ours = replace(published, files=tuple(known(file) for file in published.files))
    monkeypatch.setitem(FILE_SETS, "celeba", ours)
    options(verify="official").check_files()


@pytest.mark.parametrize(
    ("file", "before", "after", "match"),
    [
        (LABELS, b"22\n", b"", "does not begin with a number and the names of 40"),
        (LABELS, b"22\n", b"21\n", "its first line is 21, but it has 22 images"),
        (SPLIT, b" 1", b" 2", "has no validation image"),
        (LABELS, b"Young", b"Old", "does not begin with a number and the names of 40"),
        (LABELS, b"000003.jpg -1", b"000003.jpg", "line 5: has 39 labels, not 40"),
        (LABELS, b"000003.jpg -1", b"000003.jpg  0", "line 5: '0' is neither 1 nor -1"),
        (LABELS, b"000003.jpg", b"000002.jpg", "line 5: 000002.jpg was in a line before"),
        (LABELS, b"000003.jpg", b"900003.jpg", "line 5: 900003.jpg is not in"),
        (SPLIT, b"000003.jpg 0", b"000003.jpg 3", "line 3: is not an image and 0, 1 or 2"),
        (SPLIT, b"000003.jpg 0", b"000003.jpg", "line 3: is not an image and 0, 1 or 2"),
        (SPLIT, b"000003.jpg", b"000002.jpg", "line 3: 000002.jpg was in a line before"),
        (SPLIT, b"000003.jpg", b"\xff\xfe", "000003.jpg is not in"),
        (SPLIT, b"000022.jpg 2", b"000022.jpg 2\n000023.jpg 2", "lacks 000023.jpg"),
    ],
)
def test_tables_that_are_wrong(folder, file, before, after, match):
    content = tables()[file]
    assert before in content
    (folder / file).write_bytes(content.replace(before, after, 4 if before == b" 1" else 1))
    refused(match)


GOOD = jpeg(1, 2, 3)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (GOOD[: len(GOOD) // 2], "000004.jpg cannot be decoded"),
        (b"", "000004.jpg cannot be decoded"),
        (b"GIF89a" + bytes(30), "000004.jpg cannot be decoded"),
        (jpeg(1, 2, 3, (178, 178)), "000004.jpg has 178x178 pixels, not 178x218"),
        (bytes(600_000), "600,000 bytes, too many for a face"),
        (None, "lacks 000004.jpg"),
    ],
    ids=["half", "empty", "gif", "square", "huge", "absent"],
)
def test_a_face_that_is_none(folder, content, match):
    everything = faces()
    if content is None:
        del everything["img_align_celeba/000004.jpg"]
    else:
        everything["img_align_celeba/000004.jpg"] = content
    write_faces(folder / FACES, everything)
    refused(match)


def test_members_that_do_not_belong_there(folder):
    write_faces(folder / FACES, {**faces(), "img_align_celeba/../../evil.jpg": GOOD})
    refused("is not where CelebA has a face")
    hidden = {"__MACOSX/img_align_celeba/._000001.jpg": b"", "img_align_celeba/.DS_Store": b""}
    write_faces(folder / FACES, {**faces(), **hidden, "img_align_celeba/": b""})
    options().check_files()


def test_a_zip_that_is_damaged(folder):
    path = folder / FACES
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("is no whole zip file")
    at = whole.index(GOOD[:20]) + 400
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    refused("000001.jpg is damaged: Bad CRC-32")


def test_a_cache_whose_directory_is_damaged_is_made_anew(folder, monkeypatch):
    before = load_celeba(options())
    [kept] = (Path(os.environ["SHARECONSOLE_CACHE"]) / "decoded").iterdir()
    whole = kept.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    calls = []
    decode = files._decode_all
    monkeypatch.setattr(files, "_decode_all", lambda *given: calls.append(given) or decode(*given))
    made_anew = 0
    for bit in range(8):
        for at in range(directory, len(whole), 5):
            calls.clear()
            kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            after = load_celeba(options())
            made_anew += len(calls)
            assert torch.equal(after.test.images[0], before.test.images[0])
            assert len(after.train.images[0]) == len(before.train.images[0])
    assert made_anew > 100
