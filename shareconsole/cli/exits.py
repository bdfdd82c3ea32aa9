"""Every exit code of the command line, decided here and nowhere else."""

from __future__ import annotations

from enum import IntEnum

from shareconsole.errors import ShareconsoleError


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOCKED = 3
    INTERRUPTED = 130
    TERMINATED = 143


_FAILED_WORDS = frozenset({"failed", "crashed", "lost", "unreadable"})


def of_error(error: ShareconsoleError) -> int:
    """Return the exit code of a command that an error ended."""
    return error.exit_code


def of_run(state: str, *, interrupted: bool) -> int:
    """Return the exit code of a command that followed a run to the end of its following.

    Args:
        state: the run's state when the command stopped following.
        interrupted: whether the person in front of this command pressed Ctrl-C. A run that somebody
            else asked to stop ended as it was asked to, which is no failure.
    """
    if state in _FAILED_WORDS:
        return Exit.FAILED
    return Exit.INTERRUPTED if interrupted else Exit.OK


def of_checks(*, passed: bool) -> int:
    """Return the exit code of a command that checked something."""
    return Exit.OK if passed else Exit.FAILED
