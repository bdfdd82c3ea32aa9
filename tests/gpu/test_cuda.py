"""On a GPU: the same run as on the CPU up to rounding, and the same bits twice."""

from __future__ import annotations

import pytest
import torch

from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment
from shareconsole.trainer.device import set_up

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def losses(device: str, steps: int) -> torch.Tensor:
    """Training losses [steps, T] and fitness [steps, S] of the digits preset in float64."""
    set_up(1)
    preset = load_preset("digits", ["device.dtype=float64"]).preset
    experiment = build_experiment(preset, torch.device(device))
    rows = []
    for _ in range(steps):
        result = experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        rows.append(torch.cat([result.loss_T.double(), result.fitness_S]))
    return torch.stack(rows)


def test_a_gpu_agrees_with_the_cpu_in_float64():
    torch.testing.assert_close(losses("cuda:0", 5), losses("cpu", 5), rtol=1e-8, atol=1e-8)


def test_the_same_seed_gives_the_same_bits():
    assert torch.equal(losses("cuda:0", 20), losses("cuda:0", 20))
