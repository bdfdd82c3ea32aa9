"""Line searches are refused where they promise nothing, before anything is trained."""

from __future__ import annotations

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec.checks import predict
from shareconsole.spec.toml import load_preset

LATENT = "digits-linesearch"
CLASSIC = "linesearch-multimnist-backtracking"
ROUTED = "network.conv_sharing=routed"


def problems(preset: str, *overrides: str) -> list[tuple[str, str, str]]:
    with pytest.raises(PresetError) as caught:
        load_preset(preset, overrides)
    return [(p.key, p.problem, p.allowed) for p in caught.value.problems]


@pytest.mark.parametrize("preset", [LATENT, CLASSIC])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_an_optimiser_that_does_not_follow_the_gradient(preset, optimizer):
    ((key, problem, allowed),) = problems(preset, f"train.optimizer={optimizer}")
    assert (key, allowed) == ("train.optimizer", '"sgd"')
    assert f'"{optimizer}" does not move weights along minus the gradient' in problem


def test_weight_decay_is_no_part_of_the_loss():
    ((key, problem, allowed),) = problems(LATENT, "train.weight_decay=0.1")
    assert (key, allowed) == ("train.weight_decay", "0")
    assert problem.startswith("0.1 pulls")


@pytest.mark.parametrize("preset", [LATENT, CLASSIC])
@pytest.mark.parametrize("method", ["learned_sharing", "gumbel", "trace_norm"])
def test_methods_whose_steps_cannot_be_tried_again(preset, method):
    ((key, problem, allowed),) = problems(preset, f"method.name={method}", ROUTED)
    assert key == "step_size.name"
    assert f"cannot search for {method}" in problem
    assert "full_sharing" in allowed


@pytest.mark.parametrize(
    ("overrides", "fits"),
    [
        (("method.name=single_task",), False),
        (("method.name=no_sharing", ROUTED), False),
        (("method.name=no_sharing", 'network.conv_sharing=["shared", "routed"]'), False),
        (("method.name=no_sharing", "network.dense_sharing=routed"), True),
        (("method.name=full_sharing", ROUTED), True),
        (("method.name=prior_sharing", ROUTED, "network.dense_sharing=task"), True),
        (("method.name=prior_sharing", ROUTED, "method.shared_units=0"), False),
        (("network.dense_sharing=task",), True),
        (("network.conv_sharing=task",), False),
        (('network.conv_sharing=["shared", "task"]',), False),
        (('network.conv_sharing=["shared", "task"]', "network.dense_sharing=task"), True),
    ],
)
def test_latents_need_an_encoder_that_all_tasks_share(overrides, fits):
    if fits:
        assert load_preset(LATENT, overrides).notes == []
        return
    ((key, problem, allowed),) = problems(LATENT, *overrides)
    assert key == "step_size.name"
    assert "latent_backtracking: " in problem
    assert ("share no encoder" in problem) != ("unit 3 is shared again" in problem)
    assert "first units that all tasks share" in allowed


def test_the_classical_search_takes_any_fixed_sharing():
    for overrides in (("method.name=single_task",), ("network.conv_sharing=task",)):
        load_preset(CLASSIC, overrides)


def test_task_weights():
    ((key, problem, _),) = problems(LATENT, "step_size.task_weights=[1, 2, 3]")
    assert (key, problem) == ("step_size.task_weights", "has 3 numbers for 2 tasks")
    ((_, problem, _),) = problems(LATENT, "step_size.task_weights=[0, 0]")
    assert problem == "has only zeros"
    ((_, problem, _),) = problems(LATENT, "step_size.task_weights=[1, -1]")
    assert "too small" in problem
    load_preset(LATENT, ["step_size.task_weights=[0, 2.5]"])


def test_images_of_their_own_are_remarked_on():
    search = ["step_size.name=latent_backtracking", "train.optimizer=sgd"]
    (note,) = load_preset("digits-full", search).notes
    assert "orthogonal by construction" in note
    assert load_preset("digits-full", ["step_size.name=constant"]).notes == []


def test_the_records_of_a_search_take_room():
    steps = load_preset(LATENT).preset.train.steps
    whole = predict(load_preset(LATENT).preset).disk_bytes
    options = load_preset(LATENT).preset
    plain = load_preset("digits-full", ["step_size.name=constant"]).preset.step_size
    without = predict(options.model_copy(update={"step_size": plain})).disk_bytes
    assert whole - without == 3 * 8 * steps


@pytest.mark.parametrize("family", ["linesearch-multimnist", "linesearch-cifar10"])
def test_the_three_presets_differ_in_the_rule_alone(family):
    latent, classic, constant = (
        load_preset(family + suffix).preset for suffix in ("", "-backtracking", "-constant")
    )
    for table in ("data", "network", "method", "train", "device"):
        assert getattr(latent, table) == getattr(classic, table) == getattr(constant, table)
    common = set(type(classic.step_size).model_fields) - {"name"}
    for key in common:
        assert getattr(latent.step_size, key) == getattr(classic.step_size, key)
    assert constant.step_size.name == "constant"


def test_values_of_the_authors_earlier_code():
    latent = load_preset("linesearch-multimnist").preset
    train = latent.train
    assert (train.batch_size, train.learning_rate, train.steps) == (256, 0.01, 5_860)
    shape = latent.data.shape()
    # 5x5 to 10 and to 20 channels with biases, 320 features to 50 latents, and 50 of each task's.
    units = latent.network.units(shape.input_shape)
    assert [unit.parameters for unit in units] == [260, 5_020, 16_050, 2_550]
    assert predict(latent).parameters == 260 + 5_020 + 16_050 + 2 * (2_550 + 510)
