"""Command lines that this program tells people to type."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def default_runs() -> Path:
    """Return the folder of all runs where none is named; it need not exist."""
    return Path(os.environ.get("SHARECONSOLE_RUNS") or "runs").expanduser()


def runs_words(runs_dir: Path) -> list[str]:
    """Return the words that lead a command to a runs folder; none where it goes by itself."""
    if runs_dir.absolute() == default_runs().absolute():
        return []
    return ["--runs", str(runs_dir)]


def command(verb: str, run: Path, *more: str) -> str:
    """Return the line that carries out a command on a run, from where this process was started.

    Args:
        verb: such as ``resume``.
        run: the run's folder.
        more: further words.
    """
    return shlex.join(["shareconsole", verb, run.name, *more, *runs_words(run.parent)])
