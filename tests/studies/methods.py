"""All methods on three data sets: the table of the README, and how much structure they find.

`python -m tests.studies.methods [--only CASE ...] [--seeds N] [--csv FILE]` trains what the file
does not hold yet, each run for the steps of its preset, and prints the tables; interrupted, it goes
on where it was. Time is the CPU time of this process, one thread, of training alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import tomlkit
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from shareconsole.sharing.method import Stopwatch
from shareconsole.spec.toml import load_preset
from shareconsole.trainer.build import build_experiment, load_data
from shareconsole.trainer.device import set_up
from shareconsole.trainer.evaluate import evaluate
from tests.studies.sharing import interval, spread
from tests.studies.table import Table, kept
from tests.studies.tree_setups import CPU

FIRST_SEED = 10
# Seeds 0 to 9 were looked at while step sizes were chosen.
SEEDS = {"digits": 5, "dkl-kannada": 3, "omniglot-small": 3, "planted": 5}
# No sharing and single task are one here, for every unit of these networks is routed.
SUFFIXES = {
    "learned": "",
    "full": "-full",
    "prior": "-prior",
    "single task": "-single-task",
    "gumbel": "-gumbel",
    "branched": "-branched",
    "trace norm": "-tracenorm",
    "line search": "-linesearch",
}
METHODS = [*SUFFIXES, "branched, by tasks"]
REFERENCE = "single task"
NO_ROW = ("digits", "line search")
"""The preset digits-linesearch is of other data, which `tests.studies.line_search` is about."""

PART = "methods"
SUMMARY = (
    "macro_error",
    "micro_error",
    "stored",
    "used",
    "of_task",
    "steps",
    "cpu_seconds",
)


# Under other methods than its own the preset planted keeps all but [method].
PLANTED: dict[str, dict[str, object]] = {
    "full": {"name": "full_sharing"},
    "single task": {"name": "single_task"},
    "gumbel": {"name": "gumbel", "components": 3, "router_learning_rate": 0.01},
    "branched": {"name": "branched", "single_task_steps": 1000, "budget": 2.4},
    "branched, by tasks": {
        "name": "branched",
        "single_task_steps": 1000,
        "budget": 2.4,
        "weighting": "tasks",
    },
    "trace norm": {"name": "trace_norm", "strength": 0.1},
}


def preset_of(case: str, method: str, seed: int):
    """The preset that trains a method on a case; None if there is none."""
    overrides = ["device.device=cpu", f"run.seed={seed}"]
    if case != "planted":
        if method not in SUFFIXES or (case, method) == NO_ROW:
            return None
        return load_preset(case + SUFFIXES[method], overrides).preset
    if method != "learned" and method not in PLANTED:
        return None
    document = tomlkit.parse(load_preset("planted").source.decode())
    if method in PLANTED:
        document["method"] = PLANTED[method]
    if method.startswith("branched"):
        overrides.append("train.steps=2000")  # as many for the tree as the others have
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "planted.toml")
        path.write_text(tomlkit.dumps(document))
        return load_preset(str(path), overrides).preset


def grouped(similarity_TT: np.ndarray, groups: int) -> np.ndarray:
    """Tasks by average linkage of how alike they are, cut into the true number of groups.

    Trace norm shares nothing outright; told how many groups there are, does it show which?
    """
    distance = 1 - (similarity_TT + similarity_TT.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance.clip(min=0), checks=False), "average")
    return fcluster(tree, groups, "maxclust")


def used_parameters(experiment) -> tuple[int, list[int]]:
    """Parameters in use by any task's network as it is tested, and those of each network."""
    bank, method = experiment.population.bank, experiment.method
    tensors = method.tensors()
    if "allocation" in tensors:
        uses_LTK = tensors["allocation"] > 0.5
    else:
        shape = (bank.num_routed, bank.num_tasks, max(bank.num_modules, 1))
        uses_LTK = torch.zeros(shape, dtype=torch.bool)
        uses_LTK.scatter_(2, method.assignment().reshape(*shape[:2], 1), True)
    of_task = []
    everywhere: set[int] = set()
    sizes = {id(p): p.numel() for p in bank.parameters()}
    for task in range(bank.num_tasks):
        own: set[int] = set()
        routed = iter(uses_LTK[:, task])
        for mark, (_, modules) in zip(bank.marks, bank.modules_by_unit(), strict=False):
            if mark == "routed":
                chosen = [m for m, used in zip(modules, next(routed).tolist(), strict=True) if used]
            else:
                chosen = [modules[task if mark == "task" else 0]]
            own |= {id(p) for module in chosen for p in module.parameters()}
        own |= {id(p) for p in bank.modules_by_unit()[-1][1][task].parameters()}
        of_task.append(sum(sizes[key] for key in own))
        everywhere |= own
    return sum(sizes[key] for key in everywhere), of_task


def train(case: str, method: str, seed: int, steps: int | None) -> dict[str, float]:
    """Train one run, and what it came to."""
    preset = preset_of(case, method, seed)
    experiment = build_experiment(preset, CPU, load_data(preset))
    number = steps or preset.train.steps
    began = time.process_time()
    for _ in range(number):
        experiment.method.step(experiment.sampler, experiment.step_size, Stopwatch())
    seconds = time.process_time() - began
    scores = evaluate(experiment, lambda: None)
    used, of_task = used_parameters(experiment)
    if "similarity" in (tensors := experiment.method.tensors()) and experiment.data.groups:
        names = experiment.method.tensor_axes()["similarity"][0]
        for name, similarity_TT in zip(names, tensors["similarity"].numpy(), strict=True):
            found = grouped(similarity_TT, len(set(experiment.data.groups)))
            scores[f"rand_index.{name}"] = adjusted_rand_score(experiment.data.groups, found)
    return {
        **{name: x for name, x in scores.items() if not name.startswith("test_loss")},
        "stored": experiment.population.bank.num_parameters(),
        "used": used,
        "of_task": float(np.mean(of_task)),
        "steps": number,
        "cpu_seconds": seconds,
    }


def methods_of(table: Table, case: str) -> list[str]:
    """Methods that the table holds for a case, in order."""
    return [name for name in METHODS if len(table.column(PART, case, name, "macro_error"))]


def print_errors(table: Table, case: str) -> None:
    """The main table of a case."""
    print(f"\n{case}, seeds from {FIRST_SEED}\n")
    print(
        f"| method | seeds | macro error % | minus {REFERENCE}, points | micro error % | stored "
        "| in use | of a task | steps | CPU s |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    reference = table.column(PART, case, REFERENCE, "macro_error")
    for name in methods_of(table, case):
        column = {part: table.column(PART, case, name, part) for part in SUMMARY}
        macro, micro = column["macro_error"], column["micro_error"]
        paired = min(len(macro), len(reference))
        minus = macro[:paired] - reference[:paired]
        several = paired > 1
        cells = [
            name,
            str(len(macro)),
            spread(macro) if several else f"{100 * macro[0]:.2f}",
            interval(minus) if several and name != REFERENCE else "",
            spread(micro) if several else f"{100 * micro[0]:.2f}",
            *(f"{median(column[part]):,.0f}" for part in SUMMARY[2:]),
        ]
        print(f"| {' | '.join(cells)} |")


def print_structure(table: Table) -> None:
    """Adjusted Rand index of what each method shares, against the planted groups."""
    print("\nadjusted Rand index, planted, by routed unit: mean (every seed)\n")
    for name in methods_of(table, "planted"):
        first = table.values[PART, "planted", name, FIRST_SEED]
        units = [key for key in first if key.startswith("rand_index.")]
        cells = []
        for unit in units:
            values = table.column(PART, "planted", name, unit)
            each = " ".join(f"{value:.2f}" for value in values)
            cells.append(f"{unit.removeprefix('rand_index.')} {values.mean():.2f} ({each})")
        print(f"* {name}: {'; '.join(cells)}")


def main() -> None:
    """Train what is missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv", type=Path, default=kept(__file__))
    parser.add_argument("--only", nargs="*", choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, help="of each case; by default as in the README")
    parser.add_argument("--steps", type=int, help="instead of the presets', for a short try")
    arguments = parser.parse_args()
    set_up(1)
    table = Table(arguments.csv)
    for seed in range(FIRST_SEED, FIRST_SEED + (arguments.seeds or max(SEEDS.values()))):
        for case in arguments.only:
            if seed >= FIRST_SEED + (arguments.seeds or SEEDS[case]):
                continue
            for method in arguments.methods:
                have = (PART, case, method, seed) in table.values
                if have or preset_of(case, method, seed) is None:
                    continue
                table.add(PART, case, method, seed, train(case, method, seed, arguments.steps))
    for case in arguments.only:
        if methods_of(table, case):
            print_errors(table, case)
    if "planted" in arguments.only and methods_of(table, "planted"):
        print_structure(table)


if __name__ == "__main__":
    main()
