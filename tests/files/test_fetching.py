"""Fetching: continued where it broke off, held against hashes, and nothing overwritten."""

from __future__ import annotations

import fcntl
import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shareconsole.errors import DataDamaged, LockedError, ShareconsoleError
from shareconsole.files import checking, fetching
from shareconsole.files.known import FILE_SETS
from shareconsole.files.record import Download, FileSet
from tests.datasets.official import glyph_images, idx
from tests.files.serving import serving

BODY = np.random.default_rng(0).bytes(700_000)


@pytest.fixture
def site():
    with serving() as site:
        yield site


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture
def kannada(site, data, monkeypatch) -> FileSet:
    """Kannada-MNIST as the site has it: two files that need no form, only their hash."""
    known = FILE_SETS["kannada_mnist"]
    files = []
    for file, content in zip(known.files, (BODY, BODY[:1000]), strict=True):
        path = f"/{file.name}"
        site.files[path] = content
        digest = sha256(content)
        download = Download((site.url + path,), file.name, len(content), digest)
        files.append(replace(file, size=len(content), hashes=(digest,), download=download))
    changed = replace(known, files=tuple(files))
    monkeypatch.setitem(FILE_SETS, known.name, changed)
    return changed


class Reports(list):
    def __call__(self, name: str, done: int, size: int) -> None:
        self.append((name, done, size))


def test_files_are_fetched_to_the_folder_of_the_set(kannada, data):
    reports = Reports()
    assert fetching.fetch(kannada, reports)
    assert (data / "kannada_mnist" / kannada.files[0].name).read_bytes() == BODY
    first = [done for name, done, size in reports if name == kannada.files[0].name]
    assert first[0] == 0
    assert first[-1] == len(BODY)
    assert first == sorted(first)
    assert sorted(path.name for path in (data / "kannada_mnist").iterdir()) == sorted(
        file.name for file in kannada.files
    )
    asked = len(reports)
    assert not fetching.fetch(kannada, reports)
    assert len(reports) == asked


def test_without_a_folder_of_the_user_s_they_go_to_the_cache(kannada, monkeypatch, tmp_path):
    monkeypatch.delenv("SHARECONSOLE_DATA")
    fetching.fetch(kannada, Reports())
    assert (tmp_path / "cache/data/kannada_mnist" / kannada.files[1].name).is_file()


def test_a_broken_download_goes_on_where_it_was(kannada, site, data):
    path = f"/{kannada.files[0].name}"
    site.breaks[path] = 300_000
    with pytest.raises(ShareconsoleError, match="the same command goes on there") as caught:
        fetching.fetch(kannada, Reports())
    assert caught.value.exit_code == 1
    kept = data / "kannada_mnist" / f".{kannada.files[0].name}.part"
    assert 0 < kept.stat().st_size <= 300_000
    begin = kept.stat().st_size
    reports = Reports()
    assert fetching.fetch(kannada, reports)
    assert (path, f"bytes={begin}-") in site.asked
    assert reports[0][1] == begin
    assert (data / "kannada_mnist" / kannada.files[0].name).read_bytes() == BODY
    assert not kept.exists()


@pytest.mark.parametrize(
    ("kept", "ranges"),
    [(BODY[:1000], False), (BODY, True), (BODY[:-1], True)],
    ids=["server sends all", "all there", "one byte missing"],
)
def test_whatever_was_kept_the_file_comes_out_whole(kannada, site, data, kept, ranges):
    site.ranges = ranges
    folder = data / "kannada_mnist"
    folder.mkdir(parents=True)
    (folder / f".{kannada.files[0].name}.part").write_bytes(kept)
    fetching.fetch(kannada, Reports())
    assert (folder / kannada.files[0].name).read_bytes() == BODY


def test_more_than_there_is_to_be_kept_is_dropped(kannada, data):
    folder = data / "kannada_mnist"
    folder.mkdir(parents=True)
    (folder / f".{kannada.files[0].name}.part").write_bytes(BODY + b"x")
    with pytest.raises(ShareconsoleError, match="has been dropped"):
        fetching.fetch(kannada, Reports())
    fetching.fetch(kannada, Reports())
    assert (folder / kannada.files[0].name).read_bytes() == BODY


def test_what_was_kept_of_another_file_does_not_pass_and_does_not_stay(kannada, data):
    folder = data / "kannada_mnist"
    folder.mkdir(parents=True)
    (folder / f".{kannada.files[0].name}.part").write_bytes(b"x" * 1000)
    with pytest.raises(DataDamaged, match="sent another file"):
        fetching.fetch(kannada, Reports())
    assert fetching.fetch(kannada, Reports())


def test_another_file_than_published_is_refused(kannada, site, data):
    site.files[f"/{kannada.files[0].name}"] = BODY[:-1] + b"x"
    with pytest.raises(DataDamaged, match="sent another file"):
        fetching.fetch(kannada, Reports())
    assert list((data / "kannada_mnist").iterdir()) == []


def test_a_page_in_place_of_the_file_is_not_kept(kannada, site, data):
    path = f"/{kannada.files[0].name}"
    site.files[path], site.kinds[path] = b"<html>too many people", "text/html; charset=utf-8"
    with pytest.raises(ShareconsoleError, match="a page instead of the file") as caught:
        fetching.fetch(kannada, Reports())
    folder = data / "kannada_mnist"
    assert str(caught.value).endswith(f"by hand: from {kannada.home} into {folder}")
    assert list(folder.iterdir()) == []


def test_a_file_that_goes_on_for_ever_is_cut_off(kannada, site, data):
    site.files[f"/{kannada.files[0].name}"] = BODY + b"x" * 1_000_000
    with pytest.raises(ShareconsoleError, match="sends more than 700,000 bytes"):
        fetching.fetch(kannada, Reports())
    assert list((data / "kannada_mnist").iterdir()) == []


def test_the_next_address_is_tried_and_every_reason_told(kannada, site, data, monkeypatch):
    file = kannada.files[0]
    good = file.download.urls[0]
    bad = (f"{site.url}/nowhere", "http://127.0.0.1:1/refused")

    def with_urls(*urls: str) -> FileSet:
        download = replace(file.download, urls=urls)
        changed = replace(kannada, files=(replace(file, download=download), kannada.files[1]))
        monkeypatch.setitem(FILE_SETS, kannada.name, changed)
        return changed

    with pytest.raises(ShareconsoleError) as caught:
        fetching.fetch(with_urls(*bad), Reports())
    assert f"{bad[0]}: 404 Not Found" in str(caught.value)
    assert f"{bad[1]}: no connection" in str(caught.value)
    assert list((data / "kannada_mnist").iterdir()) == []
    assert fetching.fetch(with_urls(*bad, good), Reports())


def test_files_that_are_there_are_not_touched(kannada, data):
    folder = data / "kannada_mnist"
    folder.mkdir(parents=True)
    mine = folder / kannada.files[0].name
    mine.write_bytes(b"mine")
    with pytest.raises(DataDamaged, match="is not the published file"):
        fetching.fetch(kannada, Reports())
    assert mine.read_bytes() == b"mine"


def test_two_at_a_time_are_one_too_many(kannada, data):
    folder = data / "kannada_mnist"
    folder.mkdir(parents=True)
    with (folder / f".{kannada.files[0].name}.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockedError, match="another process is fetching"):
            fetching.fetch(kannada, Reports())


def test_no_room_and_no_right_to_write_are_told(kannada, data, monkeypatch):
    monkeypatch.setattr(fetching, "_SPARE_BYTES", 2**60)
    with pytest.raises(ShareconsoleError, match=r"has 700,000 bytes, and .* only .* free"):
        fetching.fetch(kannada, Reports())
    (data / "kannada_mnist").rmdir()
    data.rmdir()
    data.write_text("a file")
    with pytest.raises(ShareconsoleError, match=r"cannot write .*data"):
        fetching.fetch(kannada, Reports())


@pytest.fixture
def emnist(site, data, monkeypatch) -> dict[str, FileSet]:
    """EMNIST as the site has it: one archive with the files of both sets."""
    members = {}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("emnist_digits", "emnist_letters"):
            low, high = FILE_SETS[name].labels
            labels = np.arange(low, high + 1)
            for file in FILE_SETS[name].files:
                array = labels if file.role == "labels" else glyph_images(labels, 0)
                members[file.name] = idx(array)
                archive.writestr(file.download.member, members[file.name])
    content = stream.getvalue()
    site.files["/gzip.zip"] = content
    changed = {}
    for name in ("emnist_digits", "emnist_letters"):
        known = FILE_SETS[name]
        url, digest = f"{site.url}/gzip.zip", sha256(content)
        files = tuple(
            replace(
                file, download=replace(file.download, urls=(url,), size=len(content), hash=digest)
            )
            for file in known.files
        )
        count = known.labels[1] - known.labels[0] + 1
        changed[name] = replace(known, files=files, counts=(count, count))
        monkeypatch.setitem(FILE_SETS, name, changed[name])
        monkeypatch.setitem(checking.FILE_SETS, name, changed[name])
    return changed


def test_one_archive_serves_both_sets_that_are_in_it(emnist, site, data, tmp_path):
    assert fetching.fetch(emnist["emnist_digits"], Reports())
    assert len(list((data / "emnist_digits").iterdir())) == 4
    assert len(list((data / "emnist_letters").iterdir())) == 4
    assert not fetching.fetch(emnist["emnist_letters"], Reports())
    assert [path for path, _ in site.asked] == ["/gzip.zip"]
    assert list(Path(tmp_path / "cache/data").iterdir()) == []


def test_a_subset_that_is_there_is_kept_and_told(emnist, data):
    file = emnist["emnist_digits"].files[0]
    folder = data / "emnist_digits"
    folder.mkdir(parents=True)
    (folder / file.name).write_bytes(idx(glyph_images(np.arange(9), 0)))
    with pytest.raises(DataDamaged, match="has 9 images, but"):
        fetching.fetch(emnist["emnist_digits"], Reports())
    assert (folder / file.name).read_bytes() == idx(glyph_images(np.arange(9), 0))
