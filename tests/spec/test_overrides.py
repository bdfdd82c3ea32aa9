"""--set: the same checks as in the file, under the name of the option."""

from __future__ import annotations

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec.overrides import as_override
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml


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


def test_errors_of_the_file_keep_their_place(tmp_path):
    text = '[data]\nname = "digits"\n[network]\nname = "convnet"\ndropuot = 0.5\n[method]\n'
    path = tmp_path / "x.toml"
    path.write_text(text + 'name = "full_sharing"\n')
    with pytest.raises(PresetError) as caught:
        load_preset(str(path), ["train.steps=0"])
    first, last = caught.value.problems
    assert (first.file, first.key, first.line) == (str(path), "network.dropuot", 5)
    assert last.file == "--set"


@pytest.mark.parametrize("method", ["full_sharing", "no_sharing", "prior_sharing", "single_task"])
def test_another_method_leaves_out_the_options_of_the_presets_own(method):
    own = load_preset("lws-cifar100")
    loaded = load_preset("lws-cifar100", [f"method.name={method}"])
    assert loaded.preset.method.name == method
    [note] = [note for note in loaded.notes if note not in own.notes]
    assert note == (
        f"method.name={method} leaves out the file's options of learned_sharing: "
        "modules, nes_samples, sgd_samples, nes_learning_rate, floor, credit"
    )
    for table in ("data", "network", "train", "step_size", "device"):
        assert getattr(loaded.preset, table) == getattr(own.preset, table)
    assert parse_resolved(resolved_toml(loaded.preset)) == loaded.preset


def test_options_that_both_kinds_have_keep_the_files_values():
    loaded = load_preset("digits-linesearch", ["step_size.name=backtracking"])
    assert loaded.preset.step_size.max_step == 1.0
    assert loaded.preset.step_size.armijo == 0.1
    assert "rescale, verify_every" in "".join(loaded.notes)
    loaded = load_preset("digits", ["data.name=planted", "network.name=mlp"])
    assert loaded.preset.data.train_per_task == 100
    assert [note.partition(" ")[0] for note in loaded.notes] == ["network.name=mlp"]


def test_several_tables_can_change_their_kind_at_once():
    every = ("step_size.name=constant", "method.name=no_sharing", "data.name=digits")
    loaded = load_preset("digits-linesearch", every)
    assert {note.partition(" leaves")[0] for note in loaded.notes} >= {*every[::2]}


def test_what_an_override_asks_for_is_never_left_out():
    [problem] = problems("method.name=full_sharing", "method.modules=4")
    assert (problem.file, problem.key, problem.problem) == (
        "--set",
        "method.modules",
        "unknown key",
    )
    # Nor is the file's left out where the name stays.
    assert load_preset("digits", ["method.name=learned_sharing"]).notes == []


def test_what_neither_kind_knows_stays_a_mistake_of_the_file(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(
        '[data]\nname = "digits"\n[network]\nname = "convnet"\n[method]\n'
        'name = "learned_sharing"\nmodules = 3\nmodles = 4\n'
    )
    with pytest.raises(PresetError) as caught:
        load_preset(str(path), ["method.name=full_sharing"])
    assert [(p.key, p.line) for p in caught.value.problems] == [("method.modles", 8)]


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


def test_options_with_nothing_but_the_name_in_common_are_not_kept():
    loaded = load_preset("digits-branched", ["method.name=gumbel"])
    assert "budget" in loaded.notes[0]
    assert loaded.preset.method.budget == 1.0
    assert load_preset("dkl-kannada", ["data.name=omniglot"]).preset.data.split_seed == 0


def test_notes_of_the_file_do_not_speak_of_a_run_of_another_method():
    assert load_preset("digits", ["method.name=full_sharing"]).preset.run.notes == ""
    own = ["method.name=full_sharing", "run.notes=mine"]
    assert load_preset("digits", own).preset.run.notes == "mine"
    assert load_preset("digits", ["method.name=learned_sharing"]).preset.run.notes
