"""Which runs there are, from one look at their folder."""

from __future__ import annotations

import os
from pathlib import Path

from shareconsole.store.folder import RUN_ID


def run_names(runs_dir: Path) -> list[str]:
    """The names of run folders, newest first by the time in their ids, those without one last.

    Raises:
        OSError: the folder is not there or cannot be listed.
    """
    is_id = RUN_ID.match
    with os.scandir(runs_dir) as entries:
        names = [
            entry.name
            for entry in entries
            if is_id(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    names.sort(reverse=True)
    names.sort(key=lambda name: not (name[8:9] == "-" and name[:8].isdigit()))
    return names
