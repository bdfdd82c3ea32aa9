"""Memory: runs that take their tasks in parts, runs that are refused, and what a process takes."""

from __future__ import annotations

import json
import os
import subprocess
from types import SimpleNamespace

import psutil
import pytest
import torch

from shareconsole import launch
from shareconsole.spec.checks import predict
from shareconsole.spec.memory import memory
from shareconsole.spec.toml import load_preset, parse_resolved
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.events import read_events
from shareconsole.store.status import derive_state
from shareconsole.trainer import device
from shareconsole.trainer.build import build_experiment
from shareconsole.trainer.checkpoint import load_newest
from tests.trainer.conftest import SMALL
from tests.trainer.killing import difference, read, same_state
from tests.trainer.peaking import COMMAND, peak_bytes

CPU = torch.device("cpu")
CHUNKED = (*SMALL, "method.modules=4", "method.sgd_samples=8", "train.batch_size=64")
"""A small run whose steps need more memory than its tests."""


def most_bytes(preset, tasks: int) -> int:
    return memory(preset, preset.data.shape(), predict(preset).parameters, tasks).most_bytes


@pytest.fixture
def room_for(monkeypatch):
    """room_for(preset, n): as if there were just enough memory for n tasks at a time."""

    def make(preset, tasks: int, less: int = 0) -> None:
        free = int((most_bytes(preset, tasks) - less) / preset.device.memory_budget) + 1
        process = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=free // 4))
        available = SimpleNamespace(available=free - free // 4)
        fake = SimpleNamespace(virtual_memory=lambda: available, Process=lambda: process)
        monkeypatch.setattr(device, "psutil", fake)

    return make


def preset_of(folder):
    return parse_resolved(folder.resolved_toml.read_text("utf-8"))


def chunk_of(folder) -> int:
    state, _ = load_newest(folder, lambda name, reason: None)
    return state["experiment"]["engine"]["tasks_per_chunk"]


def test_a_run_in_parts_says_so_and_resumes_to_the_same_bits(make_run, train, room_for, capsys):
    folder, alike, whole = (make_run(small=CHUNKED) for _ in range(3))
    preset = preset_of(folder)
    assert train(whole) == 0
    capsys.readouterr()
    room_for(preset, 2)
    assert train(alike) == 0
    assert "4 tasks (2 at a time), " in capsys.readouterr().out
    assert train(folder, "--steps", "20") == 0
    # With more memory it goes on as it began, for sums of floats depend on their order.
    room_for(preset, 4)
    assert train(folder, "--steps", "40") == 0
    assert "4 tasks (2 at a time), " in capsys.readouterr().out
    assert [chunk_of(run) for run in (folder, alike, whole)] == [2, 2, 4]
    assert same_state(folder, alike)
    assert difference(read(folder), read(alike)) == ""
    assert not same_state(whole, alike)  # else nothing was compared


def test_a_resume_with_less_memory_is_refused_unless_allowed(make_run, train, room_for):
    folder = make_run(small=CHUNKED)
    assert train(folder, "--steps", "20") == 0
    room_for(preset_of(folder), 1)
    before = derive_state(folder)
    assert train(folder, "--steps", "40") == 2
    state = derive_state(folder)
    assert (state.word, state.attempt) == (before.word, before.attempt)
    assert "there is memory for 1 tasks at a time, not 4" in state.refused.exit.error
    assert train(folder, "--steps", "40", "--allow-inexact") == 0
    warnings = [e.data["message"] for e in read_events(folder) if e.kind == "warning"]
    assert any("memory for 1 tasks at a time" in warning for warning in warnings)
    assert chunk_of(folder) == 1


@pytest.mark.parametrize("engine", ["loop", "trie"])
def test_a_checkpoint_from_before_parts_is_one_of_all_tasks_at_once(engine):
    preset = load_preset("digits", [*CHUNKED, f"device.engine={engine}"]).preset
    state = build_experiment(preset, CPU).state_dict()
    experiment = build_experiment(preset, CPU)
    assert experiment.differences(state) == []
    rounding = experiment.population.rounding
    assert state.pop("engine") == {"tasks_per_chunk": 4, "rounding": rounding}
    older = [f"the trie engine rounds otherwise: revision 1 then, {rounding} now"]
    assert experiment.differences(state) == (older if engine == "trie" else [])
    experiment.load_state_dict(state)
    assert experiment.tasks_per_chunk == 4


def test_too_little_for_one_task_is_refused_before_training(make_run, train, room_for):
    folder = make_run(small=CHUNKED)
    room_for(preset_of(folder), 1, less=2**20)
    assert train(folder) == 1
    reason = derive_state(folder).reason
    assert "even with one task at a time" in reason
    assert "a smaller train.batch_size, method.nes_samples or method.sgd_samples" in reason
    assert not checkpoint_directories(folder)


@pytest.mark.parametrize("name", ["digits", "digits-full", "digits-gumbel", "digits-branched"])
def test_the_experiment_is_predicted_like_its_preset(name):
    preset = load_preset(name).preset
    found = build_experiment(preset, CPU).memory
    asked = predict(preset)
    assert (found.process_bytes, found.device_bytes) == (asked.process_bytes, asked.memory_bytes)


@pytest.mark.process
@pytest.mark.parametrize("tasks", [4, 2])
def test_a_process_takes_what_was_predicted_and_never_more_than_its_budget(make_run, tasks):
    """Activations dominate: without them this run takes 420 MiB."""
    wide = ("network.conv=[64,64]", "train.batch_size=256", "train.steps=2", "device.device=cpu")
    preset = load_preset("digits", wide).preset
    between = most_bytes(preset, tasks) // 2 + most_bytes(preset, min(tasks + 1, 4)) // 2
    share = between / psutil.virtual_memory().available
    folder = make_run(f"device.memory_budget={share if tasks < 4 else 1}", small=wide)
    free = psutil.virtual_memory().available
    done = subprocess.run(
        [*COMMAND, str(folder.path)],
        env=launch.trainer_environment(os.environ, 1),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("(2 at a time)" in done.stdout.splitlines()[0]) == (tasks == 2)
    taken = peak_bytes(done.stdout)
    shape = preset.data.shape()
    predicted = memory(preset, shape, predict(preset).parameters, tasks).process_bytes
    assert taken == pytest.approx(predicted, rel=0.2)
    assert taken <= min(most_bytes(preset, tasks), free * preset_of(folder).device.memory_budget)


def test_check_tells_how_many_tasks_fit(capsys, monkeypatch):
    from shareconsole.headless.prediction import prediction_json

    loaded = load_preset("lws-omniglot")
    budget = most_bytes(loaded.preset, 9)
    monkeypatch.setattr("shareconsole.headless.prediction.memory_budget", lambda preset: budget)
    told = json.loads(json.dumps(prediction_json(loaded)))["prediction"]
    assert told["tasks_per_chunk"] == 9
    assert told["activation_bytes"] < told["memory_bytes"] < budget
