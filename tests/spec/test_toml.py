"""Reading presets: what is right loads, what is wrong is said, all of it, with its place."""

from __future__ import annotations

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec.preset import Preset
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml

SMALL = """\
[data]
name = "digits"
[network]
name = "convnet"
[method]
name = "learned_sharing"
"""


def write(folder, text, name="x.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def problems(folder, text, *overrides):
    with pytest.raises(PresetError) as caught:
        load_preset(write(folder, text), overrides)
    for problem in caught.value.problems:
        assert str(problem).isprintable()
    return caught.value.problems


def places(found):
    return [(problem.key, problem.line, problem.column) for problem in found]


def test_defaults_fill_in(tmp_path):
    loaded = load_preset(write(tmp_path, SMALL))
    assert loaded.name == "x"
    assert loaded.preset.run.name == "x"
    assert loaded.preset.train.steps == 1000
    assert loaded.preset.method.floor == 0.001
    assert loaded.preset.step_size.name == "constant"
    assert loaded.source == SMALL.encode()
    assert loaded.notes == []


def test_an_integer_serves_as_a_number_and_nothing_else_is_converted(tmp_path):
    loaded = load_preset(write(tmp_path, SMALL + "[train]\nlearning_rate = 1\n"))
    assert loaded.preset.train.learning_rate == 1.0
    for value in ("1.0", '"5"', "true"):
        [problem] = problems(tmp_path, SMALL + f"[train]\nsteps = {value}\n")
        assert (problem.key, problem.line, problem.column) == ("train.steps", 8, 9)
        assert problem.allowed == "an integer from 1 to 1000000000"


def test_everything_wrong_is_said_at_once(tmp_path):
    text = """\
[run]
name = 5
seeds = 3
tags = ["a", 4, ""]
[data]
name = "digits"
train_per_task = 999
[network]
name = "convnet"
conv = [16, 0, "x", 1.5,
   true]
conv_sharing = ["routed", "rooted"]
final_pool = "avg"
[method]
name = "learned_sharing"
modules = "task"
nes_samples = 1
nes_learning_rate = nan
floor = 99999999999999999999999999999999999
[trian]
x = 1
[train]
steps = 1.0
batch_size = true
optimizer = "Adam"
learning_rate = inf
validation_fraction = 0.6
eval_every = "5"
on_nan = 1979-05-27
weight_decay = {a = 1}
checkpoint_every = []
seed = 4
[device]
device = "gpu"
"we ird" = 1
[step_size]
nam = "constant"
"""
    found = problems(tmp_path, text)
    assert places(found) == [
        ("run.name", 2, 8),
        ("run.seeds", 3, 1),
        ("run.tags[1]", 4, 14),
        ("run.tags[2]", 4, 17),
        ("data.train_per_task", 7, 18),
        ("network.conv[1]", 10, 13),
        ("network.conv[2]", 10, 16),
        ("network.conv[3]", 10, 21),
        ("network.conv[4]", 11, 4),
        ("network.conv_sharing[1]", 12, 27),
        ("network.final_pool", 13, 14),
        ("method.modules", 16, 11),
        ("method.nes_samples", 17, 15),
        ("method.nes_learning_rate", 18, 21),
        ("method.floor", 19, 9),
        ("trian", 20, 1),
        ("train.steps", 23, 9),
        ("train.batch_size", 24, 14),
        ("train.optimizer", 25, 13),
        ("train.learning_rate", 26, 17),
        ("train.validation_fraction", 27, 23),
        ("train.eval_every", 28, 14),
        ("train.on_nan", 29, 10),
        ("train.weight_decay", 30, 16),
        ("train.checkpoint_every", 31, 20),
        ("train.seed", 32, 1),
        ("device.device", 34, 10),
        ('device."we ird"', 35, 1),
        ("step_size.nam", 37, 1),
    ]
    by_key = {problem.key: problem for problem in found}
    assert by_key["run.seeds"].suggestion == "seed"
    assert by_key["trian"].suggestion == "train"
    assert by_key["train.seed"].suggestion == "run.seed"
    assert by_key["train.optimizer"].suggestion == '"adam"'
    assert by_key["method.modules"].suggestion == '"tasks"'
    assert by_key["run.name"].suggestion == '"5"'
    assert by_key["method.nes_samples"].allowed == "an integer from 2 to 10000"
    assert by_key["method.nes_learning_rate"].allowed == "a number above 0 and at most 1"
    assert by_key["network.conv_sharing[1]"].allowed == 'one of "shared", "routed", "task"'
    assert "cuda:N" in by_key["device.device"].allowed
    assert str(by_key["method.nes_samples"]) == (
        f"{tmp_path}/x.toml:17:15  method.nes_samples  1 is too small  an integer from 2 to 10000"
    )


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        ("", "", 1, "is empty"),
        (" \n\n", "", 1, "is empty"),
        ("\ufeff", "", 1, "is empty"),
        ("# nothing\n", "data", None, "missing table"),
        (SMALL + "[train]\nsteps = = 3\n", "", 8, "not valid TOML"),
        (SMALL + "[data]\n", "", 7, "not valid TOML"),
        (SMALL + 'x = """\n', "", 8, "not valid TOML"),
        ("a = " + "[" * 100_000, "", None, "nested too deeply"),
        ("a = " + "{a = " * 100_000, "", None, "nested too deeply"),
        ("a" + ".a" * 100_000 + " = 1", "", None, "nested too deeply"),
        (SMALL.replace('"digits"', '"digit"'), "data.name", 2, '"digit" is not known'),
        (SMALL.replace('"digits"', "4"), "data.name", 2, "4 is an integer"),
        (SMALL.replace('name = "digits"', ""), "data.name", 1, "missing"),
        ("data = 5\n" + SMALL[SMALL.index("[network]") :], "data", 1, "5 is an integer"),
        (SMALL + "[[train]]\nsteps = 1\n", "train", 7, "is a list"),
        ("steps = 5\n" + SMALL, "steps", 1, "unknown table"),
        (SMALL + "[train]\nsteps = " + "9" * 5000, "train.steps", 8, "more than 4300 digits"),
        (SMALL + "[train]\nsteps = " + "9" * 4000, "train.steps", 8, "does not fit in 64 bits"),
        (SMALL + "[train]\nsteps = 0x" + "f" * 5000, "train.steps", 8, "does not fit in 64 bits"),
        (SMALL + "[train]\nlearning_rate = 1e999", "train.learning_rate", 8, "not a finite"),
        (SMALL + "a.b.c.d.e.f.g.h.i.j = " + "9" * 5000, "", None, "more than 4300 digits"),
        ('[run]\nname = "' + "x" * 999 + '"\n' + SMALL, "run.name", 2, "999 characters"),
    ],
)
def test_one_thing_wrong(tmp_path, text, key, line, words):
    found = problems(tmp_path, text)
    assert (found[0].key, found[0].line) == (key, line)
    assert words in found[0].problem


def test_long_integers_do_not_hide_other_errors(tmp_path):
    huge = "9" * 5000
    text = SMALL + f"[train]\nsteps = {huge}\neval_every = -{huge}\nbatch_size = 0\n"
    assert places(problems(tmp_path, text)) == [
        ("train.steps", 8, 9),
        ("train.eval_every", 9, 14),
        ("train.batch_size", 10, 14),
    ]


def test_bytes_that_are_no_text(tmp_path):
    text = SMALL.encode() + b'[run]\nname = "\xc3\xa9t\xe9"\n'
    [problem] = problems(tmp_path, text)
    assert (problem.line, problem.column) == (8, 11)
    assert problem.problem == f"byte {text.index(bytes([0xE9, 0x22]))} (0xe9) is not valid UTF-8"


def test_a_byte_order_mark_is_skipped_and_noted(tmp_path):
    loaded = load_preset(write(tmp_path, b"\xef\xbb\xbf" + SMALL.encode()))
    assert len(loaded.notes) == 1
    assert "byte order mark" in loaded.notes[0]
    assert loaded.source.startswith(b"\xef\xbb\xbf")
    [problem] = problems(tmp_path, b"\xef\xbb\xbf[run]\nseed = -1\n" + SMALL.encode())
    assert (problem.line, problem.column) == (2, 8)


def test_windows_line_ends(tmp_path):
    text = (SMALL + "[train]\nsteps = 0\n").replace("\n", "\r\n")
    assert places(problems(tmp_path, text)) == [("train.steps", 8, 9)]


@pytest.mark.parametrize(
    ("extra", "key", "line", "words"),
    [
        ("[train]\nvalidation_fraction = 0.01", "train.validation_fraction", 8, "too few"),
        ("[train]\nvalidation_fraction = 0.05", "train.validation_fraction", 8, "is 5"),
        ("", "network.conv", 4, "halve 8x8 images to nothing"),
    ],
)
def test_tables_that_do_not_fit_together(tmp_path, extra, key, line, words):
    text = SMALL + extra
    if key == "network.conv":
        text = SMALL.replace('"convnet"', '"convnet"\nconv = [1, 1, 1, 1]')
        line = 5
    [problem] = problems(tmp_path, text)
    assert (problem.key, problem.line) == (key, line)
    assert words in problem.problem


def test_a_cross_check_names_the_table_where_the_key_is_not_written(tmp_path):
    text = SMALL.replace('"learned_sharing"', '"learned_sharing"\nmodules = 1000')
    [problem] = problems(tmp_path, text)
    assert (problem.key, problem.line) == ("method.floor", 5)


def test_resolved_text_reads_back(tmp_path):
    nasty = 'q"\\ \x1b]0;pwned\x07 \u202e \x7f\x00\x85 é 🦀\n\tend\r\n\'\'\' """'
    preset = load_preset(write(tmp_path, SMALL)).preset
    run = preset.run.model_copy(update={"name": nasty, "notes": nasty, "tags": (nasty[:90],)})
    preset = Preset.model_validate({**dict(preset), "run": run})
    text = resolved_toml(preset)
    assert parse_resolved(text) == preset
    assert resolved_toml(parse_resolved(text)) == text


def test_resolved_numbers_read_back_exactly(tmp_path):
    for rate in (1e-300, 0.1 + 0.2, 1e-05, 3.0, 5e-324, 1 / 3):
        loaded = load_preset(write(tmp_path, SMALL), [f"train.learning_rate={rate!r}"])
        assert parse_resolved(resolved_toml(loaded.preset)).train.learning_rate == rate


def test_a_resolved_text_that_is_wrong_says_so():
    with pytest.raises(PresetError, match=r"preset\.resolved\.toml"):
        parse_resolved("[data]\nname = 'digits'\n")
