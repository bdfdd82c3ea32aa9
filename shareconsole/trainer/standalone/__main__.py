"""`python -m shareconsole.trainer.standalone export|predict`: a task from stdin, JSON lines back.

Lines are objects with a "kind": network (of export: the metadata of what was written; of predict:
those of what is run), note (of predict: what people should know), prediction, failure (of one
file), error, and end as the last. Exit codes: 0 done, else as everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from shareconsole.errors import ShareconsoleError

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(argv: list[str] | None = None) -> int:
    """Read the task, do it, answer; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shareconsole.trainer.standalone")
    parser.add_argument("verb", choices=("export", "predict"))
    verb = parser.parse_args(argv).verb
    # There is nothing to bring to an end in order: the file comes last, and whole.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    task = json.loads(sys.stdin.read())
    # Whatever a library prints must not end up among the answers.
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)
        try:
            for message in _export(task) if verb == "export" else _predict(task):
                answers.write(json.dumps(message) + "\n")
                answers.flush()
        except ShareconsoleError as error:
            answers.write(json.dumps({"kind": "error", "message": str(error)}) + "\n")
            return error.exit_code
        answers.write('{"kind": "end"}\n')
    return 0


def _export(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from shareconsole.trainer.standalone.export import Order, export

    yield {"kind": "network", **export(Order(**task))}


def _predict(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from shareconsole.trainer.standalone.predict import predict

    yield from predict(task["model"], task["files"], resize=task["resize"], top=task["top"])


if __name__ == "__main__":
    sys.exit(main())
