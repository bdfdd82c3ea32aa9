"""What a line search costs and brings: constant, backtracking and latent backtracking.

`python -m tests.studies.line_search [--csv FILE] [--only PART]` measures what the file does not
hold yet and prints the tables; interrupted, it goes on where it was. All runs are of the preset
digits-linesearch, two digits overlaid, under different rules. Parts:

* grid: constant step sizes on seeds of their own; the one of the least error is what the searches
  are compared with. The searches have the preset's options throughout, of which
  `max_step` and `verify_every` were settled by a look at seed 0.
* error: every rule on the other seeds, the same number of steps each: test error, CPU time of the
  steps without evaluations, and what the search did.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import tomlkit

from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment, load_data
from shareconsole.trainer.device import set_up
from shareconsole.trainer.evaluate import evaluate
from tests.studies.sharing import interval, spread
from tests.studies.table import Table, kept
from tests.studies.tree_setups import CPU

PRESET = "digits-linesearch"
GRID_SEEDS, SEEDS = range(3), range(10, 15)
RATES = (0.03, 0.1, 0.3, 1.0)
REFERENCE = "constant"
LATENT_ONLY = ("task_weights", "head_gradients", "heads_in_trial", "rescale", "verify_every")
RULES: dict[str, dict[str, Any]] = {
    REFERENCE: {"name": "constant"},
    "backtracking": {"name": "backtracking"},
    "latent": {},
    "latent, never verified": {"verify_every": 0},
    "latent, MGDA-UB": {"task_weights": "mgda_ub"},
}
"""What each rule has other than the preset."""


def preset_of(rule: dict[str, Any], folder: Path, *overrides: str):
    """The preset under a rule; the searches have in common what is not said."""
    document = tomlkit.parse(load_preset(PRESET).source.decode())
    options = {**document["step_size"], **rule}
    if options["name"] == "constant":
        options = {"name": "constant"}
    if options["name"] == "backtracking":
        options = {key: value for key, value in options.items() if key not in LATENT_ONLY}
    document["step_size"] = options
    path = folder / "line-search.toml"
    path.write_text(tomlkit.dumps(document))
    return load_preset(str(path), overrides).preset


def train(preset) -> dict[str, float]:
    """Train one run to its end."""
    experiment = build_experiment(preset, CPU, load_data(preset))
    seconds = 0.0
    sizes, trials, shares = [], [], []
    for _ in range(preset.train.steps):
        began = time.process_time()
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
        seconds += time.process_time() - began
        made = experiment.step_size.scalars()
        sizes.append(made.get("step_size", preset.train.learning_rate))
        trials.append(made.get("trials", 0.0))
        shares.append(made.get("trial_share", 0.0))
    scores = evaluate(experiment, lambda: None)
    return {
        "macro_error": scores["macro_error"],
        "cpu_seconds": seconds,
        "step_size": median(sizes),
        "trials": mean(trials),
        "trial_share": mean(shares),
    }


def measure_grid(table: Table, folder: Path) -> float:
    """The constant step size of the least mean error on the seeds for choosing it."""
    errors = {}
    for rate in RATES:
        variant = f"{rate:g}"
        for seed in GRID_SEEDS:
            if ("grid", PRESET, variant, seed) not in table.values:
                overrides = (f"train.learning_rate={rate}", f"run.seed={seed}")
                preset = preset_of(RULES[REFERENCE], folder, *overrides)
                table.add("grid", PRESET, variant, seed, train(preset))
        errors[rate] = table.column("grid", PRESET, variant, "macro_error").mean()
    return min(errors, key=lambda rate: errors[rate])


def measure_error(table: Table, folder: Path, rate: float) -> None:
    """Every rule on every seed, seed by seed."""
    for seed in SEEDS:
        for name, rule in RULES.items():
            if ("error", PRESET, name, seed) in table.values:
                continue
            overrides = [f"run.seed={seed}"]
            if name == REFERENCE:
                overrides.append(f"train.learning_rate={rate}")
            table.add("error", PRESET, name, seed, train(preset_of(rule, folder, *overrides)))


def print_grid(table: Table) -> None:
    """Errors of the constant step sizes."""
    print(f"\ngrid, {len(GRID_SEEDS)} seeds\n\n| step size | macro error % |\n|---|---|")
    for rate in RATES:
        errors = table.column("grid", PRESET, f"{rate:g}", "macro_error")
        print(f"| {rate:g} | {spread(errors)} |")


def print_error(table: Table, rate: float) -> None:
    """Errors, times and what the searches did."""
    reference = table.column("error", PRESET, REFERENCE, "macro_error")
    seconds = table.column("error", PRESET, REFERENCE, "cpu_seconds")
    print(f"\nerror, {len(reference)} seeds, constant step size {rate:g}\n")
    print(
        "| rule | macro error % | minus constant, points | CPU s | times constant | step size "
        "| trials a step | time in trials |\n|---|---|---|---|---|---|---|---|"
    )
    for name in RULES:
        found = {
            key: table.column("error", PRESET, name, key)
            for key in ("macro_error", "cpu_seconds", "step_size", "trials", "trial_share")
        }
        errors = found["macro_error"]
        difference = "" if name == REFERENCE else interval(errors - reference)
        times = median(found["cpu_seconds"] / seconds)
        print(
            f"| {name} | {spread(errors)} | {difference} | {median(found['cpu_seconds']):.1f} "
            f"| {times:.2f} | {median(found['step_size']):.3g} | {found['trials'].mean():.2f} "
            f"| {found['trial_share'].mean():.0%} |"
        )


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv", type=Path, default=kept(__file__))
    parser.add_argument("--only", choices=("grid", "error"))
    arguments = parser.parse_args()
    set_up(1)
    table = Table(arguments.csv)
    with tempfile.TemporaryDirectory(prefix="shareconsole-study-") as name:
        folder = Path(name)
        rate = measure_grid(table, folder)
        if arguments.only != "grid":
            measure_error(table, folder, rate)
    print_grid(table)
    if arguments.only != "grid":
        print_error(table, rate)


if __name__ == "__main__":
    main()
