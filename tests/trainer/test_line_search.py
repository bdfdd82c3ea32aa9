"""Line searches through the real trainer: what is on record, exact repetition and resume."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from shareconsole.headless.facts import gather
from shareconsole.headless.report import print_report
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.export import write_csv
from tests.trainer.killing import difference, read, same_state

SMALL = (
    "network.conv=[3]",
    "network.dense=[5]",
    "data.train_images=100",
    "data.test_images=100",
    "train.batch_size=8",
    "train.steps=24",
    "train.eval_every=12",
    "train.checkpoint_every=8",
    "step_size.verify_every=3",
    "device.device=cpu",
)
NAMES = ("step_size", "trials", "trial_share")


@pytest.fixture
def make(make_run):
    return lambda *overrides: make_run(*overrides, preset="digits-linesearch", small=SMALL)


def test_every_step_records_size_trials_and_share(make, train):
    folder = make()
    assert train(folder) == 0
    rows = read(folder).table("step")
    size, trials, share = (rows[name] for name in NAMES)
    assert ((size >= 0) & (size <= 1)).all()
    assert size[0] == np.float32(0.3)
    assert (size[1:] <= 2 * size[:-1] + (size[:-1] == 0)).all()
    assert (trials == trials.round()).all()
    assert (trials >= 1).all()
    assert (trials[::3] >= 2).all()
    assert ((share > 0) & (share < 1)).all()


def test_a_constant_rule_records_nothing_of_the_kind(make_run, train):
    folder = make_run("train.steps=2", "train.eval_every=2")
    assert train(folder) == 0
    assert not {*NAMES} & {*read(folder).table("step").dtype.names}


def test_resumed_equals_uninterrupted_bit_for_bit(make, train):
    folder, reference = make(), make("train.steps=32")
    for each in (folder, reference):
        assert train(each) == 0
    # From step 16, the middle of the run: the steps after it are made again.
    (checkpoint_directories(folder)[0] / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "32") == 0
    run = read(folder)
    (check,) = run.resumes
    assert (check.from_step, check.overlap_steps, check.identical) == (16, 8, True)
    assert difference(run, read(reference)) == ""
    assert same_state(folder, reference)


def test_the_numbers_are_exported(make, train):
    folder = make("train.steps=3", "train.eval_every=3")
    assert train(folder) == 0
    text = io.StringIO()
    write_csv(read(folder), text)
    rows = [*csv.DictReader(io.StringIO(text.getvalue()))]
    assert len(rows) == 3
    logged = read(folder).table("step")["step_size"]
    assert [np.float32(row["step_size"]) for row in rows] == logged.tolist()
    assert all(float(row["trial_share"]) > 0 for row in rows)


def test_show_sums_up_the_last_steps(make, make_run, train):
    folder = make("step_size.max_trials=2", "step_size.initial_step=1.0")
    assert train(folder) == 0
    rows = read(folder).table("step")
    facts = gather(folder).step_size
    assert facts.steps == 24
    refused = int((rows["step_size"] == 0).sum())
    assert facts.refused == refused
    sizes = rows["step_size"][rows["step_size"] > 0]
    assert facts.step_size == pytest.approx(np.median(sizes))
    assert facts.trials == pytest.approx(rows["trials"].mean())
    assert gather(folder).to_json()["step_size"]["refused"] == refused
    stream = io.StringIO()
    print_report(Console(file=stream, width=100), gather(folder))
    (line,) = [text for text in stream.getvalue().splitlines() if text.startswith("Step size")]
    assert line.startswith(f"Step size, last 24 steps: median {facts.step_size:.3g}, ")
    assert line.rstrip().endswith(f"% of the time, {refused} refused" if refused else "the time")
    constant = make_run("train.steps=2", "train.eval_every=2")
    assert train(constant) == 0
    assert gather(constant).step_size is None
