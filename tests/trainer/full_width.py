"""Every shipped preset at its full width: a few steps, a checkpoint, and one step more.

`python -m tests.trainer.full_width [--only PRESET ...] [--steps N] [--set KEY=VALUE ...]` makes a
run of each preset as it is shipped: network, modules, samples, tasks, batch, image size and all
images are the preset's. After N steps the trainer is asked to stop, which saves a checkpoint; it is
started again for one more step, at the end of which it tests on all test images. Only these differ
from the preset: it trains on the CPU, and a stage that another one follows lasts for one step. A
small preset makes more steps than N before it hears that it shall stop.

Where the official files of a preset are not to be found, such files are made up, with as many
images as were published. Each trainer is a process of its own, which tells its memory; more than
20 % over what the run was predicted to take is a failure.

What passed is kept in a file until everything has, so after an interruption or a failure the same
command goes on there; `--again` begins anew. The exit code is 1 if any preset failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shareconsole import launch
from shareconsole.errors import DataDamaged, DataMissing, ShareconsoleError
from shareconsole.files.places import DATA_VARIABLE
from shareconsole.headless.requests import ask_to_stop
from shareconsole.spec.checks import predict
from shareconsole.spec.memory import memory
from shareconsole.spec.preset import Preset
from shareconsole.spec.source import shipped_folder
from shareconsole.spec.toml import LoadedPreset, load_preset
from shareconsole.store.checkpoints import newest_checkpoint
from shareconsole.store.folder import RunFolder
from shareconsole.trainer.columns import PARTS
from tests.datasets.published import write_published
from tests.trainer.killing import read, wait_for_step
from tests.trainer.peaking import COMMAND, peak_bytes

NAMES = sorted(path.stem for path in shipped_folder().glob("*.toml"))
MOST_OVER = 1.2
"""Most that a process may take, relative to what was predicted."""
LOG_LINES = 200


class FailedError(Exception):
    """A preset did not do what it should; the message says what."""


@dataclass
class Row:
    """What one preset came to; what is not known is None.

    Attributes:
        preset: its name.
        data: "real", "generated", or "built in" where no file is needed.
        steps: steps made, the resumed one included.
        step_seconds: median of them, without tests, records and checkpoints.
        test_seconds: the test after the last step.
        chunk: tasks computed together, and how many there are.
        predicted_bytes: memory of the process that was predicted for this many at a time.
        peak_bytes: what the trainer, or the resumed one if that was more, took.
        failure: empty if all went well.
    """

    preset: str
    data: str = ""
    steps: int | None = None
    step_seconds: float | None = None
    test_seconds: float | None = None
    chunk: str = ""
    predicted_bytes: int | None = None
    peak_bytes: int | None = None
    failure: str = ""


class Files:
    """The official files that presets need: the user's, or made up where those are not there."""

    def __init__(self, made_up: Path) -> None:
        self._made_up = made_up
        self._own = os.environ.get(DATA_VARIABLE)

    def prepare(self, name: str, overrides: Sequence[str]) -> tuple[LoadedPreset, str]:
        """Make files be found, now and by trainers; returns the preset and what they are."""
        self._look_in(self._own)
        loaded = load_preset(name, overrides)
        sources = loaded.preset.data.sources()
        if not sources:
            return loaded, "built in"
        try:
            loaded.preset.data.check_files()
        except (DataMissing, DataDamaged) as error:
            print(f"{name}: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        else:
            return loaded, "real"
        for source in sources:
            if not (self._made_up / source).exists():
                write_published(self._made_up, source)
        self._look_in(str(self._made_up))
        loaded = load_preset(name, [*overrides, "data.verify=form"])
        loaded.preset.data.check_files()
        return loaded, "generated"

    @staticmethod
    def _look_in(folder: str | None) -> None:
        os.environ.pop(DATA_VARIABLE, None)
        if folder is not None:
            os.environ[DATA_VARIABLE] = folder


def overrides_of(name: str, more: Sequence[str]) -> list[str]:
    """What a run needs beside its preset: the CPU, and short stages."""
    stages = load_preset(name).preset.method.stages()
    short = [f"method.{stage.option}={step}" for step, stage in enumerate(stages) if step]
    return ["device.device=cpu", *short, *more]


def attempt(folder: RunFolder, steps: int | None = None, until: int | None = None) -> str:
    """Train, all the way or until a number of steps are on record; returns what was printed.

    Raises:
        FailedError: the trainer ended with an error.
    """
    trainer = launch.start(folder, steps, command=COMMAND)
    try:
        if until is not None:
            wait_for_step(folder, until, trainer)
            if trainer.process.poll() is None:
                ask_to_stop(folder, now=False)
        code = trainer.process.wait()
    finally:
        trainer.process.kill()  # somebody had enough; a trainer outlives whoever started it
    output = launch.log_tail(folder.log(trainer.attempt.number), LOG_LINES)
    if code:
        raise FailedError(f"the trainer ended with {code}: {output}")
    return output


def predicted_bytes(preset: Preset, tasks: int) -> int:
    """Memory of a trainer that computes so many tasks at a time."""
    return memory(preset, preset.data.shape(), predict(preset).parameters, tasks).process_bytes


def train(row: Row, loaded: LoadedPreset, steps: int, runs: Path) -> None:
    """Make the run of a preset, and note what it came to.

    Raises:
        FailedError: something is not as it should be.
        ShareconsoleError: there was no room, or the trainer did not come up.
    """
    preset = loaded.preset
    launch.check_room(preset, runs)
    folder = launch.create_run(loaded, runs)
    # Asked for during the last but one step, a stop comes after the last.
    output = attempt(folder, until=steps - 1)
    first = newest_checkpoint(folder)
    if not first:
        raise FailedError(f"no checkpoint after a stop: {output}")
    last = max(first, steps) + 1
    tasks = preset.data.shape().num_tasks
    found = re.search(r"\((\d+) at a time\)", output)
    chunk = int(found[1]) if found else tasks
    row.chunk = f"{chunk} of {tasks}"
    row.predicted_bytes = predicted_bytes(preset, chunk)
    row.peak_bytes = peak_bytes(output)
    resumed = attempt(folder, last)
    peaks = [peak_bytes(output), peak_bytes(resumed)]
    if None in peaks:
        raise FailedError(f"a trainer did not tell its memory: {resumed}")
    row.peak_bytes = max(peaks)
    log = read(folder)
    made, tested = log.table("step"), log.table("evaluation")
    row.steps = len(made)
    row.step_seconds = float(np.median(sum(made[f"{part}_seconds"] for part in PARTS[:-1])))
    row.test_seconds = float(tested["elapsed_seconds"][-1] - made["elapsed_seconds"][-1])
    if made["step"].tolist() != [*range(1, last + 1)] or newest_checkpoint(folder) != last:
        raise FailedError(f"not every step to {last} is on record, or the last one is not saved")
    if tested["step"][-1] != last or not math.isfinite(tested["macro_error"][-1]):
        raise FailedError("the last step was not tested, or its error is no number")
    if row.peak_bytes > MOST_OVER * row.predicted_bytes:
        raise FailedError("takes more memory than predicted")


def attend(name: str, arguments: argparse.Namespace, files: Files) -> Row:
    """Put one preset through it all; whatever goes wrong is in the row."""
    row = Row(name)
    try:
        loaded, row.data = files.prepare(name, overrides_of(name, arguments.set))
        # Checkpoints of the widest take 3 GB each, so a run goes before the next one comes.
        with tempfile.TemporaryDirectory() as runs:
            train(row, loaded, arguments.steps, Path(runs))
    except (FailedError, ShareconsoleError) as error:
        row.failure = str(error)
        print(f"{name}: {row.failure}", file=sys.stderr, flush=True)
    return row


def line(row: Row) -> str:
    """One row of the table."""

    def seconds(value: float | None) -> str:
        return "" if value is None else f"{value:,.{2 if value < 100 else 0}f}"

    def mebibytes(value: int | None) -> str:
        return "" if value is None else f"{value / 2**20:,.0f}"

    over = ""
    if row.predicted_bytes and row.peak_bytes:
        over = f"{row.peak_bytes / row.predicted_bytes:.2f}"
    cells = [
        row.preset,
        row.data,
        "" if row.steps is None else f"{row.steps:,}",
        seconds(row.step_seconds),
        seconds(row.test_seconds),
        row.chunk,
        mebibytes(row.predicted_bytes),
        mebibytes(row.peak_bytes),
        over,
        "FAILED" if row.failure else "ok",
    ]
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| preset | data | steps | s per step | s to test | tasks at a time | predicted MiB "
    "| measured MiB | ratio | |\n|---|---|---|---|---|---|---|---|---|---|"
)


def read_rows(path: Path) -> dict[str, Row]:
    """What passed before."""
    if not path.exists():
        return {}
    rows = [Row(**json.loads(text)) for text in path.read_text("utf-8").splitlines()]
    return {row.preset: row for row in rows}


def main(argv: Sequence[str] | None = None) -> int:
    """Put presets through it and print the table; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="PRESET", default=NAMES)
    parser.add_argument("--steps", type=int, default=2, help="before the resume, at least 2")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--kept", type=Path, default=Path("build", "full-width.jsonl"))
    parser.add_argument("--again", action="store_true", help="also what passed before")
    arguments = parser.parse_args(argv)
    if arguments.steps < 2:
        parser.error("--steps: at least 2")
    if arguments.again:
        arguments.kept.unlink(missing_ok=True)
    arguments.kept.parent.mkdir(parents=True, exist_ok=True)
    rows = read_rows(arguments.kept)
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as made_up:
        files = Files(Path(made_up))
        for name in arguments.only:
            if name not in rows:
                rows[name] = attend(name, arguments, files)
                if not rows[name].failure:
                    with arguments.kept.open("a", encoding="utf-8") as kept:
                        kept.write(json.dumps(dataclasses.asdict(rows[name])) + "\n")
            print(line(rows[name]), flush=True)
    failed = [rows[name] for name in arguments.only if rows[name].failure]
    print(f"\n{len(arguments.only) - len(failed)} of {len(arguments.only)} presets ok")
    if not failed:
        arguments.kept.unlink(missing_ok=True)
    return 1 if failed else 0


if __name__ == "__main__":
    # Or a trainer of many gigabytes would go on without us.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
