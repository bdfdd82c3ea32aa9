"""A table of images: shared inputs with missing labels, splits, and everything that is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from shareconsole.datasets.own import load_own
from shareconsole.errors import DataDamaged, DataMissing
from shareconsole.files.own import NO_LABEL
from shareconsole.files.shared_split import split_rows
from shareconsole.sharing.data import MISSING
from shareconsole.spec.data.own import CsvOptions
from tests.datasets.own_data import number_of, pixels, save

ROWS = [
    ("yes", "b"), ("no", ""), ("", "a"), ("yes", "a"), ("no", "b"), ("no", "c"), ("yes", "c"),
    ("", ""), ("yes", "b"), ("no", "a"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def table(tmp_path) -> Path:
    for i in range(len(ROWS)):
        save(tmp_path / "pictures" / f"{i}.png", pixels(i))
    lines = [f"pictures/{i}.png,{a},{b}" for i, (a, b) in enumerate(ROWS)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["image,smile,hat", *lines]) + "\n")
    return path


def options(path: Path, **values) -> CsvOptions:
    return CsvOptions(name="csv", path=str(path), **values)


def issue(path: Path, **values) -> str:
    [found] = options(path, **values).issues()
    assert found.path == ("path",)
    return found.problem


def agrees_with_its_shape(given: CsvOptions) -> None:
    data, shape = load_own(given), given.shape()
    assert data.num_classes == shape.num_classes
    assert data.input_shape == shape.input_shape
    assert data.shared_inputs == shape.shared_inputs
    assert tuple(map(len, data.train.labels)) == shape.train_images
    assert tuple(map(len, data.test.labels)) == shape.test_images
    stored = len(data.train.images[0]) + len(data.test.images[0])
    assert stored == shape.stored_images


def test_all_tasks_label_the_same_images_and_an_empty_cell_is_missing(table):
    assert NO_LABEL == MISSING
    given = options(table)
    data = load_own(given)
    assert data.task_names == ("smile", "hat")
    assert data.num_classes == (2, 3)
    assert data.shared_inputs
    found = {}
    for split in (data.train, data.test):
        for image, *labels in zip(split.images[0], *split.labels, strict=True):
            found[number_of(image)] = tuple(map(int, labels))
    names = ({"no": 0, "yes": 1, "": MISSING}, {"a": 0, "b": 1, "c": 2, "": MISSING})
    # The row without any label is left out.
    assert found == {i: (names[0][a], names[1][b]) for i, (a, b) in enumerate(ROWS) if a or b}
    agrees_with_its_shape(given)


def test_every_class_is_on_both_sides(table):
    for seed in range(20):
        data = load_own(options(table, split_seed=seed))
        for split in (data.train, data.test):
            for labels, classes in zip(split.labels, (2, 3), strict=True):
                assert set(labels.tolist()) - {MISSING} == set(range(classes))


def test_rare_classes_are_split_and_shares_kept():
    random = np.random.default_rng(0)
    labels = (random.random((12, 2000)) < np.linspace(0.004, 0.5, 12)[:, None]).astype(np.int64)
    labels[random.random(labels.shape) < 0.2] = NO_LABEL
    tested = split_rows(labels, 0.2, seed=1)
    assert (split_rows(labels, 0.2, seed=1) == tested).all()
    assert (split_rows(labels, 0.2, seed=2) != tested).any()
    for row in labels:
        for label in (0, 1):
            share = tested[row == label].mean()
            assert 0 < share < 1
            assert abs(share - 0.2) < max(0.05, 1 / (row == label).sum())


def test_a_given_split_and_chosen_tasks(table):
    lines = table.read_text().splitlines()
    split = ["split", *("test" if i < 4 else "train" for i in range(len(ROWS)))]
    table.write_text("\n".join(f"{a}, {b}" for a, b in zip(lines, split, strict=True)))
    data = load_own(options(table, tasks=["smile"]))
    assert data.task_names == ("smile",)
    assert not data.shared_inputs
    assert [number_of(x) for x in data.test.images[0]] == [0, 1, 3]
    assert [number_of(x) for x in data.train.images[0]] == [4, 5, 6, 8, 9]
    agrees_with_its_shape(options(table, tasks=["smile"]))
    assert "task hat has no test images of class c" in issue(table)
    table.write_text(table.read_text().replace(" test", " tset", 1))
    assert 'has "tset" in the column split, not train or test' in issue(table, tasks=["smile"])


def test_options_that_do_not_fit(table):
    assert "no column of labels is called" in issue(table, tasks=["smlie"])
    assert "no column of labels is called" in issue(table, tasks=["image"])
    assert options(table, tasks=[]).issues()[0].path == ("tasks",)
    assert options(table, tasks=["hat", "hat"]).issues()[0].path == ("tasks", 1)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", 'no column is called "image"'),
        (b"img,a\nx.png,1\n", 'no column is called "image"; found: img, a'),
        (b"image,a,a\n", 'two columns are called "a"'),
        (b"image,split\nx.png,test\n", "0 columns with labels"),
        (b"image,a\n", "no row has a label"),
        (b"image,a\nx.png,\n", "no row has a label"),
        (b"image,a\nx.png,1,2\n", "line 2: has 3 cells, the first line 2"),
        (b"image,a\n,1\n", "line 2: no image"),
        (b"image,a\nx.png,1\nx.png,2\n", "line 3: x.png was in a line before"),
        (b"image,a\nx.png,1\ny.png,1\n", "task a has 1 class; it needs two or more"),
        (b"image,a\nx.png,1\ny.png,2\n", "class 1 of task a has 1 image (as have 1 more"),
        (b"image,\xff\nx.png,1\n", "no table of comma-separated UTF-8 text"),
        (b'image,a\n"x.png,1\n', "no table of comma-separated UTF-8 text"),
        (b"image,a\x1b\nx.png,1\n", "cannot be the name of a task"),
        (b"image,a\n" + b"".join(b"%d.png,%d\n" % (i, i % 2) for i in range(6)), "does not exist"),
    ],
)
def test_tables_that_are_none(tmp_path, content, text):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert text in issue(path)


def test_no_table(tmp_path):
    assert "does not exist" in issue(tmp_path / "table.csv")
    assert "is not a file" in issue(tmp_path)


def test_a_missing_or_damaged_image_is_found_before_training(table):
    picture = table.parent / "pictures" / "8.png"
    picture.write_bytes(picture.read_bytes()[:40])
    with pytest.raises(DataDamaged, match=r"8\.png: cannot be read as an image"):
        options(table).check_files()
    picture.unlink()
    with pytest.raises(DataMissing, match=r"8\.png cannot be read: No such file"):
        options(table).check_files()


def test_a_byte_order_mark_and_windows_line_ends(table):
    text = table.read_text()
    before = load_own(options(table)).train.images[0]
    table.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert torch.equal(load_own(options(table)).train.images[0], before)


def test_auto_colour_looks_at_an_image_of_each_class(table):
    ink = np.zeros((*pixels(0).shape, 3), np.uint8)
    ink[..., 0] = 200
    save(table.parent / "pictures" / "1.png", ink)
    assert options(table).shape().input_shape[0] == 3
    (table.parent / "pictures" / "1.png").unlink()
    assert "1.png does not exist, but" in issue(table)


def test_one_image_by_two_names_is_one_image(table):
    with table.open("a") as file:
        file.write("pictures/../pictures/0.png,no,no\n")
    assert "was in a line before" in issue(table)


def test_a_linked_folder_does_not_hide_that_an_image_is_there_twice(table, tmp_path):
    with table.open("a") as file:
        file.write("pictures/../pictures/0.png,no,no\n")
    (tmp_path / "link").symlink_to(table.parent)
    assert "was in a line before" in issue(tmp_path / "link" / table.name)
    (tmp_path / "disk").mkdir()
    (table.parent / "pictures").rename(tmp_path / "disk" / "pictures")
    (table.parent / "pictures").symlink_to(tmp_path / "disk" / "pictures")
    (tmp_path / "disk" / "pictures" / "deep").mkdir()
    text = table.read_text().replace("pictures/../pictures/0.png", "pictures/deep/../0.png")
    table.write_text(text)
    assert "was in a line before" in issue(table)


def test_two_images_by_what_looks_like_one_name_are_two(table):
    (table.parent / "elsewhere" / "deep").mkdir(parents=True)
    save(table.parent / "elsewhere" / "0.png", pixels(77))
    (table.parent / "pictures" / "link").symlink_to(table.parent / "elsewhere" / "deep")
    with table.open("a") as file:
        file.write("pictures/link/../0.png,no,b\n")
    assert options(table).issues() == []


@pytest.mark.parametrize("image", ["pictures/0\0.png", "pic\0tures/0.png"])
def test_no_path_has_a_nul_in_it(table, image):
    with table.open("a") as file:
        file.write(f"{image},no,b\n")
    assert f"{table}, line 12: the path of the image has a NUL character" in issue(table)
