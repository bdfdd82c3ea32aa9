"""Baselines: who shares what, and that single-task learning shares nothing at all."""

from __future__ import annotations

import copy

import pytest
import torch

from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.checks import predict
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment

NARROW = ("network.conv=[3, 4]", "network.dense=[6]", "train.batch_size=4")


def build(preset: str, *overrides: str):
    loaded = load_preset(preset, [*NARROW, *overrides]).preset
    return build_experiment(loaded, torch.device("cpu")), predict(loaded)


def losses(experiment, count: int) -> list[list[float]]:
    method, sampler, step_size = experiment.method, experiment.sampler, experiment.step_size
    return [method.step(sampler, step_size, Stopwatch()).loss_T.tolist() for _ in range(count)]


SHARED_FIRST = 'network.conv_sharing=["shared", "routed"]'


@pytest.mark.parametrize(
    ("preset", "marks"),
    [
        ("digits-full", ("shared", "shared", "shared")),
        ("digits-none", ("shared", "task", "task")),
        ("digits-prior", ("shared", "shared", "task")),
        ("digits-single-task", ("task", "task", "task")),
        ("digits-tracenorm", ("shared", "task", "task")),
    ],
)
def test_marks_and_parameters_are_as_predicted(preset, marks):
    experiment, prediction = build(preset, SHARED_FIRST)
    bank = experiment.population.bank
    assert bank.marks == marks
    assert bank.planned_marks == ("shared", "routed", "routed")
    assert bank.num_parameters() == prediction.parameters


def test_single_task_learning_shares_no_number():
    experiment, _ = build("digits-single-task", SHARED_FIRST)
    networks = [experiment.population.bank.path(task, []) for task in range(4)]
    used = [{p.data_ptr() for module in path for p in module.parameters()} for path in networks]
    assert sum(map(len, used)) == len(set.union(*used))
    assert len(set.union(*used)) == len([*experiment.population.bank.parameters()])


def test_without_shared_units_it_is_no_sharing_to_the_bit():
    runs = [build(name)[0] for name in ("digits-single-task", "digits-none")]
    assert losses(runs[0], 3) == losses(runs[1], 3)


def test_training_one_task_leaves_the_others_alone():
    """Other images of task 0 change nothing that task 1 learns."""
    first, second = (build("digits-single-task", SHARED_FIRST)[0] for _ in range(2))
    second.data.train.images[0].zero_()
    one, other = losses(first, 3), losses(second, 3)
    assert [step[1:] for step in one] == [step[1:] for step in other]
    assert one[0][0] != other[0][0]


def test_a_network_with_dropout_runs_on_the_loop_engine_and_resumes_to_the_bit():
    dropout = ("network.dropout=0.5", "network.conv_dropout=[0, 0.25]")
    whole, _ = build("digits-none", *dropout)
    assert whole.engine == "loop"
    assert "unit conv2: Dropout(p=0.25, channels=True) draws random numbers" in whole.notices[0]
    losses(whole, 2)
    state = copy.deepcopy(whole.state_dict())
    expected = losses(whole, 2)
    resumed, _ = build("digits-none", *dropout)
    resumed.load_state_dict(state)
    assert losses(resumed, 2) == expected
    again, _ = build("digits-none", *dropout)
    assert losses(again, 4)[2:] == expected
