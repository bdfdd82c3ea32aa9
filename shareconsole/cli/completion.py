"""What the shell may complete: preset names and run ids.

A completion runs on every press of the tab key, so this looks at file names only and needs nothing
but typer and the standard library.
"""

from __future__ import annotations

import os
from pathlib import Path

import typer


def complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the runs that begin as typed, newest first, and ``latest``."""
    from shareconsole.store.folder import RUN_ID

    folder = Path(
        ctx.params.get("runs") or os.environ.get("SHARECONSOLE_RUNS") or "runs"
    ).expanduser()
    names = sorted((name for name in _names(folder) if RUN_ID.match(name)), reverse=True)
    return [name for name in ["latest", *names] if name.startswith(incomplete)]


def complete_preset(incomplete: str) -> list[str]:
    """Return the names of the presets in ./presets and of the shipped ones."""
    names = {
        name.removesuffix(".toml")
        for folder in (Path("presets"), _shipped_presets())
        for name in _names(folder)
        if name.endswith(".toml") and not name.startswith(".")
    }
    return sorted(name for name in names if name.startswith(incomplete))


def _shipped_presets() -> Path:
    # As in spec.source, which needs pydantic and so costs more than all of a completion may.
    package = Path(__file__).resolve().parent.parent
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "presets"


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # no such folder, or not ours to read: then there is nothing to complete
        return []


def complete_file_set(incomplete: str) -> list[str]:
    """Return the names of the sets of published files."""
    from shareconsole.files.known import FILE_SETS

    return [name for name in FILE_SETS if name.startswith(incomplete)]
