"""Exit codes are an interface."""

from __future__ import annotations

import pytest

from shareconsole import errors
from shareconsole.cli import exits


@pytest.mark.parametrize(
    ("state", "interrupted", "code"),
    [
        ("finished", False, 0),
        ("stopped", False, 0),
        ("stopped", True, 130),
        ("finished", True, 130),
        ("running", True, 130),
        ("failed", False, 1),
        ("failed", True, 1),
        ("crashed", False, 1),
        ("lost", False, 1),
        ("unreadable", False, 1),
    ],
)
def test_of_run(state, interrupted, code):
    assert exits.of_run(state, interrupted=interrupted) == code


def test_of_error():
    problem = errors.Problem("f", None, None, "k", "p")
    codes = {
        errors.ShareconsoleError("x"): 1,
        errors.RunFailedError("x"): 1,
        errors.UsageError("x"): 2,
        errors.PresetError([problem]): 2,
        errors.LockedError("x"): 3,
    }
    assert {error: exits.of_error(error) for error in codes} == codes


def test_of_checks():
    assert exits.of_checks(passed=True) == 0
    assert exits.of_checks(passed=False) == 1
