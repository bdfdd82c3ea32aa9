from __future__ import annotations

from pathlib import Path

import pytest

from shareconsole.store.atomic import StoreError, write_json
from shareconsole.store.attempts import (
    AttemptExit,
    end_attempt,
    read_attempt,
    read_attempts,
    update_attempt,
)
from shareconsole.store.process import this_process
from tests.store.builders import WHEN, a_folder, an_attempt


def test_an_attempt_from_claim_to_exit(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    attempt = an_attempt(folder, resume_from_step=None)
    assert read_attempt(folder, 1) == attempt
    assert attempt.process == this_process()
    with pytest.raises(FileExistsError):
        an_attempt(folder)
    update_attempt(folder, attempt)
    ended = end_attempt(folder, attempt, AttemptExit(1, "failed", 12, "loss is NaN", WHEN))
    assert read_attempts(folder) == [ended]
    assert ended.exit is not None
    assert ended.exit.step == 12


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2},
        {"pid": 0},
        {"argv": "python"},
        {"exit": 3},
        {"exit": {"code": 0, "reason": "vanished", "step": 1, "error": "", "ended": WHEN}},
        {"started": 0},
        {"allow_inexact": 1},
    ],
)
def test_a_damaged_attempt_is_a_store_error(tmp_path: Path, change: dict[str, object]) -> None:
    folder = a_folder(tmp_path)
    attempt = an_attempt(folder)
    write_json(folder.attempt_json(1), attempt.to_json() | change)
    with pytest.raises(StoreError, match=next(iter(change))):
        read_attempt(folder, 1)
    assert read_attempts(folder) == []
