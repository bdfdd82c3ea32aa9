"""Names, paths, and files that are not what a preset should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec import source
from shareconsole.spec.toml import list_presets, load_preset, parse_resolved, resolved_toml

SHIPPED = sorted(path.stem for path in source.shipped_folder().glob("*.toml"))
SMALL = b'[data]\nname="digits"\n[network]\nname="convnet"\n[method]\nname="no_sharing"\n'


def problem(text, cwd):
    with pytest.raises(PresetError) as caught:
        load_preset(text, cwd=cwd)
    [only] = caught.value.problems
    assert str(only).isprintable()
    return only


def test_a_name_means_the_folder_here_first_then_the_shipped_one(tmp_path):
    assert load_preset("digits", cwd=tmp_path).path == source.shipped_folder() / "digits.toml"
    mine = tmp_path / "presets" / "digits.toml"
    mine.parent.mkdir()
    mine.write_bytes(SMALL)
    assert load_preset("digits", cwd=tmp_path).path == mine
    assert load_preset("digits", cwd=tmp_path).preset.method.name == "no_sharing"


def test_a_slash_or_the_suffix_makes_it_a_path(tmp_path):
    (tmp_path / "here.toml").write_bytes(SMALL)
    (tmp_path / "odd").write_bytes(SMALL)
    assert load_preset("here.toml", cwd=tmp_path).name == "here"
    assert load_preset("./odd", cwd=tmp_path).name == "odd"
    assert load_preset(str(tmp_path / "here.toml"), cwd=Path("/")).name == "here"
    assert problem("odd", tmp_path).problem == "is not the name of a preset"


def test_a_file_name_that_is_no_text_still_names_the_run(tmp_path):
    (tmp_path / "a\udcff\x1b.toml").write_bytes(SMALL)
    loaded = load_preset("./a\udcff\x1b.toml", cwd=tmp_path)
    assert loaded.preset.run.name == loaded.name == "a\\udcff\x1b"
    assert parse_resolved(resolved_toml(loaded.preset)) == loaded.preset
    resolved_toml(loaded.preset).encode()


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    found = problem("digits-ful", tmp_path)
    assert ", ".join(SHIPPED) in found.allowed
    assert found.suggestion == "digits-full"
    assert problem("", tmp_path).suggestion == ""
    assert problem("x" * 100_000, tmp_path).suggestion == ""


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    (tmp_path / "first.toml").write_bytes(SMALL)
    found = problem("./frist.toml", tmp_path)
    assert (found.file, found.problem) == ("./frist.toml", "does not exist")
    assert found.suggestion == "first.toml"
    assert problem("no/such/folder.toml", tmp_path).problem == "does not exist"


@pytest.mark.timeout(20)
def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    assert problem("./pipe.toml", tmp_path).problem == "is a named pipe"
    assert problem("./folder.toml", tmp_path).problem == "is a directory"
    assert problem("/dev/zero", tmp_path).problem == "is a device"
    assert "symbolic links" in problem("./loop.toml", tmp_path).problem
    assert problem("./a\0b.toml", tmp_path).problem.startswith("cannot be read")
    assert "too long" in problem("./" + "x" * 5000, tmp_path).problem


@pytest.mark.timeout(20)
def test_a_file_that_turns_into_a_pipe_does_not_hang(tmp_path, monkeypatch):
    """Between looking and opening anything may happen: opening must not wait for a writer."""
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "file").write_bytes(SMALL)
    looked_at = os.stat(tmp_path / "file")
    monkeypatch.setattr(os, "stat", lambda *_args, **_kwargs: looked_at)
    with pytest.raises(PresetError, match="changed into something that is no file"):
        source.read_bytes(tmp_path / "pipe.toml", "pipe.toml")


def test_permission_and_size(tmp_path, monkeypatch):
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * source.MAX_BYTES)
    with pytest.raises(PresetError, match="missing table"):
        load_preset("./large.toml", cwd=tmp_path)
    large.write_bytes(b"#" * (source.MAX_BYTES + 1))
    assert problem("./large.toml", tmp_path).problem == "is too large for a preset"

    def denied(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    assert problem("./large.toml", tmp_path).problem == "cannot be read: Permission denied"


def test_the_list_has_every_preset_and_says_which_cannot_be_read(tmp_path):
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "mine.toml").write_bytes(SMALL + b'[run]\nnotes = "first\\nsecond"\n')
    (folder / "broken.toml").write_bytes(b"[data\n")
    (folder / "empty.toml").write_bytes(b"")
    (folder / "planted.toml").write_bytes(SMALL)
    os.mkfifo(folder / "pipe.toml")
    infos = {info.name: info for info in list_presets(tmp_path)}
    own = ["broken", "empty", "mine", "pipe", "planted"]
    shipped = {name for name in SHIPPED if name not in own}
    needy = {name for name in shipped if load_preset(name, cwd=tmp_path).preset.data.sources()}
    assert shipped > needy > {"branched-celeba", "lws-dkl-mnist"}
    assert list(infos) == [*own, *sorted(shipped - needy), *sorted(needy)]
    assert (infos["mine"].summary, infos["mine"].shipped) == ("first", False)
    assert infos["broken"].summary.startswith("cannot be read: is not valid TOML")
    assert infos["empty"].summary == "cannot be read: is empty"
    assert infos["pipe"].summary == "cannot be read: is a named pipe"
    assert (infos["planted"].summary, infos["planted"].shipped) == ("", False)
    assert infos["digits"].shipped
    assert infos["digits"].summary


def test_the_source_tree_is_the_shipped_folder_when_run_from_there():
    folder = source.shipped_folder().parent
    assert {"digits", "digits-full", "digits-none", "digits-prior", "planted"} < set(SHIPPED)
    assert {info.name for info in list_presets(folder) if info.shipped} == set(SHIPPED)
