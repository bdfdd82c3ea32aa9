"""Data without a preset of its own trains: the user's in every layout, and overlaid digits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.own_data import pixels, save, write_folder, write_idx
from tests.trainer.conftest import SMALL
from tests.trainer.killing import read

PRESET = """
[data]
name = "{name}"
{options}
[network]
name = "convnet"
[method]
name = "learned_sharing"
"""
SIDES = {"a": {"x": 6, "y": 8}, "b": {"p": 5, "q": 5, "r": 7}}


def _folder(root: Path) -> str:
    write_folder(root / "data", SIDES)
    return 'path = "data"\nsize = 8'


def _arrays(root: Path) -> str:
    (root / "data").mkdir()
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        images = random.random((12, 7, 9, 3), np.float32)
        np.savez(root / "data" / f"{name}.npz", images=images, labels=np.arange(12) % 3)
    return 'path = "data"'


def _idx(root: Path) -> str:
    for task in ("a", "b"):
        write_idx(root / "data" / f"{task}-images-idx3-ubyte.gz", np.ones((10, 8, 8)))
        write_idx(root / "data" / f"{task}-labels-idx1-ubyte.gz", np.arange(10) % 2)
    return 'path = "data"\ntest_fraction = 0.4'


def _csv(root: Path) -> str:
    lines = ["image,a,b,c"]
    for i in range(24):
        save(root / f"{i}.png", pixels(i))
        # Most labels are missing, so that batches without any of a task occur.
        lines.append(f"{i}.png,{i // 2 % 2 if i < 5 else ''},{i % 3},{'no' if i % 2 else 'yes'}")
    (root / "data.csv").write_text("\n".join(lines))
    return 'path = "data.csv"'


def _overlaid(root: Path) -> str:
    return "train_images = 100\ntest_images = 100"


def _multimnist(root: Path) -> str:
    for name, count in (("train", 20), ("t10k", 10)):
        images = np.random.default_rng(0).integers(0, 256, (count, 28, 28))
        write_idx(root / "mnist" / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(root / "mnist" / f"{name}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return 'verify = "form"'


@pytest.mark.parametrize(
    ("name", "write", "tasks"),
    [
        ("folder", _folder, ["a", "b"]),
        ("arrays", _arrays, ["a", "b"]),
        ("idx", _idx, ["a", "b"]),
        ("csv", _csv, ["a", "b", "c"]),
        ("digits_overlaid", _overlaid, ["left", "right"]),
        ("multimnist", _multimnist, ["left", "right"]),
    ],
)
def test_it_trains(make_run, train, tmp_path, monkeypatch, name, write, tasks):
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHARECONSOLE_DATA", str(tmp_path))
    preset = tmp_path / "mine.toml"
    preset.write_text(PRESET.format(name=name, options=write(tmp_path)))
    steps = ("train.steps=12", "train.eval_every=12", "train.checkpoint_every=12")
    folder = make_run(*steps, preset=str(preset), small=SMALL)
    assert train(folder) == 0
    log = read(folder)
    assert [task["name"] for task in log.meta["tasks"]] == tasks
    rows = log.table("evaluation")
    assert all(math.isfinite(rows[f"test_error.{task}"][-1]) for task in tasks)
