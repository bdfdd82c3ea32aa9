"""A folder of images: layouts, splits, sizes and colours, and everything that is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shareconsole.datasets.own import load_own
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files import image_sets
from shareconsole.spec.data.own import FolderOptions
from tests.datasets.own_data import number_of, pixels, save, write_folder

TASKS = {"animals": {"cat": 5, "dog": 10}, "cars": {"a": 2, "b": 3, "c": 4}}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path) -> Path:
    write_folder(tmp_path / "data", TASKS)
    return tmp_path / "data"


def options(root: Path, **values) -> FolderOptions:
    return FolderOptions(name="folder", path=str(root), **values)


def seen(split) -> list[tuple[list[int], list[int]]]:
    """Numbers and labels of the images of each task."""
    return [
        ([number_of(x) for x in images], labels.tolist())
        for images, labels in zip(split.images, split.labels, strict=True)
    ]


def agrees_with_its_shape(given: FolderOptions) -> None:
    data, shape = load_own(given), given.shape()
    assert data.num_classes == shape.num_classes
    assert data.input_shape == shape.input_shape
    assert tuple(map(len, data.train.labels)) == shape.train_images
    assert tuple(map(len, data.test.labels)) == shape.test_images
    least = min(int(torch.bincount(labels).min()) for labels in data.train.labels)
    assert shape.rarest == least


def test_tasks_classes_and_a_stratified_split(root):
    given = options(root)
    assert given.issues() == []
    data = load_own(given)
    assert data.task_names == ("animals", "cars")
    assert data.num_classes == (2, 3)
    assert data.input_shape == (1, 6, 5)
    assert not data.shared_inputs
    classes = [[0] * 5 + [1] * 10, [0] * 2 + [1] * 3 + [2] * 4]
    first = 0
    for task, (train, test) in enumerate(zip(seen(data.train), seen(data.test), strict=True)):
        numbers = train[0] + test[0]
        assert sorted(numbers) == list(range(first, first + len(classes[task])))
        for number, label in zip(numbers, train[1] + test[1], strict=True):
            assert classes[task][number - first] == label
        first += len(classes[task])
    # A fifth of each class, at least one image.
    assert [torch.bincount(y).tolist() for y in data.test.labels] == [[1, 2], [1, 1, 1]]
    agrees_with_its_shape(given)
    agrees_with_its_shape(options(root, test_fraction=0.9))
    agrees_with_its_shape(options(root, test_fraction=0.01))


def test_the_split_seed_fixes_the_split_and_another_task_changes_nothing(root):
    before = seen(load_own(options(root)).train)
    assert seen(load_own(options(root)).train) == before
    assert seen(load_own(options(root, split_seed=1)).train) != before
    write_folder(root, {"birds": {"x": 4, "y": 4}}, start=500)
    after = seen(load_own(options(root)).train)
    assert [after[0], after[2]] == before


def test_a_given_split_by_task_or_for_all(root, tmp_path):
    write_folder(root / "given", {"train": {"x": 3, "y": 2}, "test": {"x": 1, "y": 2}}, start=300)
    given = options(root)
    data = load_own(given)
    assert data.task_names == ("animals", "cars", "given")
    assert seen(data.train)[2] == ([300, 301, 302, 303, 304], [0, 0, 0, 1, 1])
    assert seen(data.test)[2] == ([305, 306, 307], [0, 1, 1])
    agrees_with_its_shape(given)
    whole = tmp_path / "whole"
    start = write_folder(whole / "train", TASKS)
    write_folder(whole / "test", {t: dict.fromkeys(c, 1) for t, c in TASKS.items()}, start)
    data = load_own(options(whole))
    assert data.task_names == ("animals", "cars")
    assert seen(data.train)[1] == (list(range(15, 24)), [0, 0, 1, 1, 1, 2, 2, 2, 2])
    assert seen(data.test)[1] == ([26, 27, 28], [0, 1, 2])
    agrees_with_its_shape(options(whole))


def test_files_that_are_no_images_are_passed_over(root):
    for name in (".DS_Store", "notes.txt", ".hidden.png"):
        (root / "cars" / "a" / name).write_text("x")
        (root / name).write_text("x")
    (root / ".git").mkdir()
    (root / "__MACOSX").mkdir()
    agrees_with_its_shape(options(root))
    assert options(root).shape().num_tasks == 2


def test_resizing_takes_means_and_evens_out_sizes(root):
    checkered = np.indices((8, 8)).sum(0) % 2 * 200
    save(root / "cars" / "a" / "zz.png", checkered.astype(np.uint8))
    given = options(root, size=4)
    data = load_own(given)
    assert data.input_shape == (1, 4, 4)
    cars = torch.cat([data.train.images[1], data.test.images[1]])
    assert any(bool((image == 100).all()) for image in cars)
    agrees_with_its_shape(given)


def test_colour(root):
    assert options(root, color="rgb").shape().input_shape == (3, 6, 5)
    save(root / "cars" / "a" / "000.png", np.stack([pixels(1), pixels(2), pixels(3)], -1))
    given = options(root)
    assert given.shape().input_shape == (3, 6, 5)
    agrees_with_its_shape(given)
    assert options(root, color="gray").shape().input_shape == (1, 6, 5)
    images = load_own(given).train.images[0]
    assert torch.equal(images[:, 0], images[:, 2])


def test_images_of_many_kinds_come_to_the_same_pixels(tmp_path):
    root = tmp_path / "kinds"
    grey = pixels(7)
    colour = np.stack([grey] * 3, -1)
    opaque = np.full(grey.shape, 255, np.uint8)
    images = {
        "a.png": Image.fromarray(grey),
        "b.bmp": Image.fromarray(grey),
        "c.tif": Image.fromarray(grey.astype(np.uint16) * 257),
        "d.png": Image.fromarray(np.stack([grey, opaque], -1)),
        "e.png": Image.fromarray(np.concatenate([colour, opaque[..., None]], -1)),
        "f.gif": Image.fromarray(colour).quantize(8),
        "g.webp": Image.fromarray(colour),
        "h.PGM": Image.fromarray(grey),
        "i.png": Image.fromarray(grey.astype(np.uint16) * 257),
    }
    for name in ("one", "two"):
        (root / "task" / name).mkdir(parents=True)
        for file, image in images.items():
            extra = {"lossless": True} if file.endswith("webp") else {}
            image.save(root / "task" / name / file, **extra)
    data = load_own(options(root, color="gray"))
    both = torch.cat([data.train.images[0], data.test.images[0]])
    assert len(both) == 18
    assert (both.int() - torch.from_numpy(grey.astype(int))).abs().max() <= 1


def test_transparent_pixels_are_white_and_photographs_upright(tmp_path):
    clear = np.zeros((4, 6, 4), np.uint8)
    photo = Image.fromarray(np.tile(np.arange(6, dtype=np.uint8) * 40, (4, 1)))
    exif = photo.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    for name in ("a", "b"):
        save(tmp_path / "clear" / "task" / name / "1.png", clear)
        save(tmp_path / "clear" / "task" / name / "2.png", clear)
        (tmp_path / "turned" / "task" / name).mkdir(parents=True)
        for i in (1, 2):
            photo.save(tmp_path / "turned" / "task" / name / f"{i}.jpg", exif=exif, quality=100)
    assert (load_own(options(tmp_path / "clear", color="gray")).train.images[0] == 255).all()
    turned = load_own(options(tmp_path / "turned"))
    assert turned.input_shape == options(tmp_path / "turned").shape().input_shape == (1, 6, 4)
    column = turned.train.images[0][0, 0, :, 0].int()
    assert (column - torch.tensor([0, 40, 80, 120, 160, 200])).abs().max() <= 2


def test_decoded_once_until_a_file_changes(root, monkeypatch):
    calls = []
    decode = image_sets._decode
    monkeypatch.setattr(image_sets, "_decode", lambda *a: calls.append(a) or decode(*a))
    load_own(options(root))
    load_own(options(root, split_seed=3, test_fraction=0.5))
    assert len(calls) == 2  # one for each task
    file = root / "cars" / "a" / "000.png"
    found = file.stat()
    content = file.read_bytes()
    file.write_bytes(content[:-20] + content[-20:])
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    load_own(options(root))
    assert len(calls) == 4
    file.rename(root / "cars" / "a" / "zzz.png")
    load_own(options(root))
    assert len(calls) == 6


def issue(root: Path, **values) -> str:
    """What the check of a preset says before anything is decoded."""
    [found] = options(root, **values).issues()
    assert found.path == ("path",)
    return found.problem


def damaged(root: Path, **values) -> str:
    """What decoding says of a folder whose names and first headers are fine."""
    given = options(root, **values)
    assert given.issues() == []
    with pytest.raises(DataDamaged) as caught:
        given.check_files()
    return str(caught.value)


def test_no_folder(tmp_path):
    assert issue(tmp_path / "none") == f"{tmp_path / 'none'} does not exist"
    (tmp_path / "file").touch()
    assert issue(tmp_path / "file").endswith("is not a folder")
    assert "does not exist" in issue(Path("a\0b"))
    with pytest.raises(DataMissing):
        options(tmp_path / "none").shape()


def test_other_layouts_are_recognised(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no folder where a folder for each of the tasks is expected" in issue(empty)
    flat = tmp_path / "flat"
    save(flat / "1.png", pixels(1))
    assert "image 1.png where a folder for each of the tasks" in issue(flat)
    classes = tmp_path / "classes"
    save(classes / "cat" / "1.png", pixels(1))
    assert "cat: image 1.png where a folder for each of the classes" in issue(classes)
    deep = tmp_path / "deep"
    save(deep / "task" / "class" / "more" / "1.png", pixels(1))
    assert "folder more where images are expected" in issue(deep)
    three = tmp_path / "three"
    write_folder(three / "task", {"train": {"a": 2}, "test": {"a": 1}, "val": {"a": 1}})
    assert issue(three).endswith("beside train/ only test/ is known, not val")
    capital = tmp_path / "capital"
    write_folder(capital / "Train", {"t": {"a": 2, "b": 2}})
    write_folder(capital / "Test", {"t": {"a": 2, "b": 2}})
    assert "are written in small letters, not Train/ and Test/" in issue(capital)
    write_folder(tmp_path / "uneven", {"train": {"t": 0}, "test": {"u": 0}})
    for side, name in (("train", "t"), ("test", "u")):
        write_folder(tmp_path / "uneven" / side, {name: {"a": 1, "b": 1}})
    assert "task t is not in both train and test" in issue(tmp_path / "uneven")


def test_classes_that_are_empty_too_small_or_on_one_side(root):
    (root / "cars" / "d").mkdir()
    assert "d: holds no image (.bmp, " in issue(root)
    save(root / "cars" / "d" / "1.png", pixels(1))
    assert "class d of task cars has 1 image; two are needed" in issue(root)
    save(root / "cars" / "d" / "2.png", pixels(2))
    assert options(root).issues() == []
    write_folder(root / "given", {"train": {"x": 1, "y": 1}, "test": {"x": 1, "z": 1}})
    assert "task given has no training images of class z" in issue(root)
    write_folder(root / "given", {"train": {"z": 1}})
    assert "task given has no test images of class y" in issue(root)


def test_a_link_to_nothing_is_not_learned_without(root, tmp_path):
    gone = root / "cars" / "a" / "gone.png"
    gone.symlink_to(tmp_path / "not mounted" / "1.png")
    assert issue(root) == f"{gone} is a link to {tmp_path / 'not mounted' / '1.png'}: not there"
    gone.unlink()
    (root / "more").symlink_to(tmp_path / "not mounted")
    assert f"{root / 'more'} is a link to" in issue(root)
    (tmp_path / "not mounted").mkdir()
    assert "no folder where a folder for each of the classes" in issue(root)


def test_a_task_with_one_class(root):
    write_folder(root, {"dull": {"only": 4}})
    assert "task dull has 1 class; it needs two or more" in issue(root)


@pytest.mark.parametrize("name", ["x" * 101, "a\x1b[31m", "\udcff", "tab\there"])
def test_names_that_cannot_be_shown(root, name):
    try:
        write_folder(root, {name: {"a": 2, "b": 2}})
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system does not take such a name")
    assert "cannot be the name of a task: 1 to 100 visible characters" in issue(root)


def test_unequal_sizes_name_both_files(root):
    other = save(root / "cars" / "b" / "000.png", pixels(1, 7, 9))
    text = issue(root)
    assert f"{other} has 9x7 pixels and" in text
    assert "5x6; size = N resizes" in text
    assert options(root, size=8).issues() == []
    save(other, pixels(1))
    hidden = save(root / "cars" / "b" / "001.png", pixels(1, 7, 9))
    assert f"{hidden} has 9x7 pixels and" in damaged(root)


def test_a_late_image_in_colour(root):
    late = save(root / "cars" / "b" / "002.png", np.stack([pixels(1)] * 3, -1))
    assert damaged(root).startswith(f"{late} has colour and others have none")
    options(root, color="gray").check_files()
    options(root, color="rgb").check_files()


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", b"\x89PNG\r\n\x1a\n", "cut", "flipped", b"GIF89a" + bytes(20), "bomb"],
)
def test_an_unreadable_image_is_named(root, content):
    file = root / "cars" / "b" / "002.png"
    whole = file.read_bytes()
    if content == "cut":
        content = whole[:-16]
    elif content == "flipped":
        content = whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]
    elif content == "bomb":
        content = whole[:16] + b"\x7f\0\0\0\x7f\0\0\0" + whole[24:]
    file.write_bytes(content)
    text = damaged(root)
    assert text.startswith(f"{file}: ")
    assert "cannot be read as an image" in text


def test_a_file_without_an_image_header_is_found_without_decoding(root):
    first = root / "cars" / "b" / "000.png"
    first.write_bytes(b"no image")
    assert issue(root).startswith(f"{first}: cannot be read as an image")


def test_too_many_pixels_and_too_many_bits(root):
    file = root / "cars" / "b" / "002.png"
    Image.new("1", (9000, 9000)).save(file)
    assert "9000x9000 pixels, more than 64,000,000" in damaged(root)
    Image.fromarray(np.ones((6, 5), np.float32)).save(file.with_suffix(".tif"))
    file.unlink()
    assert "has pixels of 32 bits" in damaged(root)


def test_a_pipe_or_device_is_no_image(root):
    os.mkfifo(root / "cars" / "b" / "pipe.png")
    agrees_with_its_shape(options(root))
