"""The shipped presets are what they say they are."""

from __future__ import annotations

import pytest

from shareconsole.spec.checks import predict
from shareconsole.spec.source import shipped_folder
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml

NAMES = sorted(path.stem for path in shipped_folder().glob("*.toml"))

# Baseline -> the preset that it differs from in [method] alone.
BASELINES = {
    f"{family}-{baseline}": family
    for family in ("digits", "dkl-kannada", "omniglot-small")
    for baseline in ("full", "none", "prior", "single-task", "tracenorm")
} | {f"{family}-gumbel": family for family in ("digits", "dkl-kannada")}


def test_the_presets_that_others_are_measured_by_are_there():
    assert {*BASELINES, *BASELINES.values(), "planted", "lws-dkl-mnist"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_explains_itself_and_reads_back(name):
    loaded = load_preset(name)
    assert loaded.source.startswith(b"# ")
    assert 20 < len(loaded.preset.run.notes) < 90
    assert "\n" not in loaded.preset.run.notes
    assert parse_resolved(resolved_toml(loaded.preset)) == loaded.preset


@pytest.mark.parametrize("name", BASELINES)
def test_the_baselines_differ_in_the_method_alone(name):
    learned, baseline = load_preset(BASELINES[name]).preset, load_preset(name).preset
    for table in ("data", "network", "train", "step_size", "device"):
        assert getattr(learned, table) == getattr(baseline, table)
    assert learned.method.name != baseline.method.name


@pytest.mark.parametrize("family", ["digits", "dkl-kannada", "omniglot-small"])
def test_the_branched_tree_trains_as_long_as_what_it_is_compared_with(family):
    learned, branched = (load_preset(family + end).preset for end in ("", "-branched"))
    for table in ("data", "network", "step_size", "device"):
        assert getattr(learned, table) == getattr(branched, table)
    steps = learned.train.steps
    assert branched.train == learned.train.model_copy(update={"steps": 2 * steps})
    assert branched.method.single_task_steps == steps
    assert branched.method.weighting == "clusters"


@pytest.mark.parametrize("family", ["dkl-kannada", "omniglot-small"])
def test_line_searches_train_the_network_of_full_sharing_by_sgd(family):
    loaded = load_preset(f"{family}-linesearch")
    full, search = load_preset(f"{family}-full").preset, loaded.preset
    assert (search.method, search.data, search.device) == (full.method, full.data, full.device)
    shared = search.network.model_copy(
        update={name: getattr(full.network, name) for name in ("conv_sharing", "dense_sharing")}
    )
    assert shared == full.network
    assert predict(search).parameters == predict(full).parameters
    assert predict(search).routed_units == 0
    by_adam = {"optimizer": "adam", "learning_rate": full.train.learning_rate}
    assert search.train.model_copy(update=by_adam) == full.train
    assert search.train.optimizer == "sgd"
    assert search.step_size.name == "latent_backtracking"
    assert any("images of their own" in note for note in loaded.notes)


@pytest.mark.parametrize(
    ("name", "parameters", "tasks", "images"),
    [
        ("lws-dkl-mnist", 173_646, 3, 72_300),
        ("lws-cifar100", 1_032_388, 20, 60_000),
        ("lws-omniglot", 1_622_522, 50, 32_460),
        ("lws-cifar100-resnet18", 223_392_676, 20, 60_000),
        ("lws-omniglot-resnet18", 224_257_303, 50, 32_460),
        ("tracenorm-omniglot10-90", 8_902_895, 50, 32_460),
        ("dkl-kannada", 173_646, 3, 26_300),
        ("dkl-kannada-full", 61_838, 3, 26_300),
        ("dkl-kannada-none", 173_646, 3, 26_300),
        ("dkl-kannada-prior", 154_382, 3, 26_300),
        ("gumbel-mnist-rotations", 3_080, 4, 280_000),
        ("gumbel-omniglot20", 3_853_388, 20, 13_360),
        ("gumbel-three-clusters", 89_592, 40, 1_320_000),
        ("branched-celeba", 40 * 124_834, 40, 202_599),
        ("linesearch-cifar10", 397_684, 10, 60_000),
    ],
)
def test_sizes_of_the_paper_are_known_without_a_file(name, parameters, tasks, images):
    preset = load_preset(name).preset
    needed = predict(preset)
    assert (needed.parameters, needed.num_tasks) == (parameters, tasks)
    assert preset.data.shape().stored_images == images


def test_values_of_prellberg_and_kramer_s_released_code():
    steps = {"lws-dkl-mnist": 5_000, "lws-cifar100": 4_000, "lws-omniglot": 20_000}
    steps |= {"lws-cifar100-resnet18": 20_000, "lws-omniglot-resnet18": 20_000}
    modules = dict.fromkeys(steps, 20) | {"lws-dkl-mnist": 3}
    for name, number in steps.items():
        preset = load_preset(name).preset
        train, method = preset.train, preset.method
        assert (train.steps, train.batch_size, train.eval_every) == (number, 16, 200)
        assert (train.optimizer, train.learning_rate, train.weight_decay) == ("adam", 1e-3, 0)
        assert train.validation_fraction == 0
        assert method.name == "learned_sharing"
        assert (method.nes_samples, method.sgd_samples) == (8, 8)
        assert (method.nes_learning_rate, method.floor) == (0.01, 0.001)
        assert (method.modules, method.credit) == (modules[name], "joint")
    data = load_preset("lws-dkl-mnist").preset.data
    assert (data.train_per_task, data.split_seed, data.verify) == (500, 666, "official")


def test_values_of_maziarz_and_others_released_code():
    rotations = load_preset("gumbel-mnist-rotations").preset
    alphabets = load_preset("gumbel-omniglot20").preset
    for preset in (rotations, alphabets):
        method, train = preset.method, preset.train
        assert (method.temperature, method.lowest_temperature) == (50, 0.5)
        assert (method.budget_weight, method.entropy_weight) == (0, 0)
        assert (method.connection_weight, method.disconnection_weight) == (0, 0)
        assert (train.batch_size, train.optimizer, train.weight_decay) == (16, "adam", 0)
    method, train = rotations.method, rotations.train
    assert (method.components, method.initial_probability, method.l2_weight) == (4, 0.5, 0)
    assert (train.steps, train.learning_rate, method.router_learning_rate) == (37_500, 0.005, 0.005)
    assert rotations.network.features((1, 28, 28)) == 36
    method, train = alphabets.method, alphabets.train
    assert (method.components, method.initial_probability, method.l2_weight) == (7, 0.97, 3e-4)
    assert (train.steps, train.learning_rate, method.router_learning_rate) == (8_000, 1e-4, 2e-3)
    assert alphabets.network.features((1, 105, 105)) == 768


def test_values_of_maziarz_and_others_released_code_for_three_clusters():
    preset = load_preset("gumbel-three-clusters").preset
    method, train, shape = preset.method, preset.train, preset.data.shape()
    assert (method.components, method.initial_probability, method.l2_weight) == (16, 0.5, 0)
    assert (method.temperature, method.lowest_temperature) == (50, 0.5)
    assert (method.budget, method.budget_weight, method.entropy_weight) == (0.5, 1, 0)
    assert (train.batch_size, train.steps, train.crop_padding) == (32, 20_000, 4)
    assert (train.optimizer, train.weight_decay) == ("adam", 0)
    assert (train.learning_rate, method.router_learning_rate) == (3e-4, 6e-3)
    assert (shape.num_classes, shape.input_shape) == ((5,) * 20 + (9,) * 20, (3, 32, 32))
    # 3 to 8 channels, three times eight convolutions of 3x3 and of 5x5, and heads, all with biases;
    # group norm has a scale and an offset for each of the 8 channels.
    stem, layers, norms = 3 * 8 + 8 + 16, 3 * 8 * (9 * 64 + 25 * 64 + 2 * 24), 3 * 16
    heads = 129 * (20 * 5 + 20 * 9)
    assert predict(preset).parameters == stem + layers + norms + heads == 89_592


def test_the_thin_network_is_vgg_16_with_32_channels():
    preset = load_preset("branched-celeba").preset
    method, shape = preset.method, preset.data.shape()
    assert shape.num_classes == (2,) * 40
    assert (shape.train_images[0], shape.test_images[0]) == (162_770, 19_962)
    assert shape.validation_images[0] == 19_867
    assert (method.single_task_steps, method.weighting) == (5 * (162_770 // 64), "clusters")
    assert preset.train.steps == 3 * method.single_task_steps
    units = preset.network.units(shape.input_shape)
    assert {unit.sharing for unit in units} == {"routed"}
    # 3 to 32 channels, twelve times 32 to 32, scale and offset of each; 128 features to 64 to 64.
    convolutions, dense = [864 + 64, *[9 * 32 * 32 + 64] * 12], [129 * 64, 65 * 64]
    assert [unit.parameters for unit in units] == convolutions + dense
    # What the preset's comment says of 224x224 pixels: one logit for each of 40 attributes, and a
    # bias in place of scale and offset.
    at_224 = sum(convolutions) - 13 * 32 + 64 * (7 * 7 * 32 + 1) + 65 * 64 + 65 * 40
    assert round(at_224 / 1e6, 2) == 0.22
    pooled = [i for i, word in enumerate(preset.network.conv_pool, 1) if word == "max"]
    assert pooled == [2, 4, 7, 10, 13]  # as in VGG-16


def test_values_of_yang_and_hospedales_paper():
    preset = load_preset("tracenorm-omniglot10-90").preset
    method, shape = preset.method, preset.data.shape()
    assert (method.unfolding, method.strength, method.reduction) == ("laf", 0.01, "sum")
    assert preset.train.steps == 400
    assert sum(shape.num_classes) == 1623
    assert shape.train_images == tuple(2 * classes for classes in shape.num_classes)
    units = preset.network.units(shape.input_shape)
    # 5x5 to 8 channels, 3x3 to 12 and to 16, then 13 * 13 * 16 features to 64; all with biases.
    assert [unit.parameters for unit in units] == [208, 876, 1744, 173_120]
    assert {unit.sharing for unit in units} == {"routed"}
