"""What a run is predicted to keep in memory, against the nodes there really are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shareconsole.sharing import assignment
from shareconsole.sharing.tree_sampling import Tree
from shareconsole.sharing.trie import build_tries
from shareconsole.spec.activations import activation_bytes, images_per_pass
from shareconsole.spec.checks import predict
from shareconsole.spec.memory import PROCESS_BYTES, fitted_memory, memory, too_little
from shareconsole.spec.network.convnet import ConvnetOptions
from shareconsole.spec.nodes import levels
from shareconsole.spec.toml import load_preset

MIB = 2**20


def prepared(name: str, *overrides: str):
    """A preset with everything decided, and the sizes of its data."""
    preset = load_preset(name, overrides).preset
    shape = preset.data.shape()
    method = preset.method.fitted(preset.network.routed_work(shape.input_shape))
    return preset.model_copy(update={"method": method}), shape


def drawn_nodes(preset, shape, tasks: int, steps: int = 200) -> np.ndarray:
    """[steps, units and heads] nodes of tries at the start of a run."""
    method, total = preset.method, shape.num_tasks
    generator = torch.Generator().manual_seed(1)
    marks = [unit.sharing for unit in preset.network.units(shape.input_shape)]
    pi_LTK = assignment.uniform(marks.count("routed"), total, method.candidates(total))
    sets = [0] * total if shape.shared_inputs else range(total)
    tree = method.sampling == "tree" and Tree(method.branching, method.sgd_samples)
    found = []
    for _ in range(steps):
        if tree:
            sampled = tree.sample(pi_LTK, generator, stratified=True)
        else:
            sampled = assignment.sample(pi_LTK, method.sgd_samples, generator)
        routed = iter(sampled.transpose(0, 1).tolist())
        own = [[*range(total)]] * method.sgd_samples
        named = {"shared": [[0] * total] * method.sgd_samples, "task": own}
        choices = [next(routed) if mark == "routed" else named[mark] for mark in [*marks, "task"]]
        [trie] = build_tries(choices, sets, [range(tasks)])
        found.append([level.num_nodes for level in trie.levels])
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("digits", ()),
        ("digits", ("method.sgd_samples=2",)),
        ("digits", ("method.sgd_samples=40",)),
        ("digits", ("method.sampling=tree",)),
        ("digits", ("network.conv_sharing=['shared','routed']", "network.dense_sharing=task")),
        ("planted", ("method.modules=1",)),
        ("lws-dkl-mnist", ()),
        ("lws-cifar100", ()),
    ],
)
@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("shared_inputs", [False, True])
def test_nodes_are_those_of_the_largest_step_of_a_run(name, overrides, part, shared_inputs):
    preset, shape = prepared(name, *overrides)
    shape = shape._replace(shared_inputs=shared_inputs)
    tasks = shape.num_tasks // part
    drawn = drawn_nodes(preset, shape, tasks)
    routed = len(preset.network.routed_work(shape.input_shape))
    _, trained = preset.method.draws(routed)
    expected = np.array([level.nodes for level in levels(preset, shape, trained, tasks)])
    most, mean = drawn.max(0), drawn.mean(0)
    assert (expected >= 0.99 * mean).all()
    assert (expected <= 1.001 * (most + 1)).all()
    # All units together, which is what memory follows, to within a tenth of the largest step.
    assert expected.sum() == pytest.approx(drawn.sum(1).max(), rel=0.1)


def test_levels_in_order_are_not_counted_twice():
    preset, shape = prepared("lws-cifar100")
    _, trained = preset.method.draws(3)
    moved = [level.in_order for level in levels(preset, shape, trained, 20)]
    assert moved == [True] * 4 + [False] * 4


@pytest.mark.parametrize(
    ("name", "nodes", "modules"),
    [
        ("digits-full", [4, 4, 4, 4], [1, 1, 1, 4]),
        ("digits-none", [4, 4, 4, 4], [4, 4, 4, 4]),
        ("digits-prior", [4, 4, 4, 4], [1, 4, 4, 4]),
    ],
)
def test_without_candidates_every_task_has_one_node(name, nodes, modules):
    preset, shape = prepared(name)
    evaluated, trained = preset.method.draws(3)
    assert evaluated is None
    found = [*levels(preset, shape, trained, 4)]
    assert [level.nodes for level in found] == nodes
    assert [level.modules for level in found] == modules
    assert all(level.in_order for level in found)


@pytest.mark.parametrize(("width", "entries"), [(16, 0), (18, 9)])
def test_the_tensors_of_one_convolution_unit_are_counted_one_by_one(width, entries):
    preset, shape = prepared(
        "digits-full", f"network.conv=[{width}]", "network.dense=[]", "train.batch_size=1000"
    )
    images, values, outputs = 4 * 1000, width * 8 * 8, width * 4 * 4
    patches = entries * 8 * 8  # of many channels the patches are kept
    kept = 4 * images * (patches + values + 2 * outputs) + 8 * images * outputs
    backward = 4 * images * (values + 2 * outputs)
    assert activation_bytes(preset, shape, 4) == kept + backward
    double = preset.device.model_copy(update={"dtype": "float64"})
    wide = activation_bytes(preset.model_copy(update={"device": double}), shape, 4)
    assert 1.8 * (kept + backward) < wide < 2 * (kept + backward)


def test_the_loop_has_one_network_at_a_time():
    preset, shape = prepared("digits", "device.engine=loop")
    whole = activation_bytes(preset, shape, 4)
    assert whole == activation_bytes(preset, shape, 1)
    more, _ = prepared("digits", "device.engine=loop", "method.sgd_samples=1000")
    assert activation_bytes(more, shape, 4) == whole
    gumbel, _ = prepared("digits-gumbel")
    assert activation_bytes(gumbel, shape, 1) == activation_bytes(gumbel, shape, 4) > whole


@pytest.mark.parametrize("name", ["digits", "planted", "lws-cifar100", "lws-omniglot"])
def test_fewer_tasks_at_a_time_never_need_more(name):
    preset, shape = prepared(name)
    needed = [activation_bytes(preset, shape, n) for n in range(1, shape.num_tasks + 1)]
    assert needed == sorted(needed)


def test_as_many_tasks_as_fit_in_as_few_passes():
    preset, shape = prepared("lws-omniglot")
    parameters = predict(preset).parameters

    def needed(tasks):
        return memory(preset, shape, parameters, tasks)

    def fitted(allowed, on_gpu=False):
        return fitted_memory(preset, shape, parameters, allowed, on_gpu=on_gpu)

    assert fitted(needed(50).most_bytes).tasks_per_chunk == 50
    # 49 tasks take two passes, and so do 25.
    assert fitted(needed(50).most_bytes - 1).tasks_per_chunk == 25
    assert fitted(needed(24).most_bytes).tasks_per_chunk == 17
    assert fitted(needed(1).most_bytes).tasks_per_chunk == 1
    short = fitted(PROCESS_BYTES)
    assert short.tasks_per_chunk == 1
    assert short.most_bytes > PROCESS_BYTES
    assert fitted(needed(25).device_bytes, on_gpu=True).tasks_per_chunk == 25


def test_prediction_follows_the_number_of_tasks_that_fit():
    preset = load_preset("lws-omniglot").preset
    whole = predict(preset)
    assert (whole.tasks_per_chunk, whole.num_tasks) == (50, 50)
    some = predict(preset, 4 * 2**30)
    assert 1 <= some.tasks_per_chunk < 50
    assert PROCESS_BYTES < some.process_bytes < some.most_bytes <= 4 * 2**30
    assert some.activation_bytes < some.memory_bytes < some.process_bytes
    assert some.disk_bytes == whole.disk_bytes


def test_cropped_images_are_there_with_their_border_for_a_while():
    plain, cropped = (
        predict(load_preset("gumbel-three-clusters", [f"train.crop_padding={p}"]).preset)
        for p in (0, 4)
    )
    assert cropped.memory_bytes - plain.memory_bytes == 40 * 32 * 3 * 40 * 40  # bytes, as stored
    assert plain.memory_bytes > 1_320_000 * 3 * 32 * 32


def test_comparing_networks_counts_in_the_prediction():
    def activations(images: int, *overrides: str) -> int:
        asked = f"method.probe_images={images}"
        return predict(load_preset("digits-branched", [asked, *overrides]).preset).activation_bytes

    # All training images at most: 1,200 pairwise, with 4 tasks' ranks at 3 units in 4 bytes each
    # and 20 more a task while a unit's correlations are computed.
    most = (4 * 4 * 3 + 20 * 4) * 1200 * 1199 // 2
    for engine in ("trie", "loop"):
        rest = ("data.train_per_task=300", f"device.engine={engine}")
        assert activations(2000, *rest) == activations(1200, *rest) == pytest.approx(most, rel=0.04)
        assert activations(8, *rest) < activations(600, *rest) == pytest.approx(most / 4, rel=0.08)
    large = ("network.conv=[256,32]", "train.batch_size=1", "data.train_per_task=300")
    # A hundred images' outputs of the first unit, in parts and joined.
    assert activations(100, *large) > 100 * 2 * 256 * 4 * 4 * 4
    _, allowed = too_little(prepared("digits-branched")[0], 2, 1, "of memory")
    assert allowed.endswith("a smaller train.batch_size or method.probe_images needs less")


def test_what_to_do_about_too_little_memory():
    preset, _ = prepared("digits")
    problem, allowed = too_little(preset, 600 * MIB, 500 * MIB, "of memory")
    assert problem == "the run may need 600 MiB of memory even with one task at a time"
    assert allowed == (
        "at most 400 MiB (80% of the 500 MiB free); a smaller train.batch_size, "
        "method.nes_samples or method.sgd_samples needs less"
    )
    static, _ = prepared("digits-full", "device.engine=loop")
    problem, allowed = too_little(static, 3 * 2**30, 2**30, "of memory")
    assert problem == "the run may need 3.0 GiB of memory"
    assert allowed.endswith("; a smaller train.batch_size needs less")


def test_large_images_are_tested_few_at_a_time():
    network = ConvnetOptions(name="convnet", conv=(53,), dense=())
    assert images_per_pass(network, (1, 8, 8)) == 500
    counts = [images_per_pass(network, (1, side, side)) for side in (28, 105, 1000)]
    assert counts == [201, 14, 1]
