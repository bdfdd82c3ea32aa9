"""Branched networks through the real trainer: two stages on record, exact resume in each."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.headless.networks import gather_networks
from shareconsole.spec.checks import predict
from shareconsole.spec.toml import load_preset
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.events import read_events
from tests.trainer.killing import difference, read, same_state

SMALL = (
    "network.conv=[3]",
    "network.dense=[5]",
    "method.single_task_steps=16",
    "method.probe_images=40",
    "train.batch_size=4",
    "train.steps=32",
    "train.eval_every=12",
    "train.checkpoint_every=8",
    "train.assignment_every=6",
    "device.device=cpu",
)


def same_tensors(run, reference) -> bool:
    """Whether two runs recorded the same bits of both kinds of tensors."""
    return all(
        run.tensor_steps(kind).tolist() == reference.tensor_steps(kind).tolist()
        and all(
            run.tensor(kind, i).tobytes() == reference.tensor(kind, i).tobytes()
            for i in range(len(reference.tensor_steps(kind)))
        )
        for kind in ("tree", "affinity")
    )


def test_a_run_records_affinities_and_the_tree(make_run, train):
    folder = make_run(preset="digits-branched", small=SMALL)
    assert train(folder) == 0
    stages = [event.data for event in read_events(folder) if event.kind == "stage"]
    assert [(s["name"], s["start"], s["end"]) for s in stages] == [
        ("single task", 0, 16),
        ("tree", 16, 32),
    ]
    log = read(folder)
    assert log.tensor_steps("tree").tolist() == [0, 6, 12, 16, 18, 24, 30, 32]
    assert log.tensor_steps("affinity").tolist() == [18, 24, 30, 32]
    units, tasks = log.tensor_axes("tree")
    assert log.tensor_axes("affinity") == (units, tasks, tasks)
    assert units == ("conv1", "dense1")
    for index in range(4):
        assert log.tensor("tree", index).tolist() == [[0, 1, 2, 3]] * 2
    assert log.tensor("affinity").shape == (2, 4, 4)
    assert np.array_equal(log.tensor("affinity"), log.tensor("affinity", 0))
    assert log.tensor("tree").max() < 3
    rows = log.table("evaluation")
    assert rows["step"].tolist() == [12, 16, 24, 32]
    parameters = log.meta["parameters"]
    assert rows["tree_parameters"].tolist()[:2] == [parameters] * 2
    assert len(set(rows["tree_parameters"].tolist()[2:])) == 1
    assert rows["tree_parameters"][-1] < parameters
    networks = gather_networks(log)
    assert (networks.stored, networks.used) == (parameters, rows["tree_parameters"][-1])
    predicted = predict(load_preset("digits-branched", SMALL).preset)
    assert predicted.parameters == parameters
    assert predicted.stages[0] == ("single task", parameters)
    assert networks.used <= predicted.stages[1].parameters < parameters
    assert rows["tree_cost"].tolist()[:2] == [0, 0]
    assert rows["tree_cost"][-1] > 0
    assert all(np.isfinite(rows[name]).all() for name in rows.dtype.names)


@pytest.mark.parametrize(
    ("stopped", "lost", "resumed"),
    [(24, 2, 8), (24, 1, 16), (36, 1, 32)],
    ids=["first stage", "boundary", "second stage"],
)
def test_resumed_equals_uninterrupted_bit_for_bit(make_run, train, stopped, lost, resumed):
    reference = make_run("train.steps=40", preset="digits-branched", small=SMALL)
    folder = make_run(f"train.steps={stopped}", preset="digits-branched", small=SMALL)
    assert train(reference) == 0
    assert train(folder) == 0
    for checkpoint in checkpoint_directories(folder)[:lost]:
        (checkpoint / "state.pt").write_bytes(b"")
    assert train(folder, "--steps", "40") == 0
    run = read(folder)
    (check,) = run.resumes
    found = (check.from_step, check.overlap_steps, check.identical)
    assert found == (resumed, stopped - resumed, True)
    assert difference(run, read(reference)) == ""
    assert same_tensors(run, read(reference))
    assert same_state(folder, reference)
