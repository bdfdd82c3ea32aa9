"""`python -m tests.trainer.peaking RUN_FOLDER`: a trainer that says how much memory it ever had.

The kernel keeps that number until the process ends, so it has to tell it itself.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from shareconsole.trainer.__main__ import main

COMMAND = (sys.executable, "-m", "tests.trainer.peaking")
_LAST_WORD = "most resident memory: {} kB"


def peak_bytes(output: str) -> int | None:
    """What the trainer said at its end; None if it did not come to that."""
    found = re.search(_LAST_WORD.format(r"(\d+)") + r"\s*\Z", output)
    return 1024 * int(found[1]) if found else None


def _most_resident_kb() -> str:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    print(_LAST_WORD.format(_most_resident_kb()), flush=True)
    sys.exit(code)
