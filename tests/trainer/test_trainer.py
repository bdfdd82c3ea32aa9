"""A whole run through the trainer's own entry point: what it records, and that it repeats."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shareconsole.store.attempts import read_attempt, update_attempt
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.heartbeat import read_heartbeat
from shareconsole.store.index import summarise
from shareconsole.store.status import derive_state, read_status
from shareconsole.trainer.columns import module_name
from shareconsole.trainer.loop import Trainer
from tests.trainer.conftest import SMALL
from tests.trainer.killing import difference, kill_and_resume, read, same_state
from tests.trainer.watching import kinds, statuses


def test_a_run_leaves_everything_it_did_on_record(make_run, train):
    folder = make_run("train.validation_fraction=0.2")
    assert train(folder) == 0
    log = read(folder)
    steps = log.table("step")
    assert steps["step"].tolist() == list(range(1, 41))
    tasks = [task["name"] for task in log.meta["tasks"]]
    assert tasks == ["upright-1", "upright-2", "rotated-1", "rotated-2"]
    expected = [f"loss.{t}" for t in tasks] + [f"fitness.{j}" for j in range(3)]
    parts = [f"{p}_seconds" for p in ("data", "nes", "sgd", "logging", "elapsed")]
    assert list(steps.dtype.names) == ["step", *expected, "gradient_norm", *parts]
    assert all(np.isfinite(steps[name]).all() for name in steps.dtype.names)
    assert (steps["gradient_norm"] > 0).all()
    assert (np.diff(steps["elapsed_seconds"]) > 0).all()
    rows = log.table("evaluation")
    assert rows["step"].tolist() == [20, 40]
    macro = np.mean([rows[f"test_error.{t}"] for t in tasks], axis=0)
    np.testing.assert_allclose(rows["macro_error"], macro, rtol=1e-6)
    assert "validation_error.upright-1" in rows.dtype.names
    assert (rows["entropy"] <= math.log(2) + 1e-6).all()
    assert log.tensor_steps("assignment").tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    pi = log.tensor("assignment")
    assert pi.shape == (2, 4, 2)
    np.testing.assert_allclose(log.tensor("assignment", 0), 0.5)
    np.testing.assert_allclose(pi.sum(2), 1, rtol=1e-6)
    assert log.tensor_axes("assignment") == (("conv1", "dense1"), tuple(tasks), ("a", "b"))
    assert [(u["name"], u["sharing"], u["modules"]) for u in log.meta["units"]] == [
        ("conv1", "routed", 2),
        ("dense1", "routed", 2),
    ]
    status = read_status(folder)
    assert (status.step, status.steps) == (40, 40)
    assert status.macro_error == pytest.approx(rows["macro_error"][-1], abs=1e-6)
    assert derive_state(folder).word == "finished"
    assert kinds(folder) == ["attempt_started", *["checkpoint_saved"] * 4, "finished"]
    assert [d.name for d in checkpoint_directories(folder)] == [
        "000000040",
        "000000030",
        "000000020",
    ]
    assert read_heartbeat(folder).step == 40


def test_a_method_without_population_logs_none(make_run, train):
    small = tuple(override for override in SMALL if not override.startswith("method."))
    folder = make_run(preset="digits-full", small=small)
    assert train(folder) == 0
    log = read(folder)
    assert not [name for name in log.table("step").dtype.names if name.startswith("fitness")]
    assert not [name for name in log.table("evaluation").dtype.names if name == "entropy"]
    assert len(log.tensor_steps("assignment")) == 0


def test_planted_groups_are_judged_per_unit(make_run, train):
    small = ("train.steps=6", "train.eval_every=3", "method.nes_samples=2", "method.sgd_samples=1")
    folder = make_run(preset="planted", small=small)
    assert train(folder) == 0
    rows = read(folder).table("evaluation")
    for unit in ("dense1", "dense2"):
        values = rows[f"rand_index.{unit}"]
        assert ((values >= -1) & (values <= 1)).all()


def test_same_seed_same_bits_and_another_seed_others(make_run, train):
    first, again, other = make_run(), make_run(), make_run("run.seed=1")
    for folder in (first, again, other):
        assert train(folder) == 0
    assert difference(read(first), read(again)) == ""
    assert same_state(first, again)
    assert difference(read(first), read(other)) == "step.loss.upright-1"


def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    twice = kill_and_resume(tmp_path / "runs", 3, seed=1, say=lambda text: None)
    assert twice > 0  # else nothing was compared


def test_a_finished_run_trained_longer_equals_a_long_run(make_run, train):
    folder, reference = make_run(), make_run("train.steps=60")
    assert train(folder) == 0
    assert train(folder) == 2  # nothing left to train, and nothing recorded of the attempt
    assert folder.attempts() == [1]
    assert train(folder, "--steps", "60") == 0
    assert train(reference) == 0
    assert difference(read(folder), read(reference)) == ""
    assert same_state(folder, reference)
    assert [read_attempt(folder, n).steps for n in (1, 2)] == [40, 60]


def test_a_run_killed_after_its_last_checkpoint_can_still_finish(make_run, train):
    folder = make_run()
    assert train(folder) == 0
    attempt = read_attempt(folder, 1)
    update_attempt(folder, replace(attempt, exit=None, start_ticks=1))
    assert derive_state(folder).word == "crashed"
    assert train(folder) == 0
    assert derive_state(folder).word == "finished"
    assert len(read(folder).table("step")) == 40


def test_the_best_error_is_told_as_it_is_on_record(make_run, train):
    folder = make_run("train.eval_every=2")
    assert train(folder) == 0
    errors = read(folder).table("evaluation")["macro_error"]
    status = read_status(folder)
    assert (status.macro_error, status.best_macro_error) == (errors[-1], errors.min())
    assert summarise(folder).best_macro_error == errors.min()


def test_a_resume_from_below_the_best_evaluation_forgets_it(make_run, train, monkeypatch):
    """Until it is reached again: at every step it is what it would be without the break."""
    folder = make_run("train.eval_every=2", "train.steps=24", "train.checkpoint_every=8")
    assert train(folder) == 0
    whole = read_status(folder)
    for directory in checkpoint_directories(folder)[:2]:
        (directory / "state.pt").write_bytes(b"")
    told = statuses(folder, monkeypatch)
    assert train(folder, "--steps", "26") == 0
    rows = read(folder).table("evaluation")
    assert read(folder).resumes[0].identical
    assert (told[0].step, told[-1].step) == (8, 26)
    assert told[0].best_macro_error > whole.best_macro_error  # else nothing was forgotten
    for status in told:
        until = rows["macro_error"][rows["step"] <= status.step]
        assert (status.macro_error, status.best_macro_error) == (until[-1], until.min())
    assert whole.best_macro_error in {s.best_macro_error for s in told if s.step == 24}


def test_logging_a_step_behind_the_device_logs_the_same(make_run, train, monkeypatch):
    # What a GPU run does; checkpoint and evaluation come at steps that are no multiples of a lot.
    overrides = ("train.eval_every=7", "train.checkpoint_every=9")
    plain, behind = make_run(*overrides), make_run(*overrides)
    assert train(plain) == 0
    start, most = Trainer.__init__, []

    def overlapping(self, *arguments):
        start(self, *arguments)
        self._overlaps = True

    log = Trainer._log_steps

    def counting(self, all_but=0):
        most.append(len(self._made))
        return log(self, all_but)

    monkeypatch.setattr(Trainer, "__init__", overlapping)
    monkeypatch.setattr(Trainer, "_log_steps", counting)
    assert train(behind) == 0
    assert max(most) == 2
    assert difference(read(behind), read(plain)) == ""


def test_another_aim_is_no_difference(make_run, train):
    """The first attempt evaluates at its last step, 40; the second passes that step by."""
    folder = make_run("train.eval_every=30")
    assert train(folder) == 0
    (checkpoint_directories(folder)[0] / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "60") == 0
    check = read(folder).resumes[0]
    assert (check.from_step, check.overlap_steps, check.identical) == (30, 10, True)


def test_modules_are_named_by_letters():
    assert [module_name(i) for i in (0, 1, 25, 26, 27, 701, 702)] == [
        "a", "b", "z", "aa", "ab", "zz", "aaa",
    ]  # fmt: skip
