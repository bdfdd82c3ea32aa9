"""export-model, predict and what show says of networks, as commands."""

from __future__ import annotations

import json
import os
import signal
from importlib import util

import numpy as np
import pytest

from shareconsole.cli import models
from shareconsole.errors import RunFailedError
from shareconsole.headless import standalone
from shareconsole.headless.networks import gather_networks
from shareconsole.launch import create_run
from shareconsole.spec.toml import load_preset
from shareconsole.store.reader import RunLog
from shareconsole.trainer.__main__ import main
from tests.cli import synthetic

SMALL = (
    "network.conv=[3]", "network.dense=[6]", "method.modules=2", "method.nes_samples=2",
    "method.sgd_samples=2", "train.batch_size=4", "train.steps=6", "train.checkpoint_every=3",
    "device.device=cpu",
)  # fmt: skip


@pytest.fixture
def trained(runs):
    """A run of six steps."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    folder = create_run(load_preset("digits", SMALL), runs)
    assert main([str(folder.path)]) == 0
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return folder


def test_from_a_run_to_a_prediction(cli, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cli("export-model", "latest", "--task", "rotated-1", "--format", "safetensors")
    file = f"{trained.id}-rotated-1.safetensors"
    assert (result.code, result.err) == (0, "")
    assert sorted(os.listdir(tmp_path)) == [file, "runs"]
    assert result.out.splitlines()[0] == f"rotated-1  of {trained.id}, step 6"
    shown = json.loads(cli("show", "latest", "--json").out)["networks"]["tasks"][2]
    assert f"parameters   {shown['parameters']:,}, {shown['own']:,} its own" in result.out
    assert "trained on 0 to 1" in result.out
    words = "on a dark ground, turned by 90 degrees counterclockwise"
    assert f"pictures     {words}" in result.out
    np.save("some.npy", np.zeros((2, 1, 8, 8), np.uint8))
    (tmp_path / "bad.png").write_bytes(b"")
    told = cli("predict", file, "some.npy", "bad.png", "--json", own_runs=False)
    assert told.code == 1
    note, error = told.err.splitlines()
    assert note == f"note: {file}: pictures of training: {words}; the same is done to image files"
    assert error.startswith("error: bad.png: cannot be read as an image")
    assert cli("predict", file, "some.npy", "--json", own_runs=False).err == ""
    first, second, bad = told.json
    assert (first["file"], first["image"], second["image"]) == ("some.npy", 0, 1)
    assert first["classes"] == second["classes"]
    assert 0.1 < first["classes"][0]["probability"] < 1
    assert (bad["file"], set(bad)) == ("bad.png", {"file", "error"})


def test_what_can_be_refused_at_once_starts_no_process(
    cli, runs, run_with_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr(standalone, "hear", None)
    folder = run_with_checkpoint
    export = ("export-model", folder.id, "--task", "upright", "-o")
    there = tmp_path / "there"
    there.write_text("mine")
    for words, message in (
        ([str(there)], "is there already; --force replaces it"),
        ([str(tmp_path)], "is a folder; -o takes a file"),
        ([str(tmp_path / "no" / "x")], "is not a folder"),
    ):
        result = cli(*export, *words)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
    monkeypatch.setattr(standalone, "find_spec", lambda name: None)
    result = cli(*export, str(tmp_path / "x"), "--format", "onnx")
    assert result.code == 2
    assert "onnx and onnxscript: pip install 'shareconsole[onnx]'" in result.err
    assert cli("export-model", folder.id).code == 2
    assert cli("export-model", folder.id, "--task", "a", "--format", "pickle").code == 2
    assert there.read_text() == "mine"
    result = cli(*export, str(tmp_path / "x"), "--step", "11")
    assert (result.code, result.out) == (2, "")
    assert "has no checkpoint of step 11; it has: 12" in result.err
    result = cli("export-model", synthetic.ended_run(runs).id, "--task", "upright")
    assert result.code == 2
    assert "has no checkpoint yet" in result.err
    result = cli("predict", str(tmp_path / "no\x1b[2J"), "x.png", own_runs=False)
    assert (result.code, result.out) == (2, "")
    assert "no\\x1b[2J: no such file" in result.err


@pytest.fixture
def run_with_checkpoint(runs):
    """The folder of a run that has something like a checkpoint of step 12."""
    folder = synthetic.ended_run(runs)
    (folder.checkpoints / "000000012").mkdir(parents=True)
    (folder.checkpoints / "000000012" / "manifest.json").write_text("{}")
    return folder


HOSTILE = "\x1b]0;x\x07up\u202e"
TOLD = {
    "kind": "network", "task": HOSTILE, "classes": [HOSTILE, "b"], "run": "r", "step": 1200,
    "input": {"shape": [3, 8, 9], "dtype": "float32", "scaling": "bytes / 255",
              "lowest": 0.0, "highest": 1.0},
    "test_error": 0.25, "test_error_step": 1000, "parameters": 4321, "own_parameters": 21,
    "shared_with": {f"{HOSTILE}{n}": n for n in range(1, 12)}, "difference": 1.5e-8,
    "file": f"{HOSTILE}.pt2", "bytes": 2048, "notes": [HOSTILE],
}  # fmt: skip


def test_foreign_names_do_nothing_to_a_terminal(cli, run_with_checkpoint, tmp_path, monkeypatch):
    heard = []

    def hear(command, task, *_):
        heard.append((command[-1], json.loads(task)))
        answers = [TOLD]
        if command[-1] == "predict":
            choice = {"class": HOSTILE, "index": 0, "probability": 0.5}
            answers += [
                {"kind": "prediction", "file": HOSTILE, "image": 3, "classes": [choice]},
                {"kind": "failure", "file": HOSTILE, "message": HOSTILE},
            ]
        return iter(answers)

    monkeypatch.setattr(standalone, "hear", hear)
    folder = run_with_checkpoint
    result = cli("export-model", folder.id, "--task", HOSTILE, "--step", "12", "--force")
    assert heard[0][0] == "export"
    assert heard[0][1] == {
        "folder": str(folder.path), "task": HOSTILE, "format": "torch-export",
        "output": f"{folder.id}-0-x-up.pt2", "step": 12, "fold": False, "force": True,
    }  # fmt: skip
    safe = "\\x1b]0;x\\x07up\\u202e"
    assert result.code == 0
    assert "25.00 % at step 1,000" in result.out
    assert f"{safe}11 11, {safe}10 10" in result.out
    assert result.out.rstrip().count("3 more") == 1
    assert "[N, 3, 8, 9] float32, bytes divided by 255" in result.out
    told = cli("predict", str(tmp_path), HOSTILE, "--top", "2", "--resize", own_runs=False)
    assert heard[1][1] == {"model": str(tmp_path), "files": [HOSTILE], "resize": True, "top": 2}
    assert told.code == 1
    assert told.out == f"{safe}[3]  {safe}  50.0 %\n"
    assert told.err == f"error: {safe}\n"
    for each in (result, told):
        assert not {"\x1b", "\x07", "\u202e"} & set(each.out + each.err)


def test_a_process_that_dies_is_told(cli, run_with_checkpoint, monkeypatch):
    def hear(*_):
        raise RunFailedError("the exporting process was killed by signal 9")

    monkeypatch.setattr(standalone, "hear", hear)
    result = cli("export-model", run_with_checkpoint.id, "--task", "upright")
    assert result.code == 1
    assert "killed by signal 9" in result.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("dies", [False, True])
def test_an_interrupt_is_passed_on_and_is_no_failure(
    cli, run_with_checkpoint, monkeypatch, number, code, dies
):
    def hear(command, task, threads, interrupts, called):
        os.kill(os.getpid(), number)
        assert interrupts() == (1 if number == signal.SIGINT else 2)
        if dies:
            raise RunFailedError(f"{called} was killed by signal 2")
        return iter([])

    monkeypatch.setattr(standalone, "hear", hear)
    model = str(run_with_checkpoint.run_json)
    for words in (("export-model", "latest", "--task", "a"), ("predict", model, "x.png")):
        result = cli(*words, own_runs=words[0] == "export-model")
        assert (result.code, result.out, result.err) == (code, "", "")


def test_show_lists_parameters(cli, trained):
    lines = cli("show", "latest").out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("Parameters of each"))
    assert lines[at + 1].split() == ["task", "all", "its", "own", "shared", "with"]
    facts = json.loads(cli("show", "latest", "--json").out)["networks"]
    for line, task in zip(lines[at + 2 : at + 6], facts["tasks"], strict=True):
        name, total, own = line.split()[:3]
        assert (name, total, own) == (
            task["name"], f"{task['parameters']:,}", f"{task['own']:,}",
        )  # fmt: skip
        assert task["parameters"] - task["own"] >= max(task["shared_with"].values(), default=0)
    assert f"the run stores {facts['stored']:,}" in lines[at]
    in_use = f", of which {facts['used']:,} are in use"
    assert (in_use in " ".join(lines[at : at + 2])) == (facts["used"] < facts["stored"])


def test_tasks_of_any_script_have_files_of_their_own(runs):
    folder = synthetic.ended_run(runs)
    tasks = {"Größe": "größe", "形": "形", "形状": "形状", "../a b_c": "a-b-c", "★": "task"}
    for task, words in tasks.items():
        name = standalone.default_output(folder, task, "onnx")
        assert name == f"{folder.id}-{words}.onnx"
        assert len(standalone.default_output(folder, task * 100, "onnx").encode()) < 250


def test_records_that_do_not_tell_give_no_table(cli, runs):
    folder = synthetic.ended_run(runs)
    log = RunLog(folder)
    log.refresh()
    assert gather_networks(log) is None
    assert json.loads(cli("show", folder.id, "--json").out)["networks"] is None
    assert "Parameters of each" not in cli("show", folder.id).out


def test_the_formats_are_those_of_the_trainer():
    from shareconsole.trainer.standalone.export import Order
    from shareconsole.trainer.standalone.formats import WRITERS

    assert {each.value for each in models.ModelFormat} == set(WRITERS) == set(standalone.SUFFIXES)
    fields = standalone.ExportOrder.__dataclass_fields__
    assert set(fields) == set(Order.__dataclass_fields__)
    assert util.find_spec(standalone.MODULE + ".__main__") is not None


def test_the_name_of_the_file_tells_the_format(cli, run_with_checkpoint, tmp_path, monkeypatch):
    orders = []
    monkeypatch.setattr(standalone, "export_model", lambda order, _: orders.append(order))
    export = ("export-model", run_with_checkpoint.id, "--task", "upright", "-o")
    cli(*export, str(tmp_path / "a.safetensors"))
    cli(*export, str(tmp_path / "a.PT2"))
    cli(*export, str(tmp_path / "a.bin"))
    cli(*export, str(tmp_path / "a.bin"), "--format", "safetensors")
    kinds = ["safetensors", "torch-export", "torch-export", "safetensors"]
    assert [order.format for order in orders] == kinds
    result = cli(*export, str(tmp_path / "a.pt2"), "--format", "safetensors")
    assert (result.code, len(orders)) == (2, 4)
    assert "a.pt2 is the name of a torch-export file" in result.err
    assert "--format safetensors goes into" in result.err
