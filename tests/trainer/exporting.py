"""Small experiments of every network and method, and runs as the exporter sees them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from shareconsole.sharing.data import scale
from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.store.folder import RunFolder
from shareconsole.trainer.build import Experiment, build_experiment
from shareconsole.trainer.device import DTYPES
from shareconsole.trainer.standalone.export import task_network
from shareconsole.trainer.standalone.saved_run import SavedRun

NETWORKS = {
    "convnet": (
        "name = 'convnet'\nconv = [3, 4]\nconv_sharing = ['routed', 'shared']\ndense = [5]\n"
        "conv_dropout = 0.1\ndropout = 0.2"
    ),
    "mlp": "name = 'mlp'\nwidths = [6, 5]",
    "resnet18": "name = 'resnet18'\nwidth = 2",
    "diversity_depth": "name = 'diversity_depth'\nwidth = 4\nlayers = 2\nhalvings = 1",
}
METHODS = {
    "learned_sharing": "nes_samples = 2\nsgd_samples = 2\nmodules = 2",
    "gumbel": "components = 3",
    "branched": "single_task_steps = 1\nprobe_images = 20\nbudget = 3.0",
}
"""Options beside the name; a method that is not here takes its own defaults."""


def experiment(
    tmp_path: Path, network: str, method: str, *overrides: str, steps: int = 2
) -> Experiment:
    """Build it on the digits and take some steps."""
    path = tmp_path / "small.toml"
    path.write_text(
        f"[data]\nname = 'digits'\n[network]\n{NETWORKS[network]}\n"
        f"[method]\nname = '{method}'\n{METHODS.get(method, '')}\n"
        "[train]\nbatch_size = 4\nlearning_rate = 0.01\n[device]\ndevice = 'cpu'\n"
    )
    built = build_experiment(load_preset(str(path), overrides).preset, torch.device("cpu"))
    for _ in range(steps):
        built.method.step(built.sampler, built.step_size, Stopwatch())
    return built


def saved(built: Experiment) -> SavedRun:
    """The run at this moment, as it would be read from a checkpoint."""
    folder = RunFolder(Path("a-run"))
    return SavedRun(folder, built.preset, built.outline, 2, built.state_dict(), ())


def assert_equal_to_evaluation(built: Experiment, tolerance: float) -> None:
    """Take out two tasks' networks, folded and not, and hold their logits against the run's."""
    dtype = DTYPES[built.preset.device.dtype]
    for task in (0, 3):
        inputs = scale(built.data.test.task_images(task)[:40], dtype)
        expected = built.method.logits(task, inputs)
        for fold in (False, True):
            made = task_network(saved(built), task, fold=fold)
            with torch.no_grad():
                found = made.network(inputs)
            assert found.dtype == dtype
            torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
            assert made.difference < tolerance * max(1.0, float(expected.abs().max()))
            assert not made.network.training
            norms = [m for m in made.network.modules() if isinstance(m, nn.BatchNorm2d)]
            assert not (fold and norms)
