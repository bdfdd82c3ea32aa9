"""What every test can rely on."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tests name their own folders; those of whoever starts them stay untouched.

    The real data sets are found by the tests that want them before this hides them.
    """
    monkeypatch.delenv("SHARECONSOLE_RUNS", raising=False)
    monkeypatch.delenv("SHARECONSOLE_DATA", raising=False)
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path_factory.getbasetemp() / "no-cache"))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for files of data sets, found as the user's is, and a cache of its own."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SHARECONSOLE_DATA", str(folder))
    monkeypatch.setenv("SHARECONSOLE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> pytest.MonkeyPatch:
    """Something to compile with, or the test is skipped; what is compiled stays with the tests."""
    import torch

    from shareconsole.errors import UsageError
    from shareconsole.sharing.compiling import compiler_of

    cache = tmp_path_factory.getbasetemp() / "compiled"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(cache))
    try:
        compiler_of(torch.device("cpu"))
    except UsageError as error:
        pytest.skip(str(error))
    return monkeypatch
