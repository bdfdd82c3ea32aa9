"""Runs with cropped training images: resumed exactly, tested on whole images, the same engines."""

from __future__ import annotations

import pytest
import torch

from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment
from shareconsole.trainer.evaluate import evaluate
from tests.trainer.conftest import SMALL
from tests.trainer.killing import difference, read, same_state

CPU = torch.device("cpu")
CROP = "train.crop_padding=2"


def build(*overrides: str):
    return build_experiment(load_preset("digits", [*SMALL, *overrides]).preset, CPU)


def test_a_resumed_run_crops_as_one_that_was_not_interrupted(make_run, train):
    folder, whole, plain = make_run(CROP), make_run(CROP), make_run()
    assert train(folder, "--steps", "20") == 0
    assert train(folder, "--steps", "40") == 0
    for each in (whole, plain):
        assert train(each) == 0
    assert same_state(folder, whole)
    assert difference(read(folder), read(whole)) == ""
    assert not same_state(plain, whole)  # else nothing was cropped


@pytest.mark.parametrize("validation", ["0.0", "0.2"])
def test_networks_are_tested_on_whole_images(validation):
    held = f"train.validation_fraction={validation}"
    plain, cropped = build(held), build(held, CROP)
    scores = []
    for experiment in (plain, cropped):
        experiment.sampler.next()
        scores.append(evaluate(experiment, lambda: None))
    assert scores[0] == scores[1]
    assert any("validation" in name for name in scores[0]) == (validation != "0.0")


def test_both_engines_train_on_the_same_crops():
    engines = [
        build(CROP, f"device.engine={name}", "device.dtype=float64") for name in ("trie", "loop")
    ]
    for _ in range(3):
        results = [
            each.method.step(each.sampler, each.step_size, Stopwatch()).loss_T for each in engines
        ]
        torch.testing.assert_close(*results)
