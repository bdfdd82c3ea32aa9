"""Where files are looked for, and what is said of those that are nowhere."""

from __future__ import annotations

import pytest

from shareconsole.errors import DataMissing, UsageError
from shareconsole.files.known import FILE_SETS
from shareconsole.files.places import cache_folder, fetch_folder, folders, locate, look, require_all

KANNADA, MNIST, KMNIST = (FILE_SETS[name] for name in ("kannada_mnist", "mnist", "kmnist"))


def touch(folder, file_set, *, leave_out=()):
    folder.mkdir(parents=True, exist_ok=True)
    for file in file_set.files:
        if file.name not in leave_out:
            (folder / file.name).touch()


@pytest.mark.parametrize("place", ["data/kannada_mnist", "data", "cache/data/kannada_mnist"])
def test_a_set_is_found_in_its_folder_flat_and_in_the_cache(tmp_path, data, place):
    touch(tmp_path / place, KANNADA)
    assert locate(KANNADA) == {file.name: tmp_path / place / file.name for file in KANNADA.files}


def test_the_users_folder_comes_before_the_cache(tmp_path, data):
    touch(tmp_path / "cache/data/kannada_mnist", KANNADA)
    touch(data, KANNADA, leave_out=[KANNADA.files[1].name])
    first, second = (locate(KANNADA)[file.name].parent for file in KANNADA.files)
    assert (first, second) == (data, tmp_path / "cache/data/kannada_mnist")


def test_names_that_several_sets_use_count_in_a_set_s_own_folder_only(data):
    touch(data, MNIST)
    assert look(MNIST) == look(KMNIST) == {}
    touch(data / "kmnist", KMNIST)
    assert len(look(KMNIST)) == 4
    assert look(MNIST) == {}


def test_what_is_missing_is_told_with_the_places_and_the_command(tmp_path, data):
    touch(data / "kannada_mnist", KANNADA, leave_out=["y_kannada_MNIST_test-idx1-ubyte.gz"])
    with pytest.raises(DataMissing) as caught:
        locate(KANNADA)
    text = str(caught.value)
    assert "is not here: y_kannada_MNIST_test-idx1-ubyte.gz\n" in text
    assert f"\n  {data / 'kannada_mnist'}\n  {data}\n  {tmp_path / 'cache'}" in text
    assert text.endswith("get it with: shareconsole data fetch kannada_mnist")
    assert caught.value.exit_code == UsageError.exit_code
    with pytest.raises(DataMissing, match=r"(?s)fetch mnist.*fetch kmnist"):
        require_all([MNIST, KANNADA, KMNIST])


def test_without_a_folder_of_the_user_s_it_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("SHARECONSOLE_DATA", raising=False)
    monkeypatch.delenv("SHARECONSOLE_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "shareconsole"
    assert folders() == [tmp_path / "shareconsole/data"]
    assert fetch_folder(MNIST) == tmp_path / "shareconsole/data/mnist"
    with pytest.raises(DataMissing, match="SHARECONSOLE_DATA names no folder"):
        locate(MNIST)


def test_what_is_known_of_the_files_is_complete():
    for name, file_set in FILE_SETS.items():
        assert name == file_set.name
        assert file_set.title
        assert file_set.licence
        assert file_set.citation
        assert file_set.home.startswith("http")
        assert len({file.name for file in file_set.files}) == len(file_set.files)
        for file in file_set.files:
            download = file.download
            assert download.urls
            assert all(url.startswith("https://") for url in download.urls)
            assert download.size > 0
            for known in (download.hash, *file.hashes):
                algorithm, _, digits = known.partition(":")
                assert len(digits) == {"sha256": 64, "md5": 32}[algorithm]
                assert set(digits) <= set("0123456789abcdef")
            # A file without a hash of its own comes out of an archive with one.
            assert file.hashes or download.member.endswith(file.name)
