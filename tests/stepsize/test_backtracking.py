"""Classical backtracking: every accepted step satisfies Armijo's condition, written out again."""

from __future__ import annotations

import pytest
import torch

from tests.stepsize.searching import (
    DROPOUT,
    OWN,
    build,
    depth_of,
    go_to,
    networks,
    options,
    owner,
    snapshot,
    step,
)

ARMIJO = 0.3
LONG = {"initial_step": 64.0, "max_step": 64.0, "max_trials": 20}


def facts(experiment, made):
    """Losses before and per-task gradients, by autograd on the plain networks."""
    go_to(experiment, made.before)
    _, losses = networks(experiment, made.batch)
    named = dict(experiment.population.bank.named_parameters())
    rows = [
        torch.autograd.grad(loss, [*named.values()], retain_graph=True, allow_unused=True)
        for loss in losses
    ]
    gradients = [
        {
            n: torch.zeros_like(p) if g is None else g
            for (n, p), g in zip(named.items(), row, strict=True)
        }
        for row in rows
    ]
    return losses.detach(), gradients


def losses_at(experiment, made, moved):
    """Losses with the weights of `moved`, everything else as before the step."""
    go_to(experiment, made.before, moved)
    with torch.no_grad():
        return networks(experiment, made.batch)[1]


def decreases_enough(before, after, gradients, direction, size, condition):
    slopes = [
        sum(float((g[name] * direction[name]).sum()) for name in direction) for g in gradients
    ]
    excess = [
        float(b - a) < ARMIJO * size * slope
        for b, a, slope in zip(before, after, slopes, strict=True)
    ]
    if condition == "every_task":
        return not any(excess)
    return float((before - after).mean()) >= ARMIJO * size * sum(slopes) / len(slopes)


CASES = [
    pytest.param("trie", (), id="trie"),
    pytest.param("loop", (), id="loop"),
    pytest.param("loop", DROPOUT, id="dropout"),
    pytest.param("trie", OWN, id="own-trie"),
    pytest.param("loop", OWN, id="own-loop"),
]


@pytest.mark.parametrize("condition", ["sum", "every_task"])
@pytest.mark.parametrize(("engine", "extra"), CASES)
def test_accepted_steps_satisfy_armijo_and_longer_ones_that_were_tried_do_not(
    tmp_path, engine, extra, condition
):
    rule = options("backtracking", condition=condition, start="reset", **LONG)
    experiment = build(tmp_path, rule, f"device.engine={engine}", *extra)
    refused, depth = 0, depth_of(experiment)
    for _ in range(5):
        made = step(experiment)
        now = snapshot(experiment)
        before, gradients = facts(experiment, made)
        direction = {
            name: sum(g[name] for g in gradients) / (2 if owner(name, depth) is None else 1)
            for name in gradients[0]
        }
        for name, value in made.before["bank"].items():
            if name in direction:
                torch.testing.assert_close(made.gradients[name], direction[name])
                expected = value - made.size * made.gradients[name]
                torch.testing.assert_close(made.after["bank"][name], expected, atol=0, rtol=1e-15)
        after = losses_at(experiment, made, made.after)
        assert made.size > 0
        assert decreases_enough(before, after, gradients, direction, made.size, condition)
        if made.scalars["trials"] > 1:
            refused += 1
            longer = {
                "bank": {
                    n: made.before["bank"][n] - 2 * made.size * d for n, d in direction.items()
                }
            }
            after = losses_at(experiment, made, longer)
            assert not decreases_enough(
                before, after, gradients, direction, 2 * made.size, condition
            )
        go_to(experiment, now)
    assert refused >= 3


@pytest.mark.parametrize(
    ("name", "condition"),
    [("backtracking", "sum"), ("backtracking", "every_task"), ("latent_backtracking", "sum")],
)
@pytest.mark.parametrize(("engine", "extra"), CASES)
def test_trials_leave_no_trace(tmp_path, name, condition, engine, extra):
    """One step of the constant rule of the size that was found ends in the same state."""
    rule = options(name, condition=condition, **LONG)
    searched = build(tmp_path, rule, f"device.engine={engine}", *extra)
    made = step(searched)
    assert made.scalars["trials"] > 3
    plain = f"train.learning_rate={made.size}"
    constant = build(tmp_path, 'name = "constant"', f"device.engine={engine}", plain, *extra)
    same = step(constant)
    if name == "backtracking" or extra != DROPOUT:
        for key, value in same.after["bank"].items():
            torch.testing.assert_close(made.after["bank"][key], value, atol=1e-13, rtol=1e-12)
    if name == "backtracking":
        for key, value in same.after["generators"].items():
            assert torch.equal(made.after["generators"][key], value)


@pytest.mark.parametrize("verify", [0, 1])
@pytest.mark.parametrize(("engine", "extra"), CASES)
def test_how_many_trials_there_were_changes_no_bit(tmp_path, engine, extra, verify):
    states = []
    long, after = dict(LONG), []
    for _ in range(2):
        rule = options("latent_backtracking", **long, verify_every=verify)
        experiment = build(tmp_path, rule, f"device.engine={engine}", *extra)
        made = step(experiment)
        states.append(made.after)
        after.append(made.scalars["trials"])
        long["initial_step"] = made.size
    assert after[0] > 3
    assert after[1] == 1 + verify
    for part in ("bank", "generators"):
        for key, value in states[0][part].items():
            assert torch.equal(value, states[1][part][key])


@pytest.mark.parametrize("name", ["backtracking", "latent_backtracking"])
def test_if_all_is_refused_the_weights_stay_to_the_bit(tmp_path, name):
    rule = options(name, initial_step=1e5, max_step=1e6, max_trials=3)
    experiment = build(tmp_path, rule)
    made = step(experiment)
    assert made.size == 0
    assert made.scalars["trials"] == 3
    for key, _ in experiment.population.bank.named_parameters():
        assert torch.equal(made.before["bank"][key], made.after["bank"][key])
    assert experiment.step_size.state_dict()["first"] == 0.25e5
    assert any("running" in k for k in made.after["bank"])
    assert step(experiment).scalars["trials"] == 3


def test_a_batch_that_refuses_everything_does_not_end_the_search_for_good(tmp_path):
    rule = options("backtracking", initial_step=0.5, shrink=0.01, max_trials=40)
    experiment = build(tmp_path, rule)
    rule = experiment.step_size
    rule.begin()
    rule.end(rule.search(lambda size: False))
    assert rule.state_dict()["first"] == 0.5e-4
    assert step(experiment).size == 0.5e-4


def test_a_warm_start_doubles_and_a_reset_does_not(tmp_path):
    sizes = {}
    for start in ("warm", "reset"):
        experiment = build(tmp_path, options("backtracking", start=start, initial_step=0.01))
        sizes[start] = [step(experiment).size for _ in range(3)]
    assert sizes["reset"] == [0.01] * 3
    assert sizes["warm"] == [0.01, 0.02, 0.04]
    experiment.step_size.reset()
    assert experiment.step_size.state_dict()["first"] == 0.01


def test_no_step_is_longer_than_the_longest(tmp_path):
    experiment = build(tmp_path, options("backtracking", max_step=0.015, initial_step=0.01))
    assert [step(experiment).size for _ in range(3)] == [0.01, 0.015, 0.015]


def test_a_rule_that_looks_at_losses_wants_to_be_asked_for_gradients(tmp_path):
    for name in ("backtracking", "latent_backtracking"):
        experiment = build(tmp_path, options(name))
        with pytest.raises(RuntimeError, match="needs gradients of losses"):
            experiment.step_size.step()
