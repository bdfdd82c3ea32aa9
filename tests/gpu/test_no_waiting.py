"""On a GPU: queueing a step never waits for the device, but for the losses that NES needs."""

from __future__ import annotations

import pytest
import torch

from shareconsole.sharing import assignment
from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment
from shareconsole.trainer.device import set_up

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture
def no_waiting():
    """Every implicit synchronisation is an error; waiting for an event is not implicit."""
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("preset", ["digits", "digits-none"])
def test_a_step_synchronises_nowhere(preset, no_waiting):
    set_up(1)
    loaded = load_preset(preset, ["device.device=cuda:0"]).preset
    experiment = build_experiment(loaded, torch.device("cuda:0"))
    for _ in range(3):  # kernels are loaded and memory is reserved with waits of their own
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
    no_waiting()
    results = [
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        for _ in range(5)
    ]
    assert not any(result.diverged for result in results)


def test_engines_agree_on_the_gpu():
    set_up(1)
    runs = []
    for engine in ("loop", "trie"):
        options = [f"device.engine={engine}", "device.dtype=float64", "device.device=cuda:0"]
        experiment = build_experiment(load_preset("digits", options).preset, torch.device("cuda:0"))
        results = [
            experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
            for _ in range(3)
        ]
        runs.append(torch.stack([result.loss_T for result in results]))
        assert assignment.mean_entropy(experiment.method.pi_LTK) > 0
    torch.testing.assert_close(*runs, rtol=0, atol=1e-8)
