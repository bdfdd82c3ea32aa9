"""Is tree sampling worth recommending? The tables of the README.

`python -m tests.studies.tree_sampling [--csv FILE] [--only PART] [--cases CASE ...]` measures what
the file does not hold yet and prints the tables; interrupted, it goes on where it was. Parts:

* cost: CPU time of a whole step against independent sampling with S = 8.
* variance: of the NES and of the SGD gradient estimate, in states that independent sampling
  reaches, and how long the expected NES step is; `tests.studies.tree_variance`.
* error: on the test sets after the CPU time that independent sampling with S = 8 takes for the
  preset's steps, paired by seed.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from shareconsole.sharing.method import Stopwatch
from shareconsole.trainer.bench.made_up import make_up
from shareconsole.trainer.bench.subject import Subject
from shareconsole.trainer.build import build_experiment, load_data
from shareconsole.trainer.device import DTYPES, set_up
from shareconsole.trainer.evaluate import evaluate
from tests.studies.sharing import interval, spread
from tests.studies.table import Table, kept
from tests.studies.tree_setups import (
    CASES,
    CONTESTS,
    CPU,
    LEARNABLE,
    REFERENCE,
    VARIANTS,
    preset_of,
)
from tests.studies.tree_variance import STATES, measure_variance

ROUNDS = 9


def measure_cost(table: Table, case: str, engine: str) -> None:
    """All variants in turns, on random images, with pi uniform and with .99 on one module."""
    if ("cost", case, REFERENCE, 0) in table.values:
        return
    presets = {variant: preset_of(case, variant, engine) for variant in VARIANTS}
    dtype = DTYPES[presets[REFERENCE].device.dtype]
    data = make_up(presets[REFERENCE].data.shape(), dtype)
    subjects = {name: Subject(preset, engine, None, CPU, data) for name, preset in presets.items()}
    found: dict[str, dict[str, float]] = {name: {} for name in subjects}
    for entropy, label in (("uniform", "uniform"), (0.99, ".99")):
        samples = defaultdict(list)
        for subject in subjects.values():
            subject.hold(entropy)
            subject.steps(2)
        steps = max(1, round(0.3 / max(subjects[REFERENCE].steps(2).cpu / 2, 1e-4)))
        for _ in range(ROUNDS):
            for name, subject in subjects.items():
                samples[name].append(subject.steps(steps))
        reference = [sample.cpu for sample in samples[REFERENCE]]
        for name, taken in samples.items():
            ratios = [sample.cpu / of for sample, of in zip(taken, reference, strict=True)]
            found[name][f"ms {label}"] = median(1e3 * sample.cpu / steps for sample in taken)
            found[name][f"cost {label}"] = median(ratios)
            if taken[0].evaluations is not None:
                found[name][f"nodes {label}"] = sum(sample.evaluations for sample in taken) / (
                    steps * ROUNDS
                )
    for name in sorted(found, key=lambda name: name == REFERENCE):  # the mark of a whole row
        table.add("cost", case, name, 0, found[name])


class Contestant:
    """A variant in training, and the CPU seconds that it took so far."""

    def __init__(self, case: str, variant: str, engine: str, seed: int) -> None:
        self.preset = preset_of(case, variant, engine, seed)
        self.experiment = build_experiment(self.preset, CPU, load_data(self.preset))
        self.steps = 0
        self.seconds = 0.0

    def step(self) -> None:
        """Take one step."""
        began = time.process_time()
        self.experiment.method.step(self.experiment.sampler, self.experiment.step_size, Stopwatch())
        self.seconds += time.process_time() - began
        self.steps += 1

    def scores(self) -> dict[str, float]:
        """What the run came to."""
        wanted = ("macro_error", "entropy", "rand_index")
        scores = evaluate(self.experiment, lambda: None)
        found = {name: x for name, x in scores.items() if name.startswith(wanted)}
        return {"cpu_seconds": self.seconds, "steps": self.steps, **found}


def measure_error(table: Table, case: str, engine: str, seed: int) -> None:
    """Every variant that is trained with one seed.

    The variants train in turns, each as long as the reference has by then, so that
    whatever else the machine does slows all of them alike.
    """
    if ("error", case, REFERENCE, seed) in table.values:
        return
    names = CONTESTS[case].variants
    contestants = {name: Contestant(case, name, engine, seed) for name in names}
    reference = contestants[REFERENCE]
    for _ in range(reference.preset.train.steps):
        reference.step()
        for contestant in contestants.values():
            while contestant.seconds < reference.seconds:
                contestant.step()
    for name in reversed(names):  # the reference is the mark of a whole seed
        table.add("error", case, name, seed, contestants[name].scores())


def print_cost(table: Table, case: str) -> None:
    """Milliseconds and ratios of a whole step."""
    print(f"\ncost, {case}: CPU ms a step (ratio to {REFERENCE})\n")
    print("| sampling | draws per unit | uniform | pi = .99 |\n|---|---|---|---|")
    for variant in VARIANTS:
        found = table.values["cost", case, variant, 0]
        cells = [f"{found[f'ms {x}']:.1f} ({found[f'cost {x}']:.2f})" for x in ("uniform", ".99")]
        print(f"| {variant} | {draws(case, variant)} | {' | '.join(cells)} |")


def draws(case: str, variant: str) -> str:
    """What the branching of a variant is for a case."""
    preset = preset_of(case, variant, "loop")
    method = preset.method.fitted(preset.network.routed_work(preset.data.shape().input_shape))
    return ", ".join(map(str, method.branching)) if method.sampling == "tree" else ""


def print_variance(table: Table, case: str) -> None:
    """Relative variances, and times the cost of the variant's step relative to the reference's."""
    for state in STATES:
        print(f"\nvariance, {case} after {state} steps\n")
        print("| sampling | NES | NES x cost | NES length | SGD | SGD x cost |")
        print("|---|---|---|---|---|---|")
        first = table.values["variance", case, REFERENCE, state]
        for variant in VARIANTS:
            found = table.values["variance", case, variant, state]
            cost = table.values["cost", case, variant, 0].get("cost uniform", float("nan"))
            nes, sgd = (found[name] / first[name] for name in ("nes", "sgd"))
            print(
                f"| {variant} | {nes:.2f} | {nes * cost:.2f} | {found['nes length']:.2f} "
                f"| {sgd:.2f} | {sgd * cost:.2f} |"
            )


def print_error(table: Table, case: str) -> None:
    """Test errors at equal time, and paired differences to the reference."""
    reference = table.column("error", case, REFERENCE, "macro_error")
    if not len(reference):
        return
    seconds = median(table.column("error", case, REFERENCE, "cpu_seconds"))
    print(f"\nerror, {case}, {len(reference)} seeds, {seconds:.1f} s of CPU time each\n")
    print(
        f"| sampling | macro error % | minus {REFERENCE}, points | steps | entropy | Rand index |"
    )
    print("|---|---|---|---|---|---|")
    for variant in CONTESTS[case].variants:
        errors = table.column("error", case, variant, "macro_error")
        difference = "" if variant == REFERENCE else interval(errors - reference)
        steps = median(table.column("error", case, variant, "steps"))
        entropy = table.column("error", case, variant, "entropy").mean()
        names = table.values["error", case, variant, CONTESTS[case].seeds[0]]
        rand = [
            f"{table.column('error', case, variant, name).mean():.2f}"
            for name in names
            if name.startswith("rand_index")
        ]
        print(
            f"| {variant} | {spread(errors)} | {difference} | {steps:,.0f} | {entropy:.3f} "
            f"| {', '.join(rand)} |"
        )


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv", type=Path, default=kept(__file__))
    parser.add_argument("--only", choices=("cost", "variance", "error"))
    parser.add_argument("--cases", nargs="+", choices=CONTESTS, default=[*CONTESTS], metavar="CASE")
    parser.add_argument("--engine", default="trie")
    arguments = parser.parse_args()
    set_up(1)
    table = Table(arguments.csv)
    parts = (arguments.only,) if arguments.only else ("cost", "variance", "error")
    if "cost" in parts:
        for case in CASES:
            measure_cost(table, case, arguments.engine)
    for case in LEARNABLE:
        if "variance" in parts:
            measure_variance(table, case, arguments.engine)
    contests = {case: CONTESTS[case] for case in arguments.cases}
    for case, contest in contests.items():
        for seed in contest.seeds:
            if "error" in parts:
                measure_error(table, case, arguments.engine, seed)
    for case in CASES:
        if "cost" in parts:
            print_cost(table, case)
    for case in LEARNABLE:
        if "variance" in parts:
            print_variance(table, case)
    for case in contests:
        if "error" in parts:
            print_error(table, case)


if __name__ == "__main__":
    main()
