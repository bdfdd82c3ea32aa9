"""check, presets and schema, and how bad presets and bad command lines end."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from shareconsole import launch


def test_check_predicts_and_creates_nothing(cli, runs):
    result = cli("check", "digits")
    assert result.code == 0
    assert "digits.toml is in order" in result.out
    assert "parameters" in result.out
    found = cli("check", "digits", "--set", "train.steps=7", "--json").json
    assert found["settings"]["train"]["steps"] == 7
    assert found["prediction"]["parameters"] > 0
    assert not runs.exists()


def test_check_tells_what_a_stage_uses_of_what_is_stored(cli, runs):
    shown = cli("check", "digits-branched").out
    assert "37,224 stored; tree uses at most 20,592\n" in shown
    found = cli("check", "digits-branched", "--json").json["prediction"]
    assert found["parameters"] == 37_224
    assert found["stages"] == [
        {"name": "single task", "parameters": 37_224},
        {"name": "tree", "parameters": 20_592},
    ]
    assert cli("check", "digits", "--json").json["prediction"]["stages"] == []
    assert "stored" not in cli("check", "digits").out


def test_a_bad_preset_shows_all_problems_and_creates_nothing(cli, runs, tmp_path):
    preset = tmp_path / "bad.toml"
    preset.write_text('[data]\nname = "digits"\n[train]\nstpes = 3\nsteps = -1\n')
    for command in ("check", "run"):
        result = cli(command, str(preset))
        assert (result.code, result.out) == (2, "")
        lines = result.err.splitlines()
        assert any(line.startswith(f"{preset}:4:1") and "did you mean" in line for line in lines)
        assert any(line.startswith(f"{preset}:5:") for line in lines)
        assert any("network" in line for line in lines)
        assert lines[-1].startswith("error: ")
    assert not runs.exists()


def test_what_does_not_fit_ends_with_2_and_creates_nothing(cli, runs, monkeypatch):
    monkeypatch.setattr(
        launch.shutil, "disk_usage", lambda path: SimpleNamespace(free=0, total=10**9)
    )
    for command in ("check", "run"):
        result = cli(command, "digits")
        assert result.code == 2
        assert "train.steps  the run writes about" in result.err
    assert not runs.exists()


def test_seed_name_and_tags_are_held_to_the_same_rules(cli, runs):
    result = cli("run", "digits", "--seed", "-1", "--name", "x" * 300)
    assert result.code == 2
    assert [line.split("  ")[:2] for line in result.err.splitlines()[:-1]] == [
        ["--name", "run.name"],
        ["--seed", "run.seed"],
    ]
    assert cli("run", "digits", "--seed", "many").err.startswith("--seed  run.seed")
    assert cli("run", "digits", "--tag", "").err.startswith("--tag  run.tags[")
    assert cli("run", "digits", "--set", "run.seed=-1").err.startswith("--set  run.seed")
    assert not runs.exists()


def test_presets_are_listed_those_here_first(cli, tmp_path, monkeypatch):
    (tmp_path / "presets").mkdir()
    own = '[run]\nnotes = "mine\\u001b[2J"\n[data]\nname="digits"\n'
    (tmp_path / "presets" / "digits.toml").write_text(own)
    monkeypatch.chdir(tmp_path)
    listed = {item["name"]: item for item in cli("presets", "--json").json}
    assert {"digits", "digits-full", "digits-none", "digits-prior", "planted"} <= listed.keys()
    assert not listed["digits"]["shipped"]
    assert listed["planted"]["shipped"]
    text = cli("presets").out
    assert "mine\\x1b[2J" in text
    assert "\x1b" not in text


def test_schema_is_a_json_schema_with_descriptions(cli):
    schema = cli("schema").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "method" in schema["properties"]
    assert json.dumps(schema).isascii()


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("show",),
        ("ls", "--nonsense"),
        ("resume", "latest", "--steps", "many"),
        ("resume", "latest", "--steps", "0"),
        ("check", "--\x1b]0;pwned\x07"),
        ("check", "\x1b]0;pwned\x07"),
        ("check", "no\udcffthing"),
    ],
)
def test_a_bad_command_line_ends_with_2_and_no_traceback(cli, words):
    result = cli(*words, own_runs=False)
    assert (result.code, result.out) == (2, "")
    assert "error: " in result.err
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err
    assert "\x07" not in result.err


@pytest.mark.parametrize("words", [("--help",), ("run", "-h"), ("--version",)])
def test_help_and_version(cli, words):
    result = cli(*words, own_runs=False)
    assert result.code == 0
    assert "shareconsole" in result.out
    assert result.err == ""


def test_check_as_json_tells_the_memory_that_the_text_tells(cli):
    from shareconsole.headless.figures import size

    needed = cli("check", "digits", "--json").json["prediction"]
    assert needed["memory_bytes"] > 400 * 2**20
    assert f"about {size(needed['memory_bytes'])}" in cli("check", "digits").out


def test_the_schema_is_json_either_way(cli):
    assert cli("schema", "--json").json == cli("schema").json


def test_a_folder_that_no_run_can_be_made_in_is_named(cli, tmp_path):
    (tmp_path / "file").touch()
    for place, why, code in (
        ("/proc/x", "no disk behind /proc", 1),
        (str(tmp_path / "file" / "x"), "folder", 2),
    ):
        result = cli("check", "digits", "--runs", place, own_runs=False)
        assert (result.code, result.out) == (code, "")
        assert f"no run can be made in {place}: " in result.err
        assert why in result.err
        assert "train.steps" not in result.err
