"""Where the numbers of studies are kept: tables in `presets/studies`, one file per study."""

from __future__ import annotations

import csv
import fcntl
import io
from collections import defaultdict
from pathlib import Path

import numpy as np

KEPT = Path(__file__).parents[2] / "presets" / "studies"


def kept(script: str) -> Path:
    """The file of the study whose `__file__` this is."""
    return KEPT / f"{Path(script).stem}.csv"


class Table:
    """Numbers by (part, case, variant, seed, name), kept in a file as they come.

    Raises:
        SystemExit: another process measures for the same file; each would write every number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", newline="", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"{path}: another study is at it; wait, or take a --csv") from None
        self.values: dict[tuple[str, str, str, int], dict[str, float]] = defaultdict(dict)
        with path.open(newline="", encoding="utf-8") as file:
            for part, case, variant, seed, name, value in csv.reader(file):
                self.values[part, case, variant, int(seed)][name] = float(value)

    def add(self, part: str, case: str, variant: str, seed: int, found: dict[str, float]) -> None:
        """Keep what one measurement found; it is written whole."""
        self.values[part, case, variant, seed] |= found
        lines = [(part, case, variant, seed, name, f"{x:.6g}") for name, x in found.items()]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        self._file.write(text.getvalue())
        self._file.flush()
        print(part, case, variant, seed, {n: round(x, 4) for n, x in found.items()}, flush=True)

    def column(self, part: str, case: str, variant: str, name: str) -> np.ndarray:
        """One number over all seeds there are."""
        keys = [key for key in sorted(self.values) if key[:3] == (part, case, variant)]
        return np.array([self.values[key][name] for key in keys])
