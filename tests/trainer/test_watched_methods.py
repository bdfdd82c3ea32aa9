"""Every family of methods, trained by the real trainer and looked at in the console.

The panels themselves are tested on runs made by hand; here it is seen that trainers emit what those
take for granted, and that no panel depends on a method's name.
"""

from __future__ import annotations

import re

import pytest

from shareconsole.console.screens.panels import Panels
from shareconsole.spec.toml import load_preset
from tests.console.driving import drive

FEW = (
    "network.conv=[3]",
    "network.dense=[6]",
    "train.batch_size=4",
    "train.steps=12",
    "train.eval_every=4",
    "train.checkpoint_every=12",
    "train.assignment_every=2",
    "device.device=cpu",
)
LOSS, ERRORS = ("1", "loss"), ("4", "errors")
SEARCHED = [LOSS, ("2", "fitness"), ("3", "assignment"), ERRORS]


@pytest.mark.parametrize(
    ("preset", "more", "pages", "sights"),
    [
        ("digits", (), SEARCHED, ["learned_sharing"]),
        (
            "digits",
            ("method.final_stage=retrain", "method.search_steps=6"),
            SEARCHED,
            ["retrain 6/6", "best of retrain"],
        ),
        ("digits-gumbel", (), [LOSS, ERRORS, ("5", "allocation")], ["components in use"]),
        (
            "digits-tracenorm",
            (),
            [LOSS, ERRORS, ("6", "similarity"), ("7", "spectrum")],
            ["similarity of weights", "singular values"],
        ),
        (
            "digits-branched",
            ("method.single_task_steps=6", "method.probe_images=8"),
            [LOSS, ERRORS, ("8", "affinity"), ("9", "tree")],
            ["affinity of tasks", "tree 6/6", "best of tree"],
        ),
        ("digits-linesearch", (), [LOSS, ERRORS, ("0", "step_size")], ["trials"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_trained_run_shows(make_run, train, preset, more, pages, sights):
    images = "train_images=200" if preset == "digits-linesearch" else "train_per_task=20"
    folder = make_run(f"data.{images}", *more, preset=preset, small=FEW)
    assert train(folder) == 0

    async def act(d):
        for sight in ("test error %", load_preset(preset).preset.method.name, *sights):
            await d.until(sight)
        assert d.app.screen.query_one(Panels).pages() == pages
        # Every panel by itself has something to show: figures, not only a frame.
        await d.resize(80, 24)
        for key, name in pages:
            await d.press(key)
            await d.until(f"[{key} {name.replace('_', ' ')}]")
            await d.until(lambda name=name: re.search(r"\d", d.panel(f"#{name}")))

    drive(folder.path.parent, act, run=folder)
