from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shareconsole.errors import UsageError
from shareconsole.store.folder import RUN_ID, RunFolder, launch_logs, new_run, open_run, slug

NOW = datetime(2026, 11, 22, 1, 15, 30, tzinfo=UTC)


def test_a_new_run_has_a_name_that_is_an_id(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "runs", "Dynamic [Kernel]  Ähm/../x", NOW)
    assert re.fullmatch(r"20261122-011530-dynamic-kernel-ahm-x-[0-9a-f]{4}", folder.id)
    assert RUN_ID.match(folder.id)
    assert folder.control.is_dir()
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700
    assert open_run(tmp_path / "runs", folder.id) == folder


def test_a_taken_name_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(tokens))
    assert new_run(tmp_path, "x", NOW).id.endswith("-aaaa")
    assert new_run(tmp_path, "x", NOW).id.endswith("-bbbb")


@pytest.mark.parametrize("source", ["", "///", "\x1b]0;x\x07", "é" * 500, "日本", "[/]", "a" * 500])
def test_any_text_makes_a_slug(source: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", slug(source))
    assert not slug(source).endswith("-")


@pytest.mark.parametrize("name", ["", "..", ".", "A", "a/b", "-a", "a" * 81, "a\n", ".trash"])
def test_what_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        open_run(tmp_path, name)


def test_links_and_files_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for name in ("link", "file", "missing"):
        with pytest.raises(UsageError):
            open_run(tmp_path, name)


def test_attempts_are_numbered_over_all_their_files(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.attempts() == []
    assert folder.next_attempt() == 1
    for path in (folder.attempt_json(2), folder.attempt_json(10), folder.log(11)):
        path.touch()
    (tmp_path / "attempt.xyz.json").touch()
    (tmp_path / "attempt.0003.json.tmp").touch()
    assert folder.attempts() == [2, 10]
    assert folder.next_attempt() == 12
    assert RunFolder(tmp_path / "missing").attempts() == []


def test_launch_logs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.launch_log("ab12").touch()
    assert launch_logs(os.listdir(tmp_path)) == ["launch.ab12.txt"]
    with pytest.raises(ValueError, match="token"):
        folder.launch_log("../x")
