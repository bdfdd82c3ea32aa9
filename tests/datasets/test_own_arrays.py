"""Arrays of the user's own: spellings, shapes and types, splits, and everything that is refused."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from shareconsole.datasets.own import load_own
from shareconsole.errors import DataDamaged
from shareconsole.spec.data.own import ArraysOptions
from tests.datasets.own_data import number_of, pixels

LABELS = np.array([7, 7, 3, 3, 3, 7, 11, 11, 11, 3])
# In order of their numbers, not of their letters.
CLASSES = {"3": 0, "7": 1, "11": 2}


def stack(count: int, start: int = 0) -> np.ndarray:
    return np.stack([pixels(start + i) for i in range(count)])


def options(root: Path, **values) -> ArraysOptions:
    return ArraysOptions(name="arrays", path=str(root), **values)


def issue(root: Path, **values) -> str:
    [found] = options(root, **values).issues()
    assert found.path == ("path",)
    return found.problem


@pytest.fixture
def root(tmp_path) -> Path:
    np.savez(tmp_path / "one.npz", images=stack(10), labels=LABELS)
    (tmp_path / "two").mkdir()
    np.save(tmp_path / "two" / "x.npy", stack(4, 100))
    np.save(tmp_path / "two" / "y.npy", np.array(["no", "yes", "yes", "no"]))
    return tmp_path


def agrees_with_its_shape(given: ArraysOptions) -> None:
    data, shape = load_own(given), given.shape()
    assert data.num_classes == shape.num_classes
    assert data.input_shape == shape.input_shape
    assert tuple(map(len, data.train.labels)) == shape.train_images
    assert tuple(map(len, data.test.labels)) == shape.test_images
    assert (data.train.images[0].dtype == torch.uint8) == (shape.bytes_per_pixel == 1)


def test_archives_and_folders_split_by_class(root):
    given = options(root)
    data = load_own(given)
    assert data.task_names == ("one", "two")
    assert data.num_classes == (3, 2)
    found = {}
    for split in (data.train, data.test):
        for task in range(2):
            for image, label in zip(split.images[task], split.labels[task], strict=True):
                found[task, number_of(image)] = int(label)
    assert found == {
        **{(0, i): CLASSES[str(label)] for i, label in enumerate(LABELS)},
        **{(1, 100 + i): label for i, label in enumerate((0, 1, 1, 0))},
    }
    assert [torch.bincount(y).tolist() for y in data.test.labels] == [[1, 1, 1], [1, 1]]
    agrees_with_its_shape(given)
    given.check_files()


def test_a_given_split(tmp_path):
    np.savez_compressed(
        tmp_path / "task.npz",
        x_train=stack(4),
        y_train=[0, 1, 1, 0],
        x_test=stack(2, 50),
        y_test=[1, 0],
        x_extra=np.zeros(3),
    )
    data = load_own(options(tmp_path))
    assert [number_of(x) for x in data.train.images[0]] == [0, 1, 2, 3]
    assert [number_of(x) for x in data.test.images[0]] == [50, 51]
    assert data.test.labels[0].tolist() == [1, 0]
    agrees_with_its_shape(options(tmp_path))
    np.savez(
        tmp_path / "task.npz",
        train_images=stack(4),
        train_labels=[0, 1, 1, 0],
        test_images=stack(2, 50),
        test_labels=[1, 1],
    )
    assert "task task has no test images of class 0" in issue(tmp_path)


@pytest.mark.parametrize("order", ["C", "F"])
def test_channels_first_and_last(tmp_path, order):
    grey = stack(6)
    colour = np.stack([grey, grey + 1, grey + 2], 1)
    for name, images in {"first": colour, "last": colour.transpose(0, 2, 3, 1)}.items():
        folder = tmp_path / name
        folder.mkdir()
        arranged = np.asarray(images, order=order)
        np.savez(folder / "t.npz", images=arranged, labels=[0, 0, 0, 1, 1, 1])
        for channels in ("auto", name):
            given = options(folder, channels=channels)
            data = load_own(given)
            assert data.input_shape == (3, 6, 5)
            for image in data.train.images[0]:
                assert (image[1] == image[0] + 1).all()
                assert image[0].numpy().tobytes() in {each.tobytes() for each in grey}
            agrees_with_its_shape(given)
    np.savez(tmp_path / "first" / "t.npz", images=np.ones((4, 3, 8, 3)), labels=[0, 0, 1, 1])
    assert 'say with channels = "first" or "last"' in issue(tmp_path / "first")
    assert options(tmp_path / "first", channels="last").shape().input_shape == (3, 3, 8)
    np.savez(tmp_path / "first" / "t.npz", images=np.ones((4, 9, 8, 7)), labels=[0, 0, 1, 1])
    assert 'say with channels = "first" or "last"' in issue(tmp_path / "first")
    assert options(tmp_path / "first", channels="first").shape().input_shape == (9, 8, 7)


def test_types_of_pixels(tmp_path):
    for dtype in (np.float16, np.float32, np.float64, ">f4", bool, np.uint8):
        images = (stack(4) > 50).astype(dtype)
        np.savez(tmp_path / "t.npz", images=images, labels=[0, 0, 1, 1])
        given = options(tmp_path)
        found = load_own(given).train.images[0]
        agrees_with_its_shape(given)
        kind = np.dtype(dtype).kind
        assert found.dtype == (torch.float32 if kind == "f" else torch.uint8)
        assert found.max() == (255 if kind == "b" else 1)
    for dtype in (np.int64, np.int8, np.uint16, complex):
        np.savez(tmp_path / "t.npz", images=stack(4).astype(dtype), labels=[0, 0, 1, 1])
        assert "not plain numbers" in issue(tmp_path) or "images are uint8" in issue(tmp_path)


def test_a_value_that_is_no_number_is_found_before_training(tmp_path):
    images = np.ones((4, 3, 3), np.float32)
    images[2, 1, 1] = np.nan
    np.savez(tmp_path / "t.npz", images=images, labels=[0, 0, 1, 1])
    given = options(tmp_path)
    assert given.issues() == []
    with pytest.raises(DataDamaged, match=r"images\.npy: image 2 has values that are no numbers"):
        given.check_files()


def test_tasks_of_different_sizes_or_types(root):
    np.savez(root / "wide.npz", images=np.ones((4, 6, 9), np.uint8), labels=[0, 0, 1, 1])
    assert "uint8 [4, 6, 9] and" in issue(root)
    np.savez(root / "wide.npz", images=np.ones((4, 6, 5), np.float32), labels=[0, 0, 1, 1])
    assert "all tasks need images of one size and type" in issue(root)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"images": stack(4)}, "found: images"),
        ({"pictures": stack(4), "labels": [0, 1, 0, 1]}, "found: labels, pictures"),
        ({"images": stack(4), "labels": [0, 1, 1]}, "has 3 labels for 4 images"),
        ({"images": stack(4), "labels": [[0], [1], [1], [0]]}, "labels are a list of integers"),
        ({"images": stack(4), "labels": [0.0, 1.0, 0.5, 1.0]}, "labels are a list of integers"),
        ({"images": stack(4), "labels": [0, 0, 0, 1]}, "class 1 of task bad has 1 image; two"),
        ({"images": stack(4), "labels": [5, 5, 5, 5]}, "task bad has 1 class; it needs two"),
        ({"images": stack(4), "labels": ["a", "a", "\x1b", "\x1b"]}, "name of a class"),
        ({"images": np.ones((4, 5)), "labels": [0, 1, 1, 0]}, "images are [N, H, W]"),
        ({"images": np.ones((0, 5, 5)), "labels": np.zeros(0, int)}, "task bad has no class"),
        ({"images": np.ones((4, 0, 5)), "labels": [0, 1, 1, 0]}, "images are [N, H, W]"),
        (
            {"images": stack(4), "labels": [0, 1, 0, 1], "x": stack(4), "y": [0, 1, 0, 1]},
            "found: images, labels, x, y",
        ),
    ],
)
def test_arrays_that_cannot_be_learned_from(tmp_path, arrays, text):
    np.savez(tmp_path / "bad.npz", **arrays)
    assert text in issue(tmp_path)


def test_folders_without_arrays(tmp_path):
    assert "holds no .npz file and no folder" in issue(tmp_path)
    assert "does not exist" in issue(tmp_path / "none")
    np.save(tmp_path / "x.npy", stack(4))
    assert "belong into a folder" in issue(tmp_path)


def test_a_task_that_is_there_twice(root):
    (root / "one").mkdir()
    assert "one.npz is there as well" in issue(root)


def test_python_objects_are_never_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    trap = np.empty(4, object)
    trap[:] = [Trap()] * 4
    np.savez(tmp_path / "t.npz", images=stack(4), labels=trap)
    assert "holds Python objects, which are not read for safety" in issue(tmp_path)
    (tmp_path / "t.npz").unlink()
    (tmp_path / "t").mkdir()
    np.save(tmp_path / "t" / "images.npy", stack(4))
    np.save(tmp_path / "t" / "labels.npy", trap)
    assert "holds Python objects" in issue(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_header_that_promises_more_than_there_is(tmp_path):
    stream = io.BytesIO()
    np.save(stream, stack(4))
    lie = stream.getvalue().replace(b"(4, 6, 5)", b"(4444444444, 6, 5)")
    head = len(lie) - 120
    padded = lie[:head].replace(b" " * 9, b"", 1) + lie[head:]
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "images.npy").write_bytes(padded)
    np.save(tmp_path / "t" / "labels.npy", [0, 1, 0, 1])
    assert "should have 133,333,333," in issue(tmp_path)


def test_damaged_archives(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, images=stack(40), labels=[0, 1] * 20)
    whole = path.read_bytes()
    for content in (b"", b"x", whole[:100], whole[:-30]):
        path.write_bytes(content)
        assert str(path) in issue(tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "readme.txt is no array" in issue(tmp_path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("images.npy", "x")
    assert "packed in an unusual way" in issue(tmp_path)


def test_random_damage_is_an_error_or_the_same_images(tmp_path):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, images=stack(40), labels=[0, 1] * 20)
    whole = path.read_bytes()
    reference = load_own(options(tmp_path)).train.images[0]
    dice = random.Random(3)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] = dice.randrange(256)
        path.write_bytes(bytes(damaged))
        given = options(tmp_path)
        if given.issues():
            refused += 1
            continue
        try:
            found = load_own(given).train.images[0]
        except DataDamaged:
            refused += 1
        else:
            assert torch.equal(reference, found)
    assert refused > 100
