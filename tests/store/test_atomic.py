from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from shareconsole.store import atomic
from shareconsole.store.atomic import (
    StoreError,
    create_bytes,
    read_bytes,
    read_json,
    sha256_file,
    write_bytes,
    write_json,
)


def test_json_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    obj = {"text": "\ud800 é \x1b", "list": [1, 2.5, None], "deep": {"a": True}}
    write_json(path, obj)
    assert read_json(path) == obj
    write_json(path, {"a": 1}, durable=False)
    assert read_json(path) == {"a": 1}
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_refused_in_both_directions(tmp_path: Path, value: float) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": value})
    assert not path.exists()
    path.write_text('{"a": NaN}')
    with pytest.raises(StoreError, match="NaN"):
        read_json(path)


GARBAGE = {
    "empty": b"",
    "blank": b" \n",
    "list": b"[1]",
    "null": b"null",
    "number": b"3",
    "text": b'"x"',
    "cut": b'{"a": 1',
    "nan": b'{"a": NaN}',
    "utf8": b'{"a": "\xff"}',
    "utf16": '{"a": 1}'.encode("utf-16"),
    "zeros": b"\0" * 5000,
    "deep": b"[" * 200_000,
    "digits": b'{"a": ' + b"9" * 5000 + b"}",
    "huge": b'{"a": "' + b"x" * atomic.JSON_LIMIT + b'"}',
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_a_store_error_with_the_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(GARBAGE[name])
    with pytest.raises(StoreError, match=r"x\.json: "):
        read_json(path)


def test_what_is_no_plain_file_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "target").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("fifo", "folder", "link"):
        with pytest.raises(StoreError, match=name):
            read_json(tmp_path / name)
        with pytest.raises(StoreError, match=name):
            sha256_file(tmp_path / name)
    with pytest.raises(StoreError, match="missing"):
        read_json(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "nothing")


def test_sizes_around_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for size in (0, 1, 16383, 16384, 16385, 100_000):
        data = os.urandom(size)
        path.write_bytes(data)
        assert read_bytes(path, limit=100_000) == data
    with pytest.raises(StoreError, match="larger"):
        read_bytes(path, limit=99_999)
    path.write_bytes(b"x" * 100)
    with pytest.raises(StoreError, match="larger"):
        read_bytes(path, limit=99)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("write", "fsync", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space"):
                write_json(path, {"a": 2})
        assert read_json(path) == {"a": 1}
        assert os.listdir(tmp_path) == ["x.json"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    write_bytes(tmp_path / "x", b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


@pytest.mark.parametrize("links", [True, False])
def test_only_one_creates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:

        def no_links(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
    create_bytes(tmp_path / "x", b"first")
    with pytest.raises(FileExistsError):
        create_bytes(tmp_path / "x", b"second")
    assert (tmp_path / "x").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["x"]


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x").startswith("ba7816bf8f01cfea")
