"""A run knows its data: a resume over other data is refused, or recorded where that is allowed."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shareconsole.datasets.digits import load_digits_tasks
from shareconsole.sharing.data import Split
from shareconsole.spec.data.digits import DigitsOptions
from shareconsole.store.attempts import read_attempt, read_attempts
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.events import read_events
from shareconsole.store.index import summarise
from shareconsole.store.status import derive_state
from shareconsole.trainer.checkpoint import STATE, load_newest
from shareconsole.trainer.data_digest import data_digest
from shareconsole.trainer.manifest import Surroundings, read_manifest
from tests.datasets.own_data import pixels, save, write_folder
from tests.trainer.conftest import SMALL
from tests.trainer.killing import difference, read

PRESET = """
[data]
name = "folder"
path = "pictures"
[network]
name = "convnet"
[method]
name = "learned_sharing"
"""


@pytest.fixture
def preset(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))
    write_folder(tmp_path / "pictures", {"t": {"a": 6, "b": 6}, "u": {"x": 6, "y": 9}})
    path = tmp_path / "mine.toml"
    path.write_text(PRESET)
    return path


def test_a_run_on_a_folder_resumes_exactly(make_run, train, preset):
    reference, folder = (
        make_run(f"train.steps={steps}", "train.eval_every=10", preset=str(preset))
        for steps in (20, 10)
    )
    assert train(reference) == 0
    assert train(folder) == 0
    assert train(folder, "--steps", "20") == 0
    assert difference(read(folder), read(reference)) == ""
    manifest = read_manifest(checkpoint_directories(folder)[0])
    assert len(manifest.surroundings.data_sha256) == 64


def test_a_resume_over_changed_data_is_refused_unless_allowed(make_run, train, preset):
    folder = make_run("train.steps=20", preset=str(preset), small=SMALL)
    assert train(folder) == 0
    changed = preset.parent / "pictures" / "t" / "a" / "000.png"
    before = changed.read_bytes()
    save(changed, pixels(9999))
    before_it = summarise(folder)
    assert train(folder, "--steps", "30") == 2
    end = read_attempt(folder, 2).exit
    assert (end.reason, end.inexact) == ("refused", True)
    assert "data_sha256" in end.error
    assert summarise(folder) == before_it
    assert (before_it.state, before_it.step, before_it.steps) == ("finished", 20, 20)
    # What it aimed at is forgotten with it.
    assert train(folder) == 2
    changed.write_bytes(before)
    assert train(folder, "--steps", "30") == 0
    save(changed, pixels(9999))
    assert train(folder, "--steps", "40", "--allow-inexact") == 0
    assert [attempt.refused for attempt in read_attempts(folder)] == [False, True, False, False]
    assert [event.kind for event in read_events(folder)].count("refused") == 1
    assert (summarise(folder).state, derive_state(folder).refused) == ("finished", None)


def test_a_resume_over_data_that_do_not_fit_leaves_a_finished_run_finished(make_run, train, preset):
    folder = make_run("train.steps=20", preset=str(preset), small=SMALL)
    assert train(folder) == 0
    before_it = summarise(folder)
    pictures = preset.parent / "pictures"
    shutil.copytree(pictures / "t" / "a", pictures / "t" / "z")
    assert train(folder, "--steps", "30", "--allow-inexact") == 2
    end = read_attempt(folder, 2).exit
    assert end.reason == "refused"
    assert "changed too much to go on from step 20 (t: 2 classes then, 3 now)" in end.error
    assert summarise(folder) == before_it
    assert "warning" not in {event.kind for event in read_events(folder)}
    shutil.copytree(pictures / "t", pictures / "v")
    assert train(folder, "--steps", "30", "--allow-inexact") == 2
    assert re.search(r"\d tasks then, \d now", read_attempt(folder, 3).exit.error)
    shutil.rmtree(pictures / "v")
    shutil.rmtree(pictures / "t" / "z")
    assert train(folder, "--steps", "30") == 0
    assert (summarise(folder).state, derive_state(folder).refused) == ("finished", None)


@pytest.mark.parametrize("more", [True, False])
def test_more_or_fewer_images_are_drawn_in_a_new_order_where_that_is_allowed(
    make_run, train, preset, more
):
    folder = make_run("train.steps=20", preset=str(preset), small=SMALL)
    assert train(folder) == 0
    pictures = preset.parent / "pictures" / "t" / "a"
    before = len(read_orders(folder)[0])
    if more:
        for number in range(30):
            save(pictures / f"more{number}.png", pixels(number))
    else:
        for path in sorted(pictures.iterdir())[:3]:
            path.unlink()
    assert train(folder, "--steps", "30") == 2
    assert train(folder, "--steps", "40", "--allow-inexact") == 0
    now = len(read_orders(folder)[0])
    assert (now > before) == more != (now < before)
    (warning,) = (e.data["message"] for e in read_events(folder) if e.kind == "warning")
    assert f"t: {before} images to train on then, {now} now, drawn in a new order" in warning
    assert "u: " not in warning


def read_orders(folder) -> list[torch.Tensor]:
    """Of the images of each task, in the newest checkpoint."""
    state, _ = load_newest(folder, lambda *_: None)
    return state["experiment"]["sampler"]["orders"]


def test_a_finished_run_whose_checkpoints_are_all_damaged_stays_finished(make_run, train, preset):
    folder = make_run("train.steps=20", preset=str(preset), small=SMALL)
    assert train(folder) == 0
    before_it = summarise(folder)
    directories = checkpoint_directories(folder)
    for directory in directories:
        (directory / STATE).write_bytes(b"")
    assert train(folder, "--steps", "30") == 2
    end = read_attempt(folder, 2).exit
    assert end.reason == "refused"
    assert "damaged; without the folder" in end.error
    assert summarise(folder) == before_it
    for directory in directories:
        (directory / "manifest.json").write_bytes(b"")
    assert train(folder, "--steps", "30") == 2
    assert read_attempt(folder, 3).exit.reason == "refused"
    assert summarise(folder) == before_it
    shutil.rmtree(folder.checkpoints)
    assert train(folder, "--steps", "30") == 0


def test_a_resume_without_its_data_is_refused_before_anything_begins(make_run, train, preset):
    folder = make_run("train.steps=20", preset=str(preset))
    assert train(folder) == 0
    (preset.parent / "pictures").rename(preset.parent / "elsewhere")
    assert train(folder, "--steps", "30") == 2
    assert folder.attempts() == [1]


def test_the_digest_sees_everything():
    data = load_digits_tasks(DigitsOptions(name="digits"))
    first = data_digest(data)
    assert data_digest(load_digits_tasks(DigitsOptions(name="digits"))) == first
    one_pixel = tuple(images.clone() for images in data.train.images)
    one_pixel[3][5, 0, 2, 2] += 0.001
    one_label = tuple(labels.clone() for labels in data.test.labels)
    one_label[1][0] = (one_label[1][0] + 1) % 10
    others = [
        replace(data, train=Split(one_pixel, data.train.labels)),
        replace(data, test=Split(data.test.images, one_label)),
        replace(data, validation=data.test),
        replace(data, task_names=(*data.task_names[:3], "other")),
        replace(data, num_classes=(10, 10, 10, 11)),
        data.hold_out(0.1, 0),
        data.to(torch.device("cpu"), torch.float64),
    ]
    digests = {first, *map(data_digest, others)}
    assert len(digests) == 1 + len(others)


def test_a_checkpoint_from_before_there_was_a_digest_fits_any_data():
    now = Surroundings("s", 1, "cpu", "2", "abc")
    assert Surroundings("s", 1, "cpu", "2").differences(now) == []
    assert replace(now, data_sha256="def").differences(now) == ["data_sha256: def then, abc now"]
