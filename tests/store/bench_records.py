"""What logging costs: ``python tests/store/bench_records.py [ROWS] [COLUMNS]``.

Prints CPU microseconds per ``row()`` and seconds to load the log again.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shareconsole.store.records import LogSchema, RecordReader, RecordWriter, TableSchema


def main(num_rows: int = 1_000_000, num_columns: int = 62) -> None:
    columns = tuple((f"loss.{i}", "f4") for i in range(num_columns))
    evaluation = TableSchema("evaluation", (("macro_error", "f8"),))
    schema = LogSchema(1, 0, (TableSchema("step", columns), evaluation))
    values = [0.125 * i for i in range(num_columns)]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "metrics.0001.rec"
        cpu, wall = time.process_time(), time.perf_counter()
        with RecordWriter(path, schema) as writer:
            for step in range(1, num_rows + 1):
                writer.row("step", step, values)
                if step % 200 == 0:
                    writer.row("evaluation", step, [0.5])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        size = path.stat().st_size
        print(f"{num_rows:,} rows of {num_columns} f4, {size / 1e6:.0f} MB")
        print(f"row(): {cpu / num_rows * 1e6:.1f} us CPU, {wall / num_rows * 1e6:.1f} us wall")
        for name in ("load", "again"):
            start = time.perf_counter()
            reader = RecordReader(path)
            reader.poll(final=True)
            rows = reader.rows("step")
            print(f"{name}: {len(rows):,} rows in {time.perf_counter() - start:.2f} s")
        assert len(rows) == num_rows
        assert reader.damage.skipped_bytes == reader.damage.torn_bytes == 0


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
