"""--set: the same checks as in the file, under the name of the option."""

from __future__ import annotations

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec.overrides import as_override
from shareconsole.spec.toml import load_preset


def problems(*overrides):
    with pytest.raises(PresetError) as caught:
        load_preset("digits", overrides)
    assert str(caught.value).replace("\n", "").isprintable()
    return caught.value.problems


@pytest.mark.parametrize(
    ("override", "table", "key", "value"),
    [
        ("train.steps=200", "train", "steps", 200),
        (" train . steps = 200 ", "train", "steps", 200),
        ("train.learning_rate=1e-2", "train", "learning_rate", 0.01),
        ("network.conv=[4, 8]", "network", "conv", (4, 8)),
        ("train.optimizer=sgd", "train", "optimizer", "sgd"),
        ('train.optimizer="sgd"', "train", "optimizer", "sgd"),
        ("run.name=two words", "run", "name", "two words"),
        ("run.name=a=b", "run", "name", "a=b"),
        ("run.name=", "run", "name", "digits"),
        ("run.name=x\nseed = 3", "run", "name", "x\nseed = 3"),
        ("run.name='x'\nseed = 3", "run", "name", "'x'\nseed = 3"),
        ("run.tags=['a','b']", "run", "tags", ("a", "b")),
        ("step_size.name=constant", "step_size", "name", "constant"),
        ('device."threads"=2', "device", "threads", 2),
    ],
)
def test_values(override, table, key, value):
    preset = load_preset("digits", [override]).preset
    assert getattr(getattr(preset, table), key) == value


def test_the_last_one_wins():
    assert load_preset("digits", ["train.steps=1", "train.steps=2"]).preset.train.steps == 2


def test_errors_are_reported_under_the_option():
    found = problems("train.steps=0", "train.stesp=4", "trian.steps=4", "run.name=5", "run.seed=x")
    assert {problem.file for problem in found} == {"--set"}
    assert {problem.line for problem in found} == {None}
    assert {problem.key: problem.suggestion for problem in found} == {
        "train.steps": "",
        "train.stesp": "steps",
        "trian": "train",
        "run.name": '"5"',
        "run.seed": "",
    }


def test_errors_of_the_file_keep_their_place():
    found = problems("method.name=full_sharing", "train.steps=0")
    assert found[0].file.endswith("presets/digits.toml")
    assert found[0].key == "method.modules"
    assert found[0].line is not None
    assert found[-1].file == "--set"


@pytest.mark.parametrize(
    "override",
    [
        "",
        "=",
        "steps",
        "steps=4",
        "train.=4",
        ".steps=4",
        "a.b.c=4",
        "train..steps=4",
        "[train]=4",
        "train.steps\nrun.seed=4",
        "a=1\nb.c=2",
        "train.steps=1#=2"[:11],
        "x" * 100_000,
        "a" + ".a" * 50_000 + "=1",
        "train.steps=" + "9" * 5000,
        "train.steps=" + "[" * 5000,
        "run.name=\udcff",
        "\udcff.x=1",
    ],
)
def test_what_is_no_override(override):
    found = problems(override)
    assert len(found) == 1
    assert found[0].file == "--set"


@pytest.mark.parametrize(
    "text", ["5", "true", "[1]", 'a"b', "\x1b]0;x\x07", "", "a\nb", "'''", "1979-05-27", "é🦀\\"]
)
def test_any_text_can_be_passed_on_as_an_override(text):
    preset = load_preset("digits", [as_override("run.notes", text), as_override("run.seed", 3)])
    assert preset.preset.run.notes == text
    assert preset.preset.run.seed == 3
