"""Networks in files: what is in them, that they are the run's, and what is refused."""

from __future__ import annotations

import copy
import json
import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from safetensors.torch import load as load_safetensors

from shareconsole.errors import DataDamaged, ShareconsoleError, UsageError
from shareconsole.headless.facts import gather
from shareconsole.sharing.data import scale
from shareconsole.spec.methods import METHODS
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.trainer.build import load_data
from shareconsole.trainer.checkpoint import load_newest
from shareconsole.trainer.standalone import export as exporting_module
from shareconsole.trainer.standalone import folding
from shareconsole.trainer.standalone.checks import TOLERANCES, probes
from shareconsole.trainer.standalone.export import Order, export, task_network
from shareconsole.trainer.standalone.formats import WRITERS, to_archive, to_onnx, to_safetensors
from shareconsole.trainer.standalone.loading import network_in
from shareconsole.trainer.standalone.safetensors import decode, encode
from shareconsole.trainer.standalone.saved_run import read_saved
from tests.datasets.own_data import write_folder
from tests.trainer import exporting

WITHOUT_US = """
import json, sys
import numpy as np
sys.modules["shareconsole"] = None  # any import of it fails
import torch
told = {"shareconsole.json": ""}
network = torch.export.load(sys.argv[1], extra_files=told).module()
x = torch.from_numpy(np.load(sys.argv[2]))
with torch.no_grad():
    np.save(sys.argv[3], np.concatenate([network(part).numpy() for part in x.split([1, 5, 2])]))
print(json.loads(told["shareconsole.json"])["task"])
"""


@pytest.fixture
def trained(make_run, train):
    """A run of 40 steps with checkpoints at 20, 30 and 40."""
    folder = make_run()
    assert train(folder) == 0
    return folder


def order(folder, path, **more) -> Order:
    wish = {"task": "upright-2", "format": "safetensors", **more}
    return Order(folder=str(folder.path), output=str(path), **wish)


def test_torch_alone_runs_the_archive(trained, tmp_path):
    path = tmp_path / "upright-2.pt2"
    told = export(order(trained, path, format="torch-export", fold=True))
    run = read_saved(trained, None)
    images = probes(run.outline).float()
    np.save(tmp_path / "in.npy", images.numpy())
    words = [str(path), str(tmp_path / "in.npy"), str(tmp_path / "out.npy")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_US, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout.strip()) == (0, "upright-2"), result.stderr
    with torch.no_grad():
        expected = task_network(run, 1, fold=False).network(images)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, rtol=1e-6, atol=1e-6)
    # Nothing of where the source lies on this machine goes with it.
    assert str(exporting_module.__file__).rpartition("/shareconsole/")[0].encode() not in (
        path.read_bytes()
    )
    assert told["batch_norm_folded"]


def test_the_file_says_what_it_is(trained, tmp_path):
    path = tmp_path / "model"
    told = export(order(trained, path, fold=False))
    tensors, texts = decode(path.read_bytes(), "model")
    inside = json.loads(texts["shareconsole"])
    assert {key: told[key] for key in inside} == inside
    log = gather(trained)
    facts = {
        "task": "upright-2",
        "classes": [str(n) for n in range(10)],
        "input": {"shape": [1, 8, 8], "dtype": "float32", "scaling": "none",
                  "lowest": 0.0, "highest": 1.0,
                  "preparation": {"ground": "dark", "resizing": "none", "size": None,
                                  "gray": False, "turned": "no", "inverted": False,
                                  "rearranged": False}},
        "run": trained.id,
        "step": 40,
        "method": "learned_sharing",
        "test_error": log.tasks[1].error,
        "test_error_step": 40,
        "seed": 0,
    }  # fmt: skip
    assert {key: inside[key] for key in facts} == facts
    assert (
        sum(t.numel() for name, t in tensors.items() if "running" not in name) - 1
        == (inside["parameters"])
    )
    assert told["bytes"] == path.stat().st_size
    assert told["notes"] == []
    assert sorted(os.listdir(tmp_path)) == ["model", "runs"]


@pytest.mark.parametrize(
    ("network", "method"),
    [("convnet", method) for method in METHODS]
    + [("diversity_depth", "gumbel"), ("diversity_depth", "branched"), ("resnet18", "gumbel")],
)
def test_safetensors_build_the_same_network_again(tmp_path, network, method):
    built = exporting.experiment(tmp_path, network, method)
    run = exporting.saved(built)
    images = built.data.test.task_images(2)[:20]
    expected = built.method.logits(2, images)
    for fold in (False, True):
        made = task_network(run, 2, fold=fold)
        metadata = exporting_module._metadata(run, 2, made, order(run.folder, "x", fold=fold))
        again, told = network_in(to_safetensors(made.network, images, metadata), "x")
        assert told == json.loads(json.dumps(metadata))
        with torch.no_grad():
            torch.testing.assert_close(again(images), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("network", ["convnet", "diversity_depth"])
def test_archives_take_any_number_of_images(tmp_path, network):
    built = exporting.experiment(tmp_path, network, "gumbel")
    made = task_network(exporting.saved(built), 0, fold=False)
    again, told = network_in(to_archive(made.network, torch.zeros(2, 1, 8, 8), {"a": "ü"}), "x")
    assert told == {"a": "ü"}
    for count in (1, 7):
        images = built.data.test.task_images(0)[:count]
        expected = built.method.logits(0, images)
        with torch.no_grad():
            torch.testing.assert_close(again(images), expected, rtol=1e-6, atol=1e-6)


# Torch, inside its exporter, uses what it has itself deprecated.
@pytest.mark.parametrize("network", exporting.NETWORKS)
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")
def test_onnx_gives_the_same(tmp_path, caplog, network):
    caplog.set_level(logging.WARNING, "torch.__trace")  # or torch writes every graph into the log
    built = exporting.experiment(tmp_path, network, "gumbel")
    made = task_network(exporting.saved(built), 0, fold=True)
    model = onnx.load_from_string(to_onnx(made.network, torch.zeros(2, 1, 8, 8), {"task": "t"}))
    onnx.checker.check_model(model, full_check=True)
    assert {p.key: p.value for p in model.metadata_props} == {"shareconsole": '{"task": "t"}'}
    for count in (1, 5):
        images = built.data.test.task_images(0)[:count]
        (found,) = ReferenceEvaluator(model).run(["logits"], {"images": images.numpy()})
        expected = built.method.logits(0, images)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_rounding_of_large_logits_stays_within_its_bound(make_run, train):
    small = ("network.conv=[8, 16]", "network.dense=[16]", "train.steps=300")
    rate = "train.learning_rate=0.02"
    folder = make_run(rate, preset="digits-full", small=(*small, "device.device=cpu"))
    assert train(folder) == 0
    run = read_saved(folder, None)
    images = scale(load_data(run.preset).test.task_images(0), torch.float32)
    with torch.no_grad():
        expected = task_network(run, 0, fold=False).network(images)
        made = task_network(run, 0, fold=True)
        off = float((made.network(images) - expected).abs().max())
    largest = float(expected.abs().max())
    assert largest > 10
    # No absolute bound as small as that of double precision would hold.
    assert 1e-6 < off <= TOLERANCES[torch.float32] * largest
    assert 0 < made.difference <= TOLERANCES[torch.float32] * float(made.logits.abs().max())


class Off(torch.nn.Module):
    """A network whose logits are off by a share of themselves, in one type of numbers alone."""

    def __init__(self, network: torch.nn.Module, share: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.share, self.off_in = network, share, dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.network(x)
        return y * (1 + self.share) if x.dtype == self.off_in else y


@pytest.mark.parametrize(
    ("share", "dtype", "message"),
    [
        (1e-4, torch.float32, "batch-norm folded, in float32, is not what the run evaluates with"),
        (1e-8, torch.float64, "batch-norm folded is not what the run evaluates with"),
        (1e-7, torch.float32, None),
    ],
)
def test_more_than_rounding_is_refused(trained, tmp_path, monkeypatch, share, dtype, message):
    def fold(network):
        return Off(folding.fold_batch_norm(network), share, dtype)

    # Small logits have an absolute bound, so these are made large.
    run = read_saved(trained, None)
    for name in run.state["bank"]:
        if name.startswith("head"):
            run.state["bank"][name] *= 100
    monkeypatch.setattr(exporting_module, "fold_batch_norm", fold)
    if message is None:
        assert task_network(run, 1, fold=True).difference > 0
        return
    with pytest.raises(ShareconsoleError, match=message):
        task_network(run, 1, fold=True)


@pytest.mark.parametrize("format", ["onnx", "safetensors", "torch-export"])
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")
def test_every_file_is_held_against_the_run_s_evaluation(
    trained, tmp_path, monkeypatch, caplog, format
):
    caplog.set_level(logging.WARNING, "torch.__trace")
    path = tmp_path / "model"
    told = export(order(trained, path, format=format, fold=True))
    assert (told["bytes"], told["batch_norm_folded"]) == (path.stat().st_size, True)
    path.unlink()
    write = WRITERS[format]

    def wrong(network, example, metadata):
        network = copy.deepcopy(network)
        for parameter in network.parameters():
            parameter.data *= 1.01
        return write(network, example, metadata)

    monkeypatch.setitem(WRITERS, format, wrong)
    with pytest.raises(ShareconsoleError, match=r"model: what is in the file is not what the run"):
        export(order(trained, path, format=format, fold=True))
    assert not path.exists()


def test_a_file_that_is_there_stays(trained, tmp_path):
    path = tmp_path / "model"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there already; --force replaces it"):
        export(order(trained, path))
    assert path.read_text() == "mine"
    export(order(trained, path, force=True))
    assert network_in(path.read_bytes(), "model")[1]["task"] == "upright-2"
    with pytest.raises(ShareconsoleError, match=r"cannot write .*: No such file"):
        export(order(trained, tmp_path / "nowhere" / "model"))


def test_what_is_not_there_is_told_with_what_is(trained, tmp_path, make_run):
    with pytest.raises(UsageError, match="no task 'up'; its tasks: upright-1, upright-2, rotated"):
        export(order(trained, tmp_path / "m", task="up"))
    with pytest.raises(UsageError, match="no checkpoint of step 10; it has: 20, 30, 40"):
        export(order(trained, tmp_path / "m", step=10))
    with pytest.raises(UsageError, match="has no checkpoint yet"):
        export(order(make_run(), tmp_path / "m"))
    assert not (tmp_path / "m").exists()


def test_an_earlier_step_has_its_own_weights_and_test_error(trained, tmp_path):
    early = export(order(trained, tmp_path / "early", step=30))
    assert (early["step"], early["test_error_step"]) == (30, 20)
    export(order(trained, tmp_path / "late"))
    first, second = (decode((tmp_path / name).read_bytes(), "") for name in ("early", "late"))
    assert not torch.equal(first[0]["head.0.bias"], second[0]["head.0.bias"])


def test_damage_falls_back_or_is_told(trained, tmp_path):
    newest = checkpoint_directories(trained)[0]
    state = bytearray((newest / "state.pt").read_bytes())
    state[len(state) // 2] ^= 1
    (newest / "state.pt").write_bytes(state)
    trained.run_json.write_text("{")
    trained.preset_toml.unlink()
    trained.metrics(1).write_bytes(b"nothing of ours")
    told = export(order(trained, tmp_path / "m"))
    assert (told["step"], told["test_error"]) == (30, None)
    assert told["notes"][0].startswith("checkpoint 000000040 was not used: ")
    with pytest.raises(ShareconsoleError, match="SHA-256 does not match"):
        export(order(trained, tmp_path / "n", step=40))
    trained.resolved_toml.write_text("[data]\nname = 'none'")
    with pytest.raises(ShareconsoleError, match=r"preset\.resolved\.toml"):
        export(order(trained, tmp_path / "n"))
    for directory in checkpoint_directories(trained):
        (directory / "state.pt").unlink()
    assert not (tmp_path / "n").exists()


def test_older_checkpoints_take_what_they_lack_from_the_data(trained, monkeypatch):
    run = read_saved(trained, None)
    found = load_newest(trained, lambda *_: None)
    assert found is not None
    del found[0]["experiment"]["data"]
    monkeypatch.setattr("shareconsole.trainer.standalone.saved_run.load_newest", lambda *_: found)
    assert read_saved(trained, None).outline == run.outline


def test_one_s_own_data_may_be_gone_by_then(tmp_path, make_run, train, data):
    write_folder(tmp_path / "own", {"a": {"cat": 6, "dog": 8}, "b": {"p": 5, "q": 5}})
    text = f"[data]\nname = 'folder'\npath = {str(tmp_path / 'own')!r}\nsize = 8\n"
    rest = "[network]\nname = 'convnet'\n[method]\nname = 'learned_sharing'\n"
    (tmp_path / "own.toml").write_text(text + rest)
    folder = make_run("train.steps=4", preset=str(tmp_path / "own.toml"))
    assert train(folder) == 0
    shutil.rmtree(tmp_path / "own")
    told = export(order(folder, tmp_path / "m", task="a"))
    assert told["classes"] == ["cat", "dog"]
    assert told["input"]["scaling"] == "bytes / 255"
    assert (told["input"]["lowest"], told["input"]["highest"]) == (0, 1)


@pytest.mark.parametrize(
    ("preset", "small"),
    [
        ("digits", ()),
        ("digits-gumbel", ("method.components=3",)),
        ("digits-prior", ()),
    ],
)
def test_show_counts_what_the_export_counts(make_run, train, tmp_path, preset, small):
    sizes = ("network.conv=[3]", "network.dense=[6]", "train.batch_size=4", "train.steps=6")
    folder = make_run(*small, preset=preset, small=(*sizes, "device.device=cpu"))
    assert train(folder) == 0
    shown = gather(folder).networks.to_json()
    assert [task["name"] for task in shown["tasks"]][2] == "rotated-1"
    for task in (0, 2):
        name = shown["tasks"][task]["name"]
        told = export(order(folder, tmp_path / name, task=name))
        assert shown["tasks"][task] == {
            "name": name,
            "parameters": told["parameters"],
            "own": told["own_parameters"],
            "shared_with": told["shared_with"],
        }
    run = read_saved(folder, None)
    stored = [value for name, value in run.state["bank"].items() if name.endswith(("ight", "bias"))]
    assert shown["stored"] == sum(value.numel() for value in stored)


GOOD = encode({"w": torch.arange(6.0).view(2, 3), "n": torch.tensor(4)}, {"a": "b"})


def test_safetensors_come_back(tmp_path):
    tensors, metadata = decode(GOOD, "x")
    assert torch.equal(tensors["w"], torch.arange(6.0).view(2, 3))
    assert (tensors["n"].item(), tensors["n"].dtype, metadata) == (4, torch.int64, {"a": "b"})
    assert torch.equal(load_safetensors(GOOD)["w"], tensors["w"])


def header(text: str, numbers: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text.encode() + numbers


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 40,
        GOOD[:-1],
        GOOD + b"x",
        header("[]"),
        header("{"),
        header('{"w": 3}'),
        header('{"__metadata__": {"a": 1}}'),
        header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}', b"12345678"),
        header('{"w": {"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]}}', b"12345678"),
        header('{"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}', b"1234"),
        header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}', b"12345678"),
        header("[" * 100_000),
    ],
)
def test_damaged_safetensors_are_refused(data):
    with pytest.raises(DataDamaged, match="x: is no safetensors file"):
        decode(data, "x")


def test_a_network_that_does_not_look_at_its_image_is_remarked_on(tmp_path):
    built = exporting.experiment(tmp_path, "convnet", "gumbel")
    with torch.no_grad():
        # Connected, or of no use: [units, tasks, components, 2].
        logits = built.method.logits_LTK2
        logits[..., 0], logits[..., 1] = 9, -9
        logits[1, 2] = -logits[1, 2]
    run = exporting.saved(built)
    blind, seeing = (task_network(run, task, fold=False) for task in (2, 0))
    with torch.no_grad():
        logits = blind.network(torch.rand(3, *built.outline.input_shape))
    assert torch.equal(logits[0], logits[1])
    (note,) = exporting_module._blindness(blind, "rotated-1")
    assert note.startswith("rotated-1 uses no component of a unit")
    assert exporting_module._blindness(seeing, "upright-1") == []
