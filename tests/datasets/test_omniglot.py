"""Omniglot from its zips: protocols, cache, and every way a zip can be wrong."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from shareconsole.datasets.omniglot import load_omniglot
from shareconsole.errors import DataDamaged, DataMissing, PresetError
from shareconsole.files import omniglot as zips
from shareconsole.files.decoded import cache_file
from shareconsole.files.omniglot_alphabets import (
    BACKGROUND,
    CHARACTERS,
    EVALUATION,
    LWS_ORDER,
    TWENTY,
)
from shareconsole.spec.data.omniglot import OmniglotOptions
from shareconsole.spec.toml import load_preset
from tests.datasets.omniglot_zips import ALPHABETS, drawing, members, png, write_zip

BLACKFOOT, ANGELIC = ALPHABETS
REAL = os.environ.get("SHARECONSOLE_DATA")


def options(**values) -> OmniglotOptions:
    return OmniglotOptions.model_validate(
        {"name": "omniglot", "verify": "form", "alphabets": list(ALPHABETS), **values}
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("zips") / "omniglot"
    folder.mkdir()
    for name in zips.ZIPS:
        write_zip(folder / name, members(name.removesuffix(".zip")))
    return folder


@pytest.fixture
def data_folder(tmp_path, monkeypatch, source) -> Path:
    """A folder of its own with both zips, found as the user's data would be, and a shared cache."""
    folder = tmp_path / "data" / "omniglot"
    shutil.copytree(source, folder)
    monkeypatch.setenv("SHARECONSOLE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(source.parent / "cache"))
    return folder


def which(images: torch.Tensor) -> list[tuple[int, int]]:
    """(character, person) of each drawing [N, 1, 105, 105] of the generated zips."""
    ink = images[:, 0] == 0
    columns, rows = ink.any(1).float().argmax(1) // 5, ink.any(2).float().argmax(1) // 5
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def test_the_published_counts():
    assert (len(BACKGROUND), len(EVALUATION)) == (30, 20)
    assert (sum(BACKGROUND.values()), sum(EVALUATION.values())) == (964, 659)
    assert sorted(LWS_ORDER) == sorted(CHARACTERS)
    assert len(set(TWENTY)) == 20
    assert set(TWENTY) < set(CHARACTERS)
    shuffled = np.random.RandomState(666).permutation(np.array(list(CHARACTERS)))
    assert tuple(shuffled) == LWS_ORDER


@pytest.mark.parametrize(
    ("protocol", "sizes"), [("lws", (16, 0, 4)), ("maziarz", (10, 4, 6)), ("yang", (2, 0, 18))]
)
def test_each_protocol_divides_the_drawings_of_each_character(data_folder, protocol, sizes):
    given = options(protocol=protocol, ink="black")
    data, shape = load_omniglot(given), given.shape()
    assert data.task_names == ALPHABETS
    assert data.num_classes == shape.num_classes == (14, 20)
    assert data.input_shape == shape.input_shape == (1, 105, 105)
    assert (data.validation is None) == (sizes[1] == 0)
    for task, characters in enumerate(data.num_classes):
        seen = []
        for part, size, planned in zip(
            (data.train, data.validation, data.test),
            sizes,
            (shape.train_images, shape.validation_images, shape.test_images),
            strict=True,
        ):
            if part is None:
                continue
            images, labels = part.images[task], part.labels[task]
            assert images.dtype == torch.uint8
            assert labels.tolist() == sorted(list(range(characters)) * size)
            assert planned[task] == len(images) == size * characters
            drawings = which(images)
            assert [character for character, _ in drawings] == labels.tolist()
            seen += drawings
        assert sorted(seen) == [(c, p) for c in range(characters) for p in range(20)]


def test_splits_follow_the_published_seeds(data_folder):
    lws = load_omniglot(options(protocol="lws"))
    seed = int(hashlib.md5(ANGELIC.encode()).hexdigest(), 16) % 2**32
    random_lws = np.random.RandomState(seed)
    for character in range(20):
        order = random_lws.permutation(20)
        start = 16 * character
        found = [person for _, person in which(lws.train.images[1][start : start + 16])]
        assert found == order[:16].tolist()
    maziarz = load_omniglot(options(protocol="maziarz", ink="black"))
    # Alphabet_of_the_Magi is number 0 of the sorted names, Angelic number 1.
    random_maziarz = np.random.RandomState(1)
    for character in range(20):
        order = np.arange(20)
        random_maziarz.shuffle(order)
        start = 4 * character
        found = [person for _, person in which(maziarz.validation.images[1][start : start + 4])]
        assert found == order[10:14].tolist()


def test_another_split_seed_is_another_split_of_the_same_sizes(data_folder):
    first, again = load_omniglot(options(protocol="yang")), load_omniglot(options(protocol="yang"))
    other = load_omniglot(options(protocol="yang", split_seed=1))
    assert torch.equal(first.train.images[0], again.train.images[0])
    assert not torch.equal(first.train.images[0], other.train.images[0])
    assert first.train.images[0].shape == other.train.images[0].shape


def test_ink_and_size(data_folder):
    black, white = (load_omniglot(options(ink=ink)) for ink in ("black", "white"))
    assert torch.equal(255 - black.train.images[0], white.train.images[0])
    assert set(black.train.images[0].unique().tolist()) == {0, 255}
    protocol = load_omniglot(options(protocol="maziarz"))
    assert protocol.train.images[0].float().mean() < 5
    small = load_omniglot(options(size=21))
    assert small.input_shape == (1, 21, 21)
    # 105 = 5 * 21, and the generated blocks are 5 pixels wide: one new pixel is all ink.
    assert small.train.images[0].flatten(1).min(1).values.max() == 0
    blocks = black.train.images[0].float().unfold(2, 5, 5).unfold(3, 5, 5).mean((4, 5))
    assert torch.equal(small.train.images[0].float(), blocks)


def test_alphabets_are_the_first_ones_or_those_listed():
    assert options(alphabets=3).tasks == LWS_ORDER[:3]
    assert options(alphabets=3, protocol="maziarz").tasks == TWENTY[:3]
    assert options(alphabets="all", protocol="maziarz").tasks == TWENTY
    assert options(alphabets="all").shape().num_tasks == 50
    assert sum(options(alphabets="all").shape().num_classes) == 1623
    assert options(alphabets=["Greek"]).tasks == ("Greek",)
    for wrong in (21, ["Geek"], ["Greek", "Greek"], []):
        assert options(alphabets=wrong, protocol="maziarz").issues()


def test_decoded_once_and_again_when_stale_or_damaged(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))
    calls = []
    decode = zips._decode_all
    monkeypatch.setattr(zips, "_decode_all", lambda *given: calls.append(given) or decode(*given))
    reference = load_omniglot(options())

    def again(count: int) -> None:
        data = load_omniglot(options())
        for before, after in zip(reference.train.images, data.train.images, strict=True):
            assert torch.equal(before, after)
        assert len(calls) == count

    again(1)
    [kept] = (tmp_path / "cache" / "decoded").iterdir()
    assert kept == cache_file("omniglot 105 1")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    again(2)
    # Somewhere in the pixels: a checksum is all that can tell.
    at = len(whole) // 3
    kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    again(3)
    kept.write_bytes(b"")
    again(4)
    load_omniglot(options(size=21))
    assert len(calls) == 5
    again(5)
    content = members("images_evaluation")
    first = next(iter(content))
    content[first] = png(~drawing(0, 0))
    write_zip(data_folder / "images_evaluation.zip", content)
    assert load_omniglot(options()).num_tasks == 2
    assert len(calls) == 6
    assert len(list(kept.parent.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_said_and_does_not_matter(
    data_folder, tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "file"))
    assert load_omniglot(options(size=21)).num_tasks == 2
    assert "could not be kept for next time" in capsys.readouterr().err


def refused(match: str) -> None:
    """The files are refused in advance, by the check that runs before a run exists."""
    with pytest.raises(DataDamaged, match=match):
        options().check_files()


def test_whole_zips_are_accepted(data_folder):
    options().check_files()


def test_a_missing_zip(data_folder):
    (data_folder / "images_evaluation.zip").unlink()
    with pytest.raises(DataMissing, match=r"images_evaluation\.zip"):
        options().check_files()


BROKEN_PNG = png(drawing(3, 3))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (BROKEN_PNG[:60], "character04/0903_04.png cannot be decoded"),
        (BROKEN_PNG[:-20], "character04/0903_04.png cannot be decoded"),
        (b"", "character04/0903_04.png cannot be decoded"),
        (b"GIF89a" + bytes(30), "character04/0903_04.png cannot be decoded"),
        (BROKEN_PNG[:45] + b"\xff" + BROKEN_PNG[46:], "0903_04.png cannot be decoded"),
        (png(np.ones((28, 28), bool)), "no 105x105 drawing in black and white: 28x28"),
        (png(np.ones((105, 105, 3), np.uint8)), "mode RGB"),
        (bytes(70_000), "70,000 bytes, too many for a drawing"),
    ],
    ids=["head", "end missing", "empty", "gif", "changed", "small", "colour", "huge"],
)
def test_a_drawing_that_is_none(data_folder, content, match):
    everything = members("images_background")
    [name] = [name for name in everything if name.endswith("0903_04.png")]
    write_zip(data_folder / "images_background.zip", everything | {name: content})
    refused(match)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("images_background/Greek/character01/../../../x.png", "is not where Omniglot"),
        ("/etc/passwd", "is not where Omniglot"),
        ("images_background/Klingon/character01/0001_01.png", "is not where Omniglot"),
        ("images_evaluation/Angelic/character01/0001_01.png", "is not where Omniglot"),
        ("images_background/notes.txt", "is not where Omniglot"),
        ("images_background/Greek/character01/0394_01.png", "lacks Greek/character01, 02"),
        (f"images_background/{BLACKFOOT}/character15/0001_01.png", "one too many"),
        (f"images_background/{BLACKFOOT}/character01/0001_01.png", "second drawing"),
    ],
)
def test_a_member_that_does_not_belong_there(data_folder, name, match):
    everything = members("images_background")
    write_zip(data_folder / "images_background.zip", everything | {name: BROKEN_PNG})
    refused(match)


def test_a_missing_member_and_a_missing_alphabet(data_folder):
    everything = members("images_evaluation")
    everything.pop("images_evaluation/Angelic/character20/0919_20.png")
    write_zip(data_folder / "images_evaluation.zip", everything)
    refused("lacks Angelic/character20, 20")
    write_zip(data_folder / "images_evaluation.zip", members("images_evaluation"))
    with pytest.raises(DataDamaged, match=r"images_evaluation\.zip: lacks the alphabet Keble"):
        options(alphabets=["Keble"]).check_files()


def test_hidden_files_of_the_packing_machine_are_passed_over(data_folder):
    extra = {
        "images_background/.DS_Store": b"x",
        "__MACOSX/images_background/._x.png": b"x",
        "images_background/Greek/": b"",
    }
    write_zip(data_folder / "images_background.zip", members("images_background") | extra)
    options().check_files()


def test_zips_that_are_damaged_or_packed_unusually(data_folder):
    path = data_folder / "images_background.zip"
    whole = path.read_bytes()
    for content in (b"", b"no zip", whole[:-200], whole[: len(whole) // 2]):
        path.write_bytes(content)
        refused("no whole zip")
    # A member whose bytes do not fit its checksum.
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 4]) + whole[201:])
    refused(r"0900_0\d\.png is damaged|0900_0\d\.png is not as long")
    write_zip(path, members("images_background"), zipfile.ZIP_LZMA)
    refused("packed in an unusual way")
    encrypted = bytearray(whole)
    start = whole.index(b"PK\x01\x02")
    encrypted[start + 8] |= 1
    path.write_bytes(bytes(encrypted))
    refused("encrypted")


def test_random_damage_is_an_error_or_the_same_images(data_folder):
    path = data_folder / "images_background.zip"
    whole = path.read_bytes()
    reference = load_omniglot(options(size=21)).train.images
    dice = random.Random(5)
    refusals = 0
    for _ in range(20):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 1, 8))):
            damaged[dice.randrange(len(whole))] = dice.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            found = load_omniglot(options(size=21)).train.images
        except DataDamaged:
            refusals += 1
        else:
            assert all(map(torch.equal, reference, found))
    assert refusals > 5


@pytest.mark.skipif(REAL is None, reason="SHARECONSOLE_DATA names no folder with Omniglot in it")
def test_the_real_thing(data, monkeypatch):
    monkeypatch.setenv("SHARECONSOLE_DATA", str(REAL))
    given = options(verify="official", alphabets="all", size=28)
    given.check_files()
    loaded = load_omniglot(given)
    shape = given.shape()
    assert tuple(map(len, loaded.train.labels)) == shape.train_images
    assert sum(shape.train_images) == 25_968
    assert sum(map(len, loaded.test.labels)) == 6_492
    assert loaded.num_classes == shape.num_classes
    # Paper is white: 255 but for the ink.
    assert 225 < loaded.train.images[0].float().mean() < 250


def test_a_misspelt_alphabet_is_a_mistake_like_others():
    with pytest.raises(PresetError, match=r'"Braile" is not known .*did you mean "Braille"'):
        load_preset("omniglot-small", ['data.alphabets=["Braile", "Greek"]'])
