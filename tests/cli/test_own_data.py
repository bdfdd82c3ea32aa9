"""Data of one's own from the command line: checked, and refused before anything is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml
from tests.datasets.own_data import pixels, save, write_folder

PRESET = """\
[data]
name = "folder"
path = "{path}"
[network]
name = "mlp"
[method]
name = "learned_sharing"
"""


@pytest.fixture
def preset(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))
    write_folder(tmp_path / "lab" / "pictures", {"t": {"a": 6, "b": 6}, "u": {"x": 6, "y": 9}})
    path = tmp_path / "lab" / "mine.toml"
    path.write_text(PRESET.format(path="pictures"))
    return path


def test_check_predicts_sizes(cli, preset):
    result = cli("check", str(preset), "--json", own_runs=False)
    assert result.code == 0, result.err
    assert result.json["prediction"]["num_tasks"] == 2


def test_paths_start_at_the_preset_and_those_of_overrides_here(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures = str(tmp_path / "lab" / "pictures")
    loaded = load_preset("lab/mine.toml")
    assert loaded.preset.data.path == pictures
    assert json.dumps(pictures) in resolved_toml(loaded.preset)
    assert parse_resolved(resolved_toml(loaded.preset)) == loaded.preset
    for given in ("lab/pictures", pictures, "./lab/x/../pictures"):
        assert load_preset("lab/mine.toml", [f"data.path={given}"]).preset.data.path == pictures
    monkeypatch.setenv("HOME", str(tmp_path / "lab"))
    preset.write_text(PRESET.format(path="~/pictures"))
    assert load_preset("lab/mine.toml").preset.data.path == pictures


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: save(folder / "t" / "a" / "000.png", pixels(1, 9, 9)), "size = N resizes"),
        (lambda folder: (folder / "u" / "z").mkdir(), "holds no image"),
        (lambda folder: (folder / "u" / "y").rename(folder / "v"), "folder for each of the"),
    ],
)
def test_a_bad_folder_is_a_problem_of_the_preset(cli, preset, runs, break_it, said):
    break_it(preset.parent / "pictures")
    for command in ("check", "run"):
        result = cli(command, str(preset), own_runs=command == "run")
        assert result.code == 2
        assert said in result.err
        assert "mine.toml:3:8  data.path" in result.err
        assert not runs.exists()


def test_an_image_that_cannot_be_decoded_stops_a_run_before_it_exists(cli, preset, runs):
    image = preset.parent / "pictures" / "u" / "y" / "005.png"
    image.write_bytes(image.read_bytes()[:-20])
    for command in ("check", "run"):
        result = cli(command, str(preset), own_runs=command == "run")
        assert result.code == 2
        assert f"{image}: cannot be read as an image" in result.err
        assert not runs.exists()


def test_a_path_that_is_none(cli, preset, runs):
    for path in ("", "nowhere", "a\\u0000b", "x" * 5000):
        preset.write_text(PRESET.format(path=path))
        result = cli("run", str(preset))
        assert result.code == 2
        assert "mine.toml:3:8  data.path" in result.err
        assert not runs.exists()


def test_one_image_of_a_class_leaves_none_for_validation(cli, preset):
    folder = preset.parent / "pictures" / "t" / "c"
    for i in range(2):
        save(folder / f"{i}.png", pixels(i))
    result = cli("check", str(preset), "--set", "train.validation_fraction=0.4", own_runs=False)
    assert result.code == 2
    assert "one training image only" in result.err
