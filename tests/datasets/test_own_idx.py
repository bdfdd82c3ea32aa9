"""IDX files of the user's own: names, splits, and everything that is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shareconsole.datasets.own import load_own
from shareconsole.errors import DataDamaged
from shareconsole.spec.data.own import IdxOptions
from tests.datasets.own_data import idx_bytes, number_of, pixels, write_idx

LABELS = np.array([4, 9, 4, 9, 9, 4])


def stack(count: int, start: int = 0) -> np.ndarray:
    return np.stack([pixels(start + i) for i in range(count)])


def write(folder: Path, name: str, start: int, labels: np.ndarray, suffix: str = ".gz") -> None:
    write_idx(folder / f"{name}images-idx3-ubyte{suffix}", stack(len(labels), start))
    write_idx(folder / f"{name}labels-idx1-ubyte{suffix}", labels)


def options(root: Path, **values) -> IdxOptions:
    return IdxOptions(name="idx", path=str(root), **values)


def issue(root: Path) -> str:
    [found] = options(root).issues()
    assert found.path == ("path",)
    return found.problem


def test_every_way_to_name_them(tmp_path):
    write(tmp_path / "a", "train-", 0, LABELS)
    write(tmp_path / "a", "t10k-", 50, LABELS[:2])
    write(tmp_path / "b", "", 100, LABELS, "")
    write(tmp_path, "some-letters-train-", 200, LABELS)
    write(tmp_path, "some-letters-test-", 250, LABELS[1:3])
    write(tmp_path, "c_", 300, LABELS)
    (tmp_path / "c_mapping.txt").write_text("not ours")
    given = options(tmp_path)
    data, shape = load_own(given), given.shape()
    assert data.task_names == ("a", "b", "c", "some-letters")
    assert data.num_classes == shape.num_classes == (2, 2, 2, 2)
    assert data.input_shape == shape.input_shape == (1, 6, 5)
    assert tuple(map(len, data.train.labels)) == shape.train_images == (6, 4, 4, 6)
    assert tuple(map(len, data.test.labels)) == shape.test_images == (2, 2, 2, 2)
    assert [number_of(x) for x in data.test.images[0]] == [50, 51]
    assert data.test.labels[3].tolist() == [1, 0]
    for task, start in ((1, 100), (2, 300)):
        for split in (data.train, data.test):
            for image, label in zip(split.images[task], split.labels[task], strict=True):
                assert LABELS[number_of(image) - start] == (4, 9)[int(label)]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "holds no IDX files"),
        ({"t/images-idx3-ubyte": stack(4)}, "task t has no labels that belong to it"),
        (
            {"t/train-images-idx3-ubyte": stack(4), "t/train-labels-idx1-ubyte": LABELS[:4]},
            "task t has train files; train and test, or neither",
        ),
        (
            {"t/images-idx3-ubyte": stack(4), "t/labels-idx1-ubyte": LABELS[:3]},
            "has 3 labels for 4 images",
        ),
        (
            {"t/images-idx3-ubyte": LABELS, "t/labels-idx1-ubyte": LABELS},
            "has 1 dimensions, images have 3",
        ),
        (
            {"t/images-idx3-ubyte": stack(4), "t/labels-idx1-ubyte": stack(4)},
            "has 3 dimensions, labels have 1",
        ),
        ({"images-idx3-ubyte": stack(4)}, "no task's name in front"),
        (
            {"t/images-idx3-ubyte": stack(4), "t/images-idx3-ubyte.gz": stack(4)},
            "is the images of task t already",
        ),
        (
            {"t/images-idx3-ubyte": stack(4), "t/labels-idx1-ubyte": LABELS[:3].repeat(2)[:4]},
            None,
        ),
    ],
)
def test_files_that_do_not_go_together(tmp_path, files, text):
    for name, array in files.items():
        write_idx(tmp_path / name, array)
    if text is None:
        assert options(tmp_path).issues() == []
    else:
        assert text in issue(tmp_path)


def test_tasks_of_different_sizes(tmp_path):
    write(tmp_path / "a", "", 0, LABELS)
    write_idx(tmp_path / "b" / "images-idx3-ubyte", np.zeros((4, 6, 9)))
    write_idx(tmp_path / "b" / "labels-idx1-ubyte", LABELS[:4])
    assert "6x9 pixels and" in issue(tmp_path)


@pytest.mark.parametrize("cut", [0, 3, 20, 50])
def test_a_truncated_file_is_named_before_training(tmp_path, cut):
    write(tmp_path / "a", "", 0, LABELS)
    path = tmp_path / "a" / "images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:cut] if cut else idx_bytes(stack(6))[:-1])
    given = options(tmp_path)
    with pytest.raises(DataDamaged, match="images-idx3-ubyte"):
        given.check_files()
