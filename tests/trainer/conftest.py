"""Small runs, trained in this process or in one of their own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from shareconsole import launch
from shareconsole.spec.toml import load_preset
from shareconsole.store.folder import RunFolder
from shareconsole.trainer.__main__ import main

SMALL = (
    "network.conv=[3]",
    "network.dense=[6]",
    "method.modules=2",
    "method.nes_samples=3",
    "method.sgd_samples=2",
    "train.batch_size=4",
    "train.steps=40",
    "train.eval_every=20",
    "train.checkpoint_every=10",
    "train.assignment_every=5",
    "device.device=cpu",
)
"""Overrides that make the digits preset take a fraction of a second."""


@pytest.fixture
def make_run(tmp_path) -> Callable[..., RunFolder]:
    """make_run("train.steps=5", preset="digits"): a new run folder of a small run."""

    def make(*overrides: str, preset: str = "digits", small: tuple[str, ...] = SMALL) -> RunFolder:
        loaded = load_preset(preset, [*small, *overrides])
        return launch.create_run(loaded, tmp_path / "runs")

    return make


@pytest.fixture
def train() -> Iterator[Callable[..., int]]:
    """train(folder, "--steps", "50"): run the trainer in this process; returns its exit code."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}

    def run(folder: RunFolder, *arguments: str) -> int:
        return main([str(folder.path), *arguments])

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
