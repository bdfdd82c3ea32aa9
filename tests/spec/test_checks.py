"""Sizes: the paper's parameter counts, predictions, and tables that do not fit."""

from __future__ import annotations

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec.checks import predict
from shareconsole.spec.data.digits import DIGITS_PER_CLASS, DigitsOptions, PlantedOptions
from shareconsole.spec.methods import LearnedSharingOptions, PriorSharingOptions
from shareconsole.spec.networks import ConvnetOptions, MlpOptions
from shareconsole.spec.toml import load_preset


def count(network, shape, classes, copies):
    """Parameters with ``copies`` of each routed unit and one of each shared unit."""
    units = network.units(shape)
    body = sum(unit.parameters * (copies if unit.sharing == "routed" else 1) for unit in units)
    return body + sum((network.features(shape) + 1) * number for number in classes)


@pytest.mark.parametrize(
    ("network", "shape", "classes", "copies", "full", "learned"),
    [
        (ConvnetOptions(name="convnet", conv=(32, 32, 32), dense=(128,)), (1, 28, 28),
         (10, 26, 10), 3, 61_838, 173_646),
        (ConvnetOptions(name="convnet", conv=(32,) * 4, conv_sharing="shared", dense=(128,) * 3),
         (3, 32, 32), (5,) * 20, 20, 91_204, 1_032_388),
        (ConvnetOptions(name="convnet", conv=(53,) * 4, dense=(), final_pool="average"),
         (1, 105, 105), (*[32] * 27, *[33] * 23), 20, 164_386, 1_622_522),
    ],
)  # fmt: skip
def test_parameter_counts_of_the_paper(network, shape, classes, copies, full, learned):
    assert count(network, shape, classes, 1) == full
    assert count(network, shape, classes, copies) == learned


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("digits", 37_224),
        ("digits-full", 10_296),
        ("digits-none", 37_224),
        ("digits-prior", 36_696),
    ],
)
def test_prediction(name, parameters):
    prediction = predict(load_preset(name).preset)
    # conv1 9*16+32, conv2 9*16*32+64, dense1 128*32+32, heads 33*10.
    assert (
        parameters
        == {
            "digits": 4 * 176 + 4 * 4672 + 4 * 4128 + 4 * 330,
            "digits-full": 176 + 4672 + 4128 + 4 * 330,
            "digits-none": 4 * 176 + 4 * 4672 + 4 * 4128 + 4 * 330,
            "digits-prior": 176 + 4 * 4672 + 4 * 4128 + 4 * 330,
        }[name]
    )
    assert prediction.parameters == parameters
    assert (prediction.num_tasks, prediction.routed_units) == (4, 3)
    assert prediction.memory_bytes >= 16 * parameters
    assert prediction.disk_bytes >= 3 * 12 * parameters


def test_prediction_follows_marks_and_type():
    base = ["network.conv=[4, 4, 4]", 'network.conv_sharing=["shared", "routed", "task"]']
    single = predict(load_preset("digits", base).preset)
    assert single.parameters == 44 + 4 * 152 + 4 * 152 + 4 * (4 * 32 + 32) + 4 * 330
    assert single.routed_units == 2
    double = predict(load_preset("digits", [*base, "device.dtype=float64"]).preset)
    assert double.parameters == single.parameters
    assert double.memory_bytes > 1.8 * single.memory_bytes


def test_names_and_marks_of_units():
    network = ConvnetOptions(
        name="convnet", conv=(2, 3), conv_sharing=("shared", "task"), dense=(5,)
    )
    assert [(unit.name, unit.sharing) for unit in network.units((1, 8, 8))] == [
        ("conv1", "shared"),
        ("conv2", "task"),
        ("dense1", "routed"),
    ]
    assert MlpOptions(name="mlp", widths=(4, 4), sharing="task").marks == ("task", "task")


def test_data_shapes():
    shape = DigitsOptions(name="digits").shape()
    assert shape.num_tasks == 4
    assert shape.test_images == (350, 349, 349, 349)
    assert sum(shape.train_images) + sum(shape.test_images) == sum(DIGITS_PER_CLASS) == 1797
    shape = PlantedOptions(name="planted", groups=5, train_per_task=20).shape()
    assert (shape.num_tasks, len(shape.num_classes)) == (10, 10)
    assert shape.test_images == (*(160,) * 7, *(159,) * 3)


def test_shared_units_of_prior_sharing():
    half = PriorSharingOptions(name="prior_sharing")
    assert [half.num_shared(routed) for routed in (0, 1, 3, 4)] == [0, 0, 1, 2]
    two = PriorSharingOptions(name="prior_sharing", shared_units=2)
    assert [two.routed_copies(index, 3, 5) for index in range(3)] == [1, 1, 5]


def test_candidates():
    assert LearnedSharingOptions(name="learned_sharing").candidates(7) == 7
    assert LearnedSharingOptions(name="learned_sharing", modules=3).candidates(7) == 3


@pytest.mark.parametrize(
    ("preset", "overrides", "key"),
    [
        ("digits", ["network.conv=[4,4,4,4]"], "network.conv"),
        ("digits", ["network.conv=[]", "network.dense=[]"], "network.conv"),
        ("digits", ["network.conv=[]", "network.final_pool=average"], "network.final_pool"),
        ("digits", ["network.conv_sharing=['routed']"], "network.conv_sharing"),
        ("digits", ["network.dense_sharing=[]"], "network.dense_sharing"),
        ("digits", ["network.conv_sharing=task", "network.dense_sharing=shared"], "method.name"),
        ("digits", ["method.floor=0.25"], "method.floor"),
        ("digits", ["train.validation_fraction=0.04"], "train.validation_fraction"),
        ("digits", ["data.train_per_task=12", "train.validation_fraction=0.5"],
         "train.validation_fraction"),
        ("digits-prior", ["method.shared_units=4"], "method.shared_units"),
        ("planted", ["network.widths=[]"], "network.widths"),
        ("planted", ["network.sharing=['routed']"], "network.sharing"),
        ("planted", ["data.train_per_task=290"], "data.train_per_task"),
        ("planted", ["data.groups=10", "data.tasks_per_group=10", "data.train_per_task=10"],
         "data.groups"),
    ],
)  # fmt: skip
def test_what_does_not_fit(preset, overrides, key):
    with pytest.raises(PresetError) as caught:
        load_preset(preset, overrides)
    [problem] = caught.value.problems
    assert problem.key == key
    assert problem.allowed


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("digits", ["network.conv=[]", "network.conv_sharing=[]"]),
        ("digits", ["network.conv=[1, 1, 1]", "network.final_pool=average"]),
        ("digits", ["train.validation_fraction=0.1"]),
        ("digits", ["data.train_per_task=400"]),
        ("digits", ["method.floor=0"]),
        ("digits-prior", ["method.shared_units=3"]),
        ("digits-full", ["network.conv_sharing=task", "network.dense_sharing=shared"]),
        ("planted", ["data.train_per_task=289"]),
        ("planted", ["data.groups=1", "data.tasks_per_group=1"]),
        ("planted", ["data.groups=8", "data.tasks_per_group=10", "data.train_per_task=10"]),
    ],
)
def test_what_just_fits(preset, overrides):
    assert predict(load_preset(preset, overrides).preset).parameters > 0


def test_cross_checks_run_where_another_table_is_wrong():
    with pytest.raises(PresetError) as caught:
        load_preset("digits", ["network.conv=[4,4,4,4]", "train.steps=0", "method.name=x"])
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"train.steps", "method.name", "network.conv"}


@pytest.mark.parametrize(
    ("preset", "overrides", "why"),
    [
        ("digits", [], 'is not for engine = "trie"'),
        ("digits-gumbel", ["device.engine=loop"], "runs its networks itself"),
        ("linesearch-multimnist", ["device.engine=loop"], "runs networks in two halves"),
    ],
)
def test_where_compiled_units_would_not_run_compiling_is_refused(preset, overrides, why):
    assert not load_preset(preset, overrides).preset.device.compile
    with pytest.raises(PresetError) as raised:
        load_preset(preset, [*overrides, "device.compile=true"])
    (problem,) = raised.value.problems
    assert problem.key == "device.compile"
    assert why in problem.problem


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("digits", ["device.engine=loop"]),
        ("digits", ["network.conv_dropout=0.1"]),
        ("linesearch-multimnist-backtracking", ["device.engine=loop"]),
    ],
)
def test_what_the_loop_runs_may_be_compiled(preset, overrides):
    assert load_preset(preset, [*overrides, "device.compile=true"]).preset.device.compile
