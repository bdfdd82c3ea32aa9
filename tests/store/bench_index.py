"""What a list of runs costs: ``python tests/store/bench_index.py [RUNS]``.

Makes synthetic runs, a tenth of them alive and a tenth crashed, and prints the seconds of
``list_runs``, cold in Python but warm in the page cache.
"""

from __future__ import annotations

import collections
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shareconsole.store.index import list_runs
from tests.store.synthetic import synthetic_runs


def main(num_runs: int = 2000) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(scratch) / "runs"
        synthetic_runs(runs, num_runs)
        for name in ("first", "warm", "warm"):
            start = time.perf_counter()
            rows = list_runs(runs)
            seconds = time.perf_counter() - start
            print(f"{name}: {len(rows):,} runs in {seconds:.3f} s")
        print(dict(collections.Counter(row.state for row in rows)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
