"""Latent backtracking against the formulas of its docstring, written out on plain networks."""

from __future__ import annotations

import copy

import pytest
import torch

from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment
from tests.stepsize.searching import (
    DROPOUT,
    OWN,
    build,
    depth_of,
    go_to,
    head_loss,
    networks,
    options,
    owner,
    snapshot,
    step,
)

ARMIJO = 0.3
LONG = {"initial_step": 4096.0, "max_step": 4096.0, "max_trials": 40, "start": "reset"}
ENGINES = {
    "trie": ("trie", ()),
    "dropout": ("loop", DROPOUT),
    "loop": ("loop", ()),
    "own-trie": ("trie", OWN),
    "own-loop": ("loop", OWN),
}
VARIANTS = [
    {},
    {"condition": "every_task"},
    {"task_weights": "mgda_ub"},
    {"task_weights": "mgda_ub", "condition": "every_task", "head_gradients": "weighted"},
    {"task_weights": [3.0, 1.0], "head_gradients": "weighted"},
    {"rescale": "none"},
    {"heads_in_trial": "stay"},
    {"heads_in_trial": "stay", "rescale": "none", "condition": "every_task"},
]
FEW = VARIANTS[:3]
CASES = [(e, v) for e in ENGINES for v in (VARIANTS if e == "trie" else FEW)]


def mixed(values, weights):
    return sum(w * v for w, v in zip(weights, values, strict=True))


class Written:
    """One search as the docstring has it, on the plain networks in the state before the step."""

    def __init__(self, experiment, made, variant):
        go_to(experiment, made.before)
        self.experiment, self.made, self.variant = experiment, made, variant
        self.bank = experiment.population.bank
        self.depth = depth_of(experiment)
        self.shared = made.batch.inputs.dim() == 4
        self.latents, losses = networks(experiment, made.batch, self.depth)
        self.losses = losses.detach()
        parameters = dict(self.bank.named_parameters())
        self.g = [
            torch.autograd.grad(loss, z, retain_graph=True)[0]
            for loss, z in zip(losses, self.latents, strict=True)
        ]
        self.weights = self.task_weights()
        total = mixed(losses, self.weights)
        self.direction = {}
        for name, p in parameters.items():
            task = owner(name, self.depth)
            of = total if task is None else losses[task]
            (gradient,) = torch.autograd.grad(of, p, retain_graph=True)
            self.direction[name] = gradient
        self.plain = {n: g for n, g in self.direction.items() if owner(n, self.depth) is not None}
        if variant.get("head_gradients") == "weighted":
            for name, gradient in self.plain.items():
                self.direction[name] = gradient * self.weights[owner(name, self.depth)]

    def task_weights(self):
        asked = self.variant.get("task_weights", "equal")
        if asked == "equal":
            return [1 / len(self.losses)] * len(self.losses)
        if asked != "mgda_ub":
            return [a / sum(asked) for a in asked]
        if not self.shared:
            inverse = [1 / float((g**2).sum()) for g in self.g]
            return [i / sum(inverse) for i in inverse]
        grid = torch.linspace(0, 1, 1_000_001, dtype=torch.float64)
        aa, bb, ab = (float((x * y).sum()) for x, y in ((self.g[0],) * 2, (self.g[1],) * 2, self.g))
        squares = grid**2 * aa + (1 - grid) ** 2 * bb + 2 * grid * (1 - grid) * ab
        first = float(grid[squares.argmin()])
        return [first, 1 - first]

    def accepts(self, size: float) -> bool:
        own = [w * g for w, g in zip(self.weights, self.g, strict=True)]
        d = [sum(own)] * len(own) if self.shared else own
        squared = float((d[0] ** 2).sum()) if self.shared else sum(float((x**2).sum()) for x in d)
        encoder = sum(
            float((g**2).sum()) for n, g in self.direction.items() if owner(n, self.depth) is None
        )
        scale = 1.0 if self.variant.get("rescale") == "none" else encoder / squared
        moves = self.variant.get("heads_in_trial", "move") == "move"
        slopes = [
            scale * float((g * x).sum())
            + (
                sum(
                    float((self.plain[n] * self.direction[n]).sum())
                    for n in self.plain
                    if owner(n, self.depth) == task
                )
                if moves
                else 0
            )
            for task, (g, x) in enumerate(zip(self.g, d, strict=True))
        ]
        after = copy.deepcopy(self.made.before)
        for name in self.plain:
            if moves:
                after["bank"][name] -= size * self.direction[name]
        go_to(self.experiment, self.made.before, after)
        with torch.no_grad():
            # To where the heads' masks begin.
            latents, _ = networks(self.experiment, self.made.batch, self.depth)
            go_to(self.experiment, self.made.before, after)
            for _ in latents if not self.shared else latents[:1]:
                x = self.made.batch.task_inputs(0)
                for module in self.bank.path(0, [])[: self.depth]:
                    x = module(x)
            losses = torch.stack(
                [
                    head_loss(self.bank, t, z - size * scale * x, self.made.batch, self.depth)
                    for t, (z, x) in enumerate(zip(self.latents, d, strict=True))
                ]
            )
        change = [
            float(a - b) + ARMIJO * size * s
            for a, b, s in zip(losses, self.losses, slopes, strict=True)
        ]
        if self.variant.get("condition") == "every_task":
            return max(change) <= 0
        return mixed(change, self.weights) <= 0


def check(experiment, made, variant) -> bool:
    """Hold one step against the formulas; whether a trial was refused."""
    now = snapshot(experiment)
    written = Written(experiment, made, variant)
    loose = {"atol": 1e-5, "rtol": 1e-5} if variant.get("task_weights") == "mgda_ub" else {}
    torch.testing.assert_close(made.result.loss_T, written.losses)
    for name, direction in written.direction.items():
        torch.testing.assert_close(made.gradients[name], direction, **loose)
        expected = made.before["bank"][name] - made.size * made.gradients[name]
        torch.testing.assert_close(made.after["bank"][name], expected, atol=0, rtol=1e-15)
    if made.size:
        assert written.accepts(made.size)
    refused = made.scalars["trials"] > 1
    if refused:
        assert not written.accepts(2 * (made.size or 4096 / 2**40))
    go_to(experiment, now)
    return refused


@pytest.mark.parametrize(("case", "variant"), CASES, ids=str)
def test_every_step_is_what_the_formulas_say(tmp_path, case, variant):
    engine, extra = ENGINES[case]
    rule = options("latent_backtracking", **LONG, **variant)
    experiment = build(tmp_path, rule, f"device.engine={engine}", *extra)
    refused = 0
    for _ in range(2):
        refused += check(experiment, step(experiment), variant)
    assert refused or variant.get("rescale") == "none"


@pytest.mark.parametrize("engine", ["trie", "loop"])
@pytest.mark.parametrize("weights", ["equal", "mgda_ub"])
def test_tasks_with_images_of_their_own(engine, weights):
    overrides = ("network.conv=[4, 5]", "network.dense=[8]", "train.batch_size=6")
    overrides += ("train.optimizer=sgd", "train.learning_rate=64.0", "device.dtype=float64")
    overrides += ("step_size.name=latent_backtracking", "step_size.armijo=0.3")
    overrides += ("step_size.max_step=64.0", f"step_size.task_weights={weights}")
    loaded = load_preset("digits-full", [*overrides, f"device.engine={engine}"])
    assert "orthogonal by construction" in loaded.notes[0]
    experiment = build_experiment(loaded.preset, torch.device("cpu"))
    assert experiment.notices == tuple(loaded.notes)
    made = step(experiment)
    assert check(experiment, made, {"task_weights": weights})
    assert 0 < made.size < 64


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("latent_backtracking", {"task_weights": "mgda_ub"}),
        # Nothing moves the encoder where the only task with labels has no weight.
        ("latent_backtracking", {"task_weights": [0, 1], "verify_every": 1}),
        ("backtracking", {"condition": "every_task"}),
        ("backtracking", {}),
    ],
)
@pytest.mark.parametrize("engine", ["trie", "loop"])
def test_a_task_without_a_labelled_image_stands_still(tmp_path, engine, name, values):
    rule = options(name, **values)
    experiment = build(tmp_path, rule, f"device.engine={engine}")
    experiment.data.train.labels[1].fill_(-1)
    sampler = type(experiment.sampler)(
        experiment.data.train, 12, torch.float64, experiment.generators
    )
    experiment.sampler = sampler
    made = step(experiment)
    assert made.size > 0
    assert made.batch.num_labelled == (12, 0)
    for name in made.gradients:
        assert owner(name, 3) != 1
    for name, value in made.after["bank"].items():
        if name.startswith("heads.1"):
            assert torch.equal(value, made.before["bank"][name])
    assert made.result.loss_T.isnan().tolist() == [False, True]
    experiment.data.train.labels[0].fill_(-1)
    experiment.sampler = type(sampler)(
        experiment.data.train, 12, torch.float64, experiment.generators
    )
    made = step(experiment)
    assert made.scalars == {"step_size": 0, "trials": 0, "trial_share": 0}
    assert not made.gradients


def test_with_equal_weights_the_gradient_is_that_of_the_constant_rule(tmp_path):
    gradients = []
    for rule in ('name = "constant"', options("latent_backtracking")):
        for engine in ("trie", "loop"):
            experiment = build(tmp_path, rule, f"device.engine={engine}")
            gradients.append(step(experiment).gradients)
    for other in gradients[1:]:
        assert other.keys() == gradients[0].keys()
        for name, gradient in other.items():
            torch.testing.assert_close(gradient, gradients[0][name], atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("case", ["trie", "loop", "dropout"])
def test_a_verified_step_lowers_the_loss_of_the_whole_network(tmp_path, case):
    """And bounds the steps until it is verified again."""
    engine, extra = ENGINES[case]
    rule = options("latent_backtracking", **LONG, verify_every=3)
    experiment = build(tmp_path, rule, f"device.engine={engine}", *extra)
    plain = options("latent_backtracking", **LONG)
    alone = step(build(tmp_path, plain, f"device.engine={engine}", *extra))
    limit, depth = 0.0, depth_of(experiment)
    for number in range(6):
        made = step(experiment)
        now = snapshot(experiment)
        if number == 0:
            assert 0 < made.size < alone.size
            assert made.scalars["trials"] > alone.scalars["trials"]
        if number % 3 == 0:
            limit = made.size
            for size, enough in ((made.size, True), (2 * made.size, False))[: 2 - number]:
                moved = copy.deepcopy(made.before)
                for name, gradient in made.gradients.items():
                    moved["bank"][name] -= size * gradient
                with torch.no_grad():
                    go_to(experiment, made.before)
                    _, before = networks(experiment, made.batch, depth)
                    go_to(experiment, made.before, moved)
                    _, after = networks(experiment, made.batch, depth)
                slope = sum(
                    float((g**2).sum()) / (1 if owner(n, depth) is None else 2)
                    for n, g in made.gradients.items()
                )
                assert (float((before - after).mean()) >= ARMIJO * size * slope) == enough
        else:
            assert made.size <= limit
        go_to(experiment, now)


def test_resumed_in_the_middle_it_goes_on_to_the_bit(tmp_path):
    rule = options("latent_backtracking", verify_every=3, task_weights="mgda_ub")
    whole = build(tmp_path, rule, *DROPOUT)
    for _ in range(4):
        step(whole)
    state = copy.deepcopy(whole.state_dict())
    expected = [step(whole) for _ in range(4)]
    resumed = build(tmp_path, rule, *DROPOUT)
    resumed.load_state_dict(state)
    for wanted in expected:
        made = step(resumed)
        assert (made.size, made.scalars["trials"]) == (wanted.size, wanted.scalars["trials"])
        for name, value in made.after["bank"].items():
            assert torch.equal(value, wanted.after["bank"][name])
    forgot = build(tmp_path, rule, *DROPOUT)
    forgot.load_state_dict({**state, "step_size": {"first": 1.0, "limit": 1.0, "steps": 0}})
    assert [step(forgot).scalars["trials"] for _ in expected] != [
        wanted.scalars["trials"] for wanted in expected
    ]
