"""Do our variants of learned sharing pay? The tables of the README, and what presets to ship.

`python -m tests.studies.plus [--only CASE ...] [--seeds N] [--variants VARIANT ...] [--csv FILE]`
trains what the file does not hold yet and prints the tables; interrupted, it goes on where it was.
Several may work on one file at a time, each on other cases or seeds (--first). With N the steps of
the preset and S its samples:

* searches of N steps: the paper's, and with other credit or other images in the fitness pass;
* final stages of N further steps, each from the state in which its search ended, which is the same
  to the bit as in a run of its own: the search is trained once and its time counted each time;
* controls: full and no sharing for N steps, with S times the batch, and for S times the steps;
  where the groups are planted, also the assignment that follows them.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import stats

from shareconsole.sharing import assignment
from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment, load_data
from shareconsole.trainer.device import set_up
from shareconsole.trainer.evaluate import evaluate
from tests.studies.plus_setups import (
    CASES,
    CONTROLS,
    FIRST_SEED,
    PAPER,
    SEARCHES,
    TOO_SLOW,
    TRUE,
    too_slow,
    variants,
)
from tests.studies.sharing import interval, spread
from tests.studies.table import Table, kept
from tests.studies.tree_setups import CPU

if TYPE_CHECKING:
    from collections.abc import Sequence

PART = "plus"


class Case:
    """One preset with its data loaded, whose variants are trained one after the other."""

    def __init__(self, name: str, steps: int | None) -> None:
        self.name = name
        self.preset = load_preset(name, ["device.device=cpu"]).preset
        self.steps = steps or self.preset.train.steps
        self.data = load_data(self.preset)

    def build(self, seed: int, *overrides: str, **tables):
        """An experiment of this case."""
        loaded = load_preset(self.name, ["device.device=cpu", f"run.seed={seed}", *overrides])
        return build_experiment(loaded.preset.model_copy(update=tables), CPU, self.data)

    def final(self, seed: int, stage: str, *overrides: str):
        """An experiment that searches for as long as this case's searches do."""
        total = (f"train.steps={2 * self.steps}", f"method.search_steps={self.steps}")
        return self.build(seed, *overrides, *total, f"method.final_stage={stage}")


def train(experiment, steps: int) -> float:
    """Take steps; returns the CPU seconds of this process that they took."""
    began = time.process_time()
    for _ in range(steps):
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
    return time.process_time() - began


def scores(experiment, seconds: float, steps: int) -> dict[str, float]:
    """What a variant came to: errors as fractions, Rand index where groups are known, cost."""
    wanted = ("macro_error", "micro_error", "entropy", "rand_index")
    found = evaluate(experiment, lambda: None).items()
    told = {name: value for name, value in found if name.startswith(wanted)}
    return {"cpu_seconds": seconds, "gradient_steps": steps, **told}


def measure_search(table: Table, case: Case, name: str, seed: int, wanted: Sequence[str]) -> None:
    """A search and what follows it, unless all of that is there or nobody wants it."""
    search = SEARCHES[name]
    missing = [v for v in wanted if (PART, case.name, v, seed) not in table.values]
    finals = [final for final in search.finals if final[0] in missing]
    if not finals and name not in missing:
        return
    experiment = case.build(seed, *search.overrides)
    seconds = train(experiment, case.steps)
    if (PART, case.name, name, seed) not in table.values:
        table.add(PART, case.name, name, seed, scores(experiment, seconds, case.steps))
    for variant, stage in finals:
        further = case.final(seed, stage, *search.overrides)
        further.load_state_dict(copy.deepcopy(experiment.state_dict()))
        spent = seconds + train(further, case.steps)
        table.add(PART, case.name, variant, seed, scores(further, spent, 2 * case.steps))


def measure_control(table: Table, case: Case, name: str, seed: int) -> None:
    """Fixed sharing, unless it is there."""
    if (PART, case.name, name, seed) in table.values:
        return
    method, grows = CONTROLS[name]
    preset = case.preset
    more = preset.method.sgd_samples
    steps = case.steps * (more if grows == "steps" else 1)
    size = preset.train.batch_size * (more if grows == "batch" else 1)
    larger = preset.train.model_copy(update={"batch_size": size})
    experiment = case.build(seed, method=method, train=larger)
    table.add(PART, case.name, name, seed, scores(experiment, train(experiment, steps), steps))


def measure_truth(table: Table, case: Case, seed: int) -> None:
    """The planted groups as the assignment, from the start, unless it is there."""
    if case.data.groups is None or (PART, case.name, TRUE, seed) in table.values:
        return
    experiment = case.final(seed, "finetune")
    bank = experiment.population.bank
    groups = torch.tensor(case.data.groups).expand(bank.num_routed, -1)
    pi = assignment.certain(groups, bank.num_modules)
    # A search that is over before it began, and found this.
    experiment.method.load_state_dict({"pi": pi, "num_steps": case.steps})
    seconds = train(experiment, case.steps)
    table.add(PART, case.name, TRUE, seed, scores(experiment, seconds, case.steps))


def print_case(table: Table, case: str, wanted: Sequence[str]) -> None:
    """One case as a Markdown table, over the seeds for which all that is wanted is there."""
    keys = [key for key in table.values if key[:2] == (PART, case)]
    names = [name for name in wanted if any(key[2] == name for key in keys)]
    seeds = [
        seed
        for seed in sorted({key[3] for key in keys})
        if all((PART, case, name, seed) in table.values for name in names)
    ]
    if not seeds:
        return

    def column(name: str, number: str) -> np.ndarray:
        return np.array([table.values[PART, case, name, seed][number] for seed in seeds])

    errors = {name: column(name, "macro_error") for name in names}
    controls = [name for name in CONTROLS if name in errors]
    best = min(controls, key=lambda name: errors[name].mean(), default=PAPER)
    print(f"\n{case}, {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}); the best control: {best}\n")
    print(
        "| variant | macro error % | micro error % | minus learned, points | p < learned "
        "| p < best control | gradient steps | CPU s | Rand index |\n" + "|---" * 9 + "|"
    )
    for name in names:
        rand = [
            f"{column(name, number).mean():.2f}"
            for number in table.values[PART, case, name, seeds[0]]
            if number.startswith("rand_index") and name not in CONTROLS
        ]
        print(
            f"| {name} | {percent(errors[name])} | {percent(column(name, 'micro_error'))} "
            f"| {difference(errors[name], errors[PAPER]) if name != PAPER else ''} "
            f"| {better(errors[name], errors[PAPER]) if name != PAPER else ''} "
            f"| {better(errors[name], errors[best]) if name != best else ''} "
            f"| {np.median(column(name, 'gradient_steps')):,.0f} "
            f"| {np.median(column(name, 'cpu_seconds')):.1f} | {', '.join(rand)} |"
        )


def percent(errors: np.ndarray) -> str:
    """Mean and, of several seeds, standard deviation in per cent."""
    return spread(errors) if len(errors) > 1 else f"{100 * errors[0]:.2f}"


def difference(errors: np.ndarray, others: np.ndarray) -> str:
    """Paired difference in points with its 95 % interval, which takes several seeds."""
    if len(errors) > 1:
        return interval(errors - others)
    return f"{100 * (errors[0] - others[0]):+.2f}"


def better(errors: np.ndarray, others: np.ndarray) -> str:
    """The p value of "its errors are lower" (Mann-Whitney, one-sided, as in the paper)."""
    if len(errors) < 3:
        return ""
    return f"{stats.mannwhitneyu(errors, others, alternative='less').pvalue:.3f}"


def main() -> None:
    """Train what is missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=CASES, default=[*CASES], metavar="CASE")
    parser.add_argument(
        "--seeds", type=int, help="seeds of each case, by default 5, and 1 of the largest"
    )
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first of them")
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=variants(),
        default=variants(),
        metavar="VARIANT",
        help="only these, for more seeds of what matters; the paper's search is always there",
    )
    parser.add_argument("--csv", type=Path, default=kept(__file__))
    parser.add_argument("--steps", type=int, help="N, to try it out; with a --csv of its own")
    arguments = parser.parse_args()
    if arguments.steps and arguments.csv == kept(__file__):
        parser.error("--steps is for a --csv of its own")
    wanted = [name for name in variants() if name == PAPER or name in arguments.variants]
    set_up(1)
    table = Table(arguments.csv)
    for name in arguments.only:
        case = Case(name, arguments.steps)
        for seed in range(arguments.first, arguments.first + (arguments.seeds or CASES[name])):
            for search in SEARCHES:
                if search not in TOO_SLOW.get(name, ()):
                    measure_search(table, case, search, seed, wanted)
            for control in CONTROLS:
                if control in wanted:
                    measure_control(table, case, control, seed)
            if TRUE in wanted:
                measure_truth(table, case, seed)
    for name in arguments.only:
        print_case(table, name, [each for each in wanted if each not in too_slow(name)])


if __name__ == "__main__":
    main()
