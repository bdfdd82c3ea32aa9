"""What holds for every method under every step size rule: seeds, exact resume, and learning."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.sharing.data import scale
from shareconsole.spec.methods import METHODS
from shareconsole.spec.stepsizes import STEP_SIZES
from shareconsole.trainer.device import DTYPES
from shareconsole.trainer.evaluate import evaluate
from tests.methods.cases import (
    CASES,
    DROPOUT,
    METHOD_OPTIONS,
    STEP_SIZE_OPTIONS,
    boundaries,
    resume,
    saved,
    standing,
    steps,
    told,
)

EACH = pytest.mark.parametrize("case", CASES, ids=str)
ENGINES = {
    "trie": {"device": {"engine": "trie"}},
    "loop": {"device": {"engine": "loop"}, "network": DROPOUT},
}
"""The loop engine is the one that runs dropout, whose draws a resumed run has to continue."""
RESUMED = [(case, "loop") for case in CASES] + [
    (case, "trie") for case in CASES if case.rule == "constant" and not case.preset().method.blended
]


def test_every_method_and_every_rule_is_among_those_tested():
    assert METHOD_OPTIONS.keys() == METHODS.keys()
    assert STEP_SIZE_OPTIONS.keys() == STEP_SIZES.keys()
    assert all("" in variants for variants in METHOD_OPTIONS.values())
    assert {case.rule for case in CASES} == STEP_SIZES.keys()
    plain = {(case.method, case.variant) for case in CASES if case.rule == "constant"}
    assert plain == {(m, variant) for m, variants in METHOD_OPTIONS.items() for variant in variants}


@EACH
def test_the_seed_decides_and_to_be_looked_at_changes_nothing(case):
    first, looked_at, other = case.build(), case.build(), case.build(run={"seed": 1})
    dtype, ours = DTYPES[first.preset.device.dtype], []
    for _ in range(max([0, *boundaries(first)]) + 2):
        for task in range(looked_at.data.num_tasks):
            images = looked_at.data.test.task_images(task)[:5]
            looked_at.method.logits(task, scale(images, dtype))
        standing(looked_at)
        ours.append(told(*steps(first, 1)))
        assert ours[-1] == told(*steps(looked_at, 1))
    assert standing(first) == standing(looked_at)
    (different,) = steps(other, 1)
    assert np.all(np.array(ours[0][0]) != different.loss_T.numpy())


@pytest.mark.parametrize(("case", "engine"), RESUMED, ids=str)
def test_resumed_equals_uninterrupted_to_the_bit_also_across_stages(case, engine):
    whole = case.build(**ENGINES[engine])
    starts = boundaries(whole)
    points = {start + off for start in starts for off in (-1, 0, 1)} or {2}
    states, expected = {}, []
    for step in range(max(points) + 2):
        if step in points:
            states[step] = saved(whole)
        expected += map(told, steps(whole, 1))
    for step, state in states.items():
        resumed = resume(case.build(**ENGINES[engine]), state)
        assert saved(resumed) == state
        assert [*map(told, steps(resumed, len(expected) - step))] == expected[step:]
        assert standing(resumed) == standing(whole)


@EACH
def test_losses_and_test_error_fall_on_planted_data(case):
    run = case.build("planted", train={"batch_size": 16})
    steps(run, max([0, *boundaries(run)]))
    losses = [float(result.loss_T.mean()) for result in steps(run, 30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert evaluate(run, lambda: None)["macro_error"] < 0.6  # by chance it is 0.9
