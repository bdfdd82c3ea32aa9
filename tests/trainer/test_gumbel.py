"""Gumbel allocation through the real trainer: records, exact repetition and resume, learning."""

from __future__ import annotations

import math

import numpy as np
import torch

from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.trainer.build import build_experiment
from shareconsole.trainer.evaluate import evaluate
from tests.trainer.killing import difference, read, same_state

SMALL = (
    "network.conv=[3]",
    "network.dense=[5]",
    "method.components=3",
    "train.batch_size=4",
    "train.steps=24",
    "train.eval_every=12",
    "train.checkpoint_every=8",
    "train.assignment_every=6",
    "device.device=cpu",
)
KINDS = ("allocation", "connection")


def same_tensors(run, reference) -> bool:
    """Whether two runs recorded the same bits of both kinds of tensors."""
    return all(
        run.tensor_steps(kind).tolist() == reference.tensor_steps(kind).tolist()
        and all(
            run.tensor(kind, i).tobytes() == reference.tensor(kind, i).tobytes()
            for i in range(len(reference.tensor_steps(kind)))
        )
        for kind in KINDS
    )


def test_a_run_records_allocations_and_what_sums_them_up(make_run, train):
    folder = make_run("train.validation_fraction=0.2", preset="digits-gumbel", small=SMALL)
    assert train(folder) == 0
    log = read(folder)
    rows = log.table("evaluation")
    assert rows["step"].tolist() == [12, 24]
    np.testing.assert_allclose(rows["temperature"], 50 / np.sqrt([49, 97]), rtol=1e-6)
    assert ((rows["entropy"] > 0) & (rows["entropy"] < math.log(2))).all()
    assert np.isfinite(rows["validation_macro_error"]).all()
    assert len(log.tensor_steps("assignment")) == 0
    for kind in KINDS:
        assert log.tensor_steps(kind).tolist() == [0, 6, 12, 18, 24]
        assert log.tensor(kind).shape == (2, 4, 3)
        assert log.tensor_axes(kind)[::2] == (("conv1", "dense1"), ("a", "b", "c"))
    np.testing.assert_allclose(log.tensor("connection", 0), 0.5)
    assert np.array_equal(log.tensor("allocation"), log.tensor("connection") >= 0.5)
    active = log.tensor("allocation").sum(2).mean()
    assert rows["active_components"][-1] == np.float32(active)


def test_resumed_equals_uninterrupted_bit_for_bit_and_another_seed_does_not(make_run, train):
    def make(*overrides):
        return make_run("method.l2_weight=0.001", *overrides, preset="digits-gumbel", small=SMALL)

    folder, reference, other = make(), make("train.steps=32"), make("run.seed=1")
    for each in (folder, reference, other):
        assert train(each) == 0
    # From step 16, the middle of the run: the steps after it are made again.
    (checkpoint_directories(folder)[0] / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "32") == 0
    run = read(folder)
    (check,) = run.resumes
    assert (check.from_step, check.overlap_steps, check.identical) == (16, 8, True)
    assert difference(run, read(reference)) == ""
    assert same_tensors(run, read(reference))
    assert same_state(folder, reference)
    assert difference(read(other), run, whole=False).startswith("step.loss")


PLANTED = """
[data]
name = "planted"
groups = 2
tasks_per_group = 2
[network]
name = "mlp"
widths = [24, 16]
[method]
name = "gumbel"
components = 3
router_learning_rate = 0.02
[train]
learning_rate = 0.01
[device]
device = "cpu"
"""


def test_the_loss_falls_on_planted_groups(tmp_path):
    path = tmp_path / "planted-gumbel.toml"
    path.write_text(PLANTED)
    experiment = build_experiment(load_preset(str(path)).preset, torch.device("cpu"))
    method = experiment.method
    losses = [
        float(method.step(experiment.sampler, experiment.step_size, Stopwatch()).loss_T.mean())
        for _ in range(60)
    ]
    assert np.mean(losses[:5]) > 2.0
    assert np.mean(losses[-10:]) < 1.0
    scores = evaluate(experiment, lambda: None)
    assert scores["macro_error"] < 0.4
    assert scores["entropy"] < 0.65
    assert -1 <= scores["rand_index.dense1"] <= 1
