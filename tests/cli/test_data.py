"""data ls, fetch, check and path, and what the other commands say of files that are not there."""

from __future__ import annotations

import pytest

from shareconsole.files.celeba import FACES
from shareconsole.files.known import FILE_SETS
from shareconsole.launch import create_run
from shareconsole.spec.toml import load_preset
from tests.datasets.celeba_files import faces, write_celeba, write_faces
from tests.datasets.official import write_cifar, write_glyphs
from tests.datasets.omniglot_zips import SMALL, members, write_zip


@pytest.fixture
def line(cli):
    """line("ls"): carry out "data ls", which knows no runs folder."""
    return lambda *words: cli("data", *words, own_runs=False)


def test_ls_shows_every_set_and_whether_it_is_here(line, data):
    write_glyphs(data, "kannada_mnist", {"test": 1})
    result = line("ls")
    assert (result.code, result.err) == (0, "")
    table, _, notes = result.out.partition("\n\n")
    rows = {row.split()[0]: row for row in table.splitlines()[1:]}
    assert list(rows) == list(FILE_SETS)
    assert "digits, planted" in notes
    assert "your own files: folder" in notes
    assert rows["kannada_mnist"].split()[1] == "here"
    assert rows["mnist"].split()[1] == "no"
    assert "CC BY-SA 4.0" in rows["kmnist"]
    assert "dkl_mnist" in rows["kmnist"]
    assert "161 MiB" in rows["cifar100"]
    (data / "kannada_mnist" / "y_kannada_MNIST_test-idx1-ubyte.gz").unlink()
    assert "1 of 2" in line("ls").out


def test_ls_json_tells_all_that_is_known(line, data):
    write_glyphs(data, "kannada_mnist", {"test": 1})
    sets = {each["name"]: each for each in line("ls", "--json").json}
    assert list(sets) == list(FILE_SETS)
    kannada = sets["kannada_mnist"]
    assert kannada["here"] is True
    assert kannada["data_sets"] == ["dkl_kannada"]
    assert kannada["files"][0]["path"].startswith(str(data))
    assert kannada["files"][0]["hashes"][0].startswith("sha256:")
    assert sets["emnist_digits"]["files"][0]["member"].startswith("gzip/")
    assert sets["cifar10"]["here"] is False
    assert sets["cifar10"]["files"][0]["path"] is None


def test_check_tells_published_files_from_others_and_damaged_ones(line, data):
    assert "no files are here" in line("check").err
    write_glyphs(data, "emnist_letters", {"train": 2, "test": 2})
    result = line("check")
    assert result.code == 0
    assert "emnist_letters: of the right form, but not as published" in result.out
    assert 'verify = "form"' in result.out
    path = write_cifar(data, "cifar100", {})
    result = line("check")
    assert result.code == 1
    assert "cifar100: damaged" in result.out
    assert f"{path}: lacks cifar-100-python/train" in result.out
    found = {item["name"]: item["condition"] for item in line("check", "--json").json}
    assert found == {"emnist_letters": "form", "cifar100": "damaged"}
    result = line("check", "mnist", "emnist_letters")
    assert result.code == 1
    assert "mnist: not here" in result.out
    assert "shareconsole data fetch mnist" in result.out


def test_path_prints_files_and_folders(line, data, tmp_path):
    assert line("path").out.splitlines() == [str(data), str(tmp_path / "cache/data")]
    write_glyphs(data, "kannada_mnist", {"test": 1})
    lines = line("path", "kannada_mnist").out.splitlines()
    assert lines == [str(data / "kannada_mnist" / f.name) for f in FILE_SETS["kannada_mnist"].files]
    result = line("path", "dkl_kannada")
    assert (result.code, result.out) == (2, "")
    assert "data fetch emnist_digits" in result.err


@pytest.mark.parametrize("command", ["fetch", "check", "path"])
def test_a_name_that_is_not_known_is_answered_with_the_known_ones(line, data, command):
    result = line(command, "kminst")
    assert result.code == 2
    assert "did you mean kmnist?" in result.err
    assert "omniglot" in result.err
    assert "digits needs no published file" in line(command, "digits").err


def test_fetch_shows_licence_and_citation_and_leaves_partial_files(line, data, monkeypatch):
    from shareconsole.errors import ShareconsoleError

    asked = []

    def fetch(file_set, report):
        asked.append(file_set.name)
        report(file_set.files[0].name, 0, 2048)
        report(file_set.files[0].name, 2048, 2048)
        if len(asked) == 2:
            raise KeyboardInterrupt
        if len(asked) == 3:
            raise ShareconsoleError("no connection")
        return True

    monkeypatch.setattr("shareconsole.files.fetching.fetch", fetch)
    result = line("fetch", "dkl_mnist")
    assert result.code == 130
    assert asked == ["emnist_digits", "emnist_letters"]
    assert "Cohen" in result.err
    assert "emnist-digits-train-images-idx3-ubyte.gz: 2.0 KiB of 2.0 KiB" in result.err
    assert f"fetched to {data / 'emnist_digits'}" in result.err
    assert "the same command goes on" in result.err
    result = line("fetch", "kmnist", "--quiet")
    assert (result.code, result.err.strip()) == (1, "error: no connection")


def test_a_run_without_its_files_says_so_and_makes_nothing(cli, runs, data):
    result = cli("run", "lws-dkl-mnist")
    assert (result.code, result.out) == (2, "")
    assert "get it with: shareconsole data fetch kmnist" in result.err
    assert not runs.exists()


def test_a_run_with_damaged_files_says_so_and_makes_nothing(cli, runs, data):
    write_cifar(data, "cifar100", {})
    for verify in ("official", "form"):
        result = cli("run", "lws-cifar100", "--set", f"data.verify={verify}")
        assert (result.code, result.out) == (2, "")
        assert str(data / "cifar100" / "cifar-100-python.tar.gz") in result.err
    assert not runs.exists()


def test_check_knows_the_size_of_a_run_without_its_files(cli, data):
    result = cli("check", "lws-cifar100")
    assert result.code == 0
    assert "cifar100: missing; shareconsole data fetch cifar100" in result.out
    assert cli("check", "lws-cifar100", "--json").json["missing_files"] == [
        "cifar-100-python.tar.gz"
    ]
    assert "2,500 train, 500 test per task" in result.out
    images = cli("check", "branched-celeba", "--json").json["images"]
    assert images["shared"]
    assert images["validation"] == [19_867] * 40
    assert "19,867 validation, 19,962 test for all tasks" in cli("check", "branched-celeba").out
    form = cli("check", "lws-cifar100", "--set", "data.verify=form").out
    assert "500 test per task as published" in form
    held_out = cli("check", "digits", "--set", "train.validation_fraction=0.3").out
    assert "70 train, 30 validation, 349 to 350 test per task" in held_out
    write_cifar(data, "cifar100", {})
    assert "cifar100: here" in cli("check", "lws-cifar100").out


def test_a_resume_without_its_files_says_so_and_starts_nothing(cli, runs, data):
    folder = create_run(load_preset("lws-cifar100"), runs)
    before = sorted(path.name for path in folder.path.iterdir())
    result = cli("resume", folder.id)
    assert (result.code, result.out) == (2, "")
    assert "get it with: shareconsole data fetch cifar100" in result.err
    assert sorted(path.name for path in folder.path.iterdir()) == before


def test_check_decodes_the_images_of_files_that_are_not_as_published(line, data):
    folder = write_celeba(data)
    (data / "omniglot").mkdir()
    drawings = {root: members(root) for root in SMALL}
    for root, content in drawings.items():
        write_zip(data / "omniglot" / f"{root}.zip", content)
    found = {each["name"]: each["condition"] for each in line("check", "--json").json}
    assert (found["celeba"], found["omniglot"]) == ("form", "form")
    first = next(iter(drawings["images_background"]))
    cut = drawings["images_background"] | {first: drawings["images_background"][first][:60]}
    write_zip(data / "omniglot" / "images_background.zip", cut)
    write_faces(folder / FACES, faces() | {"img_align_celeba/000007.jpg": b"\xff\xd8"})
    result = line("check", "omniglot", "celeba")
    assert result.code == 1
    assert f"{first} cannot be decoded" in result.out
    assert "000007.jpg cannot be decoded" in result.out
