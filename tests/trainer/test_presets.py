"""Every shipped preset trains: a few steps, narrow, on files that the test writes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shareconsole.spec.source import shipped_folder
from shareconsole.spec.toml import load_preset
from tests.datasets.celeba_files import write_celeba
from tests.datasets.official import cifar10_members, cifar100_members, write_cifar, write_glyphs
from tests.datasets.omniglot_zips import ALPHABETS, SMALL, members, write_zip
from tests.trainer.killing import read

NAMES = sorted(path.stem for path in shipped_folder().glob("*.toml"))
TRAIN = ("train.steps=2", "train.eval_every=2", "train.checkpoint_every=2", "train.batch_size=4")


@dataclass(frozen=True)
class Files:
    """How to do without the real files of a data set.

    Attributes:
        write: put files of the official format into a folder.
        overrides: what makes the data set small enough for them.
    """

    write: Callable[[Path], object]
    overrides: tuple[str, ...]


def _write_dkl(data: Path) -> None:
    for name in ("emnist_digits", "emnist_letters", "kmnist"):
        write_glyphs(data, name, {"train": 5, "test": 2})


def _write_dkl_kannada(data: Path) -> None:
    write_glyphs(data, "emnist_digits", {"train": 5, "test": 8})
    write_glyphs(data, "emnist_letters", {"train": 5, "test": 4})
    write_glyphs(data, "kannada_mnist", {"test": 9})


def _write_omniglot(data: Path) -> None:
    (data / "omniglot").mkdir(parents=True)
    for root in SMALL:
        write_zip(data / "omniglot" / f"{root}.zip", members(root))


def _write_three_clusters(data: Path) -> None:
    write_cifar(data, "cifar100", cifar100_members(train=5))
    for name in ("mnist", "fashion_mnist"):
        write_glyphs(data, name, {"train": 5, "test": 2})


FILES = {
    "dkl_mnist": Files(_write_dkl, ("data.verify=form", "data.train_per_task=26")),
    "dkl_kannada": Files(
        _write_dkl_kannada,
        ("data.verify=form", "data.train_per_task=26", "data.test_per_task=52"),
    ),
    "mnist_rotations": Files(
        lambda data: write_glyphs(data, "mnist", {"train": 5, "test": 2}),
        ("data.verify=form", "data.train_per_task=20"),
    ),
    "multimnist": Files(
        lambda data: write_glyphs(data, "mnist", {"train": 5, "test": 2}),
        ("data.verify=form", "data.train_images=100", "data.test_images=100"),
    ),
    "cifar100": Files(
        lambda data: write_cifar(data, "cifar100", cifar100_members()),
        ("data.verify=form", "data.superclasses=3"),
    ),
    "three_clusters": Files(
        _write_three_clusters,
        ("data.verify=form", "data.cifar_tasks=3", "data.mnist_tasks=2", "data.fashion_tasks=2"),
    ),
    "cifar10": Files(
        lambda data: write_cifar(data, "cifar10", cifar10_members()),
        ("data.verify=form", "data.classes=3"),
    ),
    "celeba": Files(write_celeba, ("data.verify=form", "data.attributes=3", "data.size=32")),
    "omniglot-maziarz": Files(
        _write_omniglot,
        ("data.verify=form", 'data.alphabets=["Angelic"]', "data.size=28"),
    ),
    "omniglot": Files(
        _write_omniglot,
        ("data.verify=form", f"data.alphabets={json.dumps(ALPHABETS)}", "data.size=28"),
    ),
}


def narrow(preset) -> list[str]:
    """Overrides that leave as many units as there are, each as narrow as can be."""
    overrides = []
    for key in ("conv", "dense", "widths"):
        widths = getattr(preset.network, key, None)
        if widths is not None:
            overrides.append(f"network.{key}={json.dumps([2] * len(widths))}")
    if hasattr(preset.network, "width"):
        overrides.append("network.width=4")  # as few as fall into the groups of group norm
    counts = ("modules", "nes_samples", "sgd_samples", "components")
    overrides += [f"method.{key}=2" for key in counts if hasattr(preset.method, key)]
    if preset.method.name == "branched":
        overrides.append("method.budget=1.5")  # with as few tasks as there are files for
    # A step for each of two stages.
    return overrides + [f"method.{s.option}=1" for s in preset.method.stages()[1:]]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_preset_trains(make_run, train, data, name):
    preset = load_preset(name).preset
    protocol = getattr(preset.data, "protocol", "")
    files = FILES.get(f"{preset.data.name}-{protocol}", FILES.get(preset.data.name))
    if files is not None:
        files.write(data)
    overrides = [*TRAIN, *narrow(preset), *(files.overrides if files else ())]
    folder = make_run(*overrides, "device.device=cpu", preset=name, small=())
    assert train(folder) == 0
    rows = read(folder).table("evaluation")
    assert rows["step"].tolist() == ([1, 2] if preset.method.stages() else [2])
    assert all(map(math.isfinite, rows["macro_error"]))


OTHER_DATA = {
    "glyphs": ('sets = ["mnist", "fashion_mnist"]', ("mnist", "fashion_mnist")),
    "mnist_rotations": ("train_per_task = 20", ("mnist",)),
}
PLAIN = """
[data]
name = "{name}"
verify = "form"
{options}
[network]
name = "convnet"
conv = [2]
dense = []
[method]
name = "learned_sharing"
modules = 2
nes_samples = 2
sgd_samples = 2
"""


@pytest.mark.parametrize("name", OTHER_DATA)
def test_a_data_set_without_a_preset_trains(make_run, train, data, tmp_path, name):
    options, sets = OTHER_DATA[name]
    for each in sets:
        write_glyphs(data, each, {"train": 5, "test": 2})
    preset = tmp_path / f"{name}.toml"
    preset.write_text(PLAIN.format(name=name, options=options))
    folder = make_run(*TRAIN, "device.device=cpu", preset=str(preset), small=())
    assert train(folder) == 0
    assert math.isfinite(read(folder).table("evaluation")["macro_error"][0])
