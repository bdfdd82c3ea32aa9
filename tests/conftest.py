"""What every test can rely on."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests name their own runs folder; the one of whoever starts them stays untouched."""
    monkeypatch.delenv("SHARECONSOLE_RUNS", raising=False)
