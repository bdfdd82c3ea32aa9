"""Kill a trainer with SIGKILL at random moments, resume it, and hold it against a run left alone.

As a command, `python -m tests.trainer.killing 200`, it does so 200 times and prints what it saw;
the tests do it a few times. After every kill it checks that no record that was readable before is
gone, and after every resume that everything logged so far equals the uninterrupted run bit for
bit; at the end of a run also the weights, the optimiser and every generator.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from shareconsole import launch
from shareconsole.spec.toml import load_preset
from shareconsole.store.folder import RunFolder
from shareconsole.store.merge import CLOCK
from shareconsole.store.reader import RunLog
from shareconsole.store.record_reader import RecordReader
from shareconsole.store.status import derive_state
from shareconsole.trainer.checkpoint import load_newest

STEPS = 300
OVERRIDES = (
    "network.conv=[4]",
    "network.dense=[8]",
    "method.modules=3",
    "method.nes_samples=3",
    "method.sgd_samples=2",
    f"train.steps={STEPS}",
    "train.eval_every=30",
    "train.checkpoint_every=20",
    "train.assignment_every=5",
    "train.validation_fraction=0.2",
    "device.device=cpu",
)


def new_run(runs: Path) -> RunFolder:
    """A new run folder; nothing trains yet."""
    return launch.create_run(load_preset("digits", OVERRIDES), runs)


def finish(folder: RunFolder) -> None:
    """Start, or resume, and wait for the end."""
    code = launch.start(folder).process.wait()
    assert code == 0, launch.log_tail(folder.log(folder.attempts()[-1]))


def read(folder: RunFolder) -> RunLog:
    """Everything logged so far by a run nobody trains."""
    log = RunLog(folder)
    log.refresh(final=True)
    return log


def difference(run: RunLog, reference: RunLog, *, whole: bool = True) -> str:
    """What differs between a run's records and the reference's; empty if nothing does.

    With `whole` false the run may have ended anywhere before the reference did.
    """
    for table in ("step", "evaluation"):
        rows, wanted = run.table(table), reference.table(table)
        if len(wanted) != len(rows) and (whole or len(rows) > len(wanted)):
            return f"{table}: {len(rows)} rows, {len(wanted)} in the reference"
        wanted = wanted[: len(rows)]
        for column in rows.dtype.names:
            if not column.endswith(CLOCK) and (rows[column].tobytes() != wanted[column].tobytes()):
                return f"{table}.{column}"
    count = len(run.tensor_steps("assignment"))
    if whole and len(reference.tensor_steps("assignment")) != count:
        return f"{count} assignments"
    for index in range(count):
        pair = run.tensor("assignment", index), reference.tensor("assignment", index)
        if pair[0].tobytes() != pair[1].tobytes():
            return f"assignment {index}"
    return ""


def same_state(first: RunFolder, second: RunFolder) -> bool:
    """Whether the last checkpoints of two runs hold the same bits, wall clock aside."""

    def flat(value: object, name: str = "") -> dict[str, object]:
        if isinstance(value, dict):
            return {k: v for n, x in value.items() for k, v in flat(x, f"{name}/{n}").items()}
        if isinstance(value, list | tuple):
            return {k: v for i, x in enumerate(value) for k, v in flat(x, f"{name}/{i}").items()}
        return {name: value.numpy().tobytes() if isinstance(value, torch.Tensor) else value}

    states = []
    for folder in (first, second):
        loaded = load_newest(folder, lambda name, reason: None)
        assert loaded is not None
        states.append(flat({k: v for k, v in loaded[0].items() if k != "elapsed_seconds"}))
    return states[0] == states[1]


def kill_and_resume(runs: Path, num_kills: int, seed: int, say=print) -> int:
    """Kill `num_kills` times at random moments; returns how many steps were logged twice.

    Raises:
        AssertionError: Something was lost or differs.
    """
    chance = random.Random(seed)
    reference_folder = new_run(runs)
    start = time.monotonic()
    finish(reference_folder)
    reference = read(reference_folder)
    assert len(reference.table("step")) == STEPS
    say(f"reference: {STEPS} steps, {time.monotonic() - start:.1f} s with start-up")
    folder, overlap, kills = new_run(runs), 0, 0
    while kills < num_kills:
        trainer = launch.start(folder)
        seen = wait_for_step(folder, chance.randrange(STEPS // 3), trainer)
        time.sleep(chance.random() * 0.05)
        trainer.process.kill()
        killed = trainer.process.wait() != 0
        kills += killed
        log = read(folder)
        steps = log.table("step")["step"]
        last = int(steps[-1]) if len(steps) else 0
        assert np.array_equal(steps, np.arange(1, len(steps) + 1)), "hole in the log"
        assert last >= seen, f"step {seen} was readable, {last} is the last one left"
        found = difference(log, reference, whole=False)
        assert not found, f"kill {kills}: {found} differs from the uninterrupted run"
        assert all(check.identical for check in log.resumes)
        word = derive_state(folder).word
        # The kill may still meet the process after its last word, while Python shuts down.
        assert word == "finished" or (killed and word == "crashed"), word
        overlap += sum(c.overlap_steps for c in log.resumes if c.attempt == folder.attempts()[-1])
        say(f"kill {kills}: at step {len(steps)}, attempt {folder.attempts()[-1]}")
        if word == "finished" or kills == num_kills:
            if word == "crashed":
                finish(folder)
            found = difference(read(folder), reference)
            assert not found, f"{found} differs in the finished run"
            assert same_state(folder, reference_folder), "the final checkpoints differ"
            folder = new_run(runs)
    return overlap


def wait_for_step(folder: RunFolder, ahead: int, trainer: launch.StartedTrainer) -> int:
    """Wait until this attempt has made `ahead` steps, or has ended; returns the last one seen."""
    reader = RecordReader(folder.metrics(trainer.attempt.number))
    while trainer.process.poll() is None and len(steps_of(reader)) < ahead:
        time.sleep(0.005)
    steps = steps_of(reader)
    return int(steps[-1]) if len(steps) else 0


def steps_of(reader: RecordReader) -> np.ndarray:
    """The steps that one attempt has on record by now."""
    reader.poll()
    if reader.schema is None:
        return np.zeros(0, np.int64)
    return np.asarray(reader.rows("step")["step"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        twice = kill_and_resume(Path(directory), arguments.kills, arguments.seed)
    print(
        f"{arguments.kills} of {arguments.kills} resumes bit-identical to the uninterrupted run, "
        f"no acknowledged record lost, {twice} steps logged twice and equal"
    )
