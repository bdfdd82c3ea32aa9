"""Learned, full, no and prior sharing over paired seeds, as the tables of the README.

`python -m tests.studies.sharing [--runs DIR] [--jobs N]` trains what DIR does not have yet and
prints the tables; interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomlkit
from scipy import stats

from shareconsole import launch
from shareconsole.spec.toml import load_preset
from shareconsole.store.index import list_runs
from shareconsole.store.reader import RunLog

# Seeds 0 to 9 were looked at while the presets' step sizes were chosen, so they are not used here.
DIGITS_SEEDS = range(10, 20)
PLANTED_SEEDS = range(10, 15)
METHODS = ("learned_sharing", "full_sharing", "no_sharing", "prior_sharing")
DIGITS_PRESETS = ("digits", "digits-full", "digits-none", "digits-prior")


@dataclass(frozen=True)
class Job:
    """One run of a study: name its group, and what makes it."""

    study: str
    method: str
    seed: int
    preset: str


@dataclass(frozen=True)
class Result:
    """One finished run: errors as fractions, Rand index per routed unit."""

    macro: float
    micro: float
    parameters: int
    seconds: float
    rand_index: dict[str, float]


def jobs(runs: Path) -> list[Job]:
    """All runs of both studies."""
    found = []
    for seed in DIGITS_SEEDS:
        for method, preset in zip(METHODS, DIGITS_PRESETS, strict=True):
            found.append(Job("digits", method, seed, preset))
    for method in METHODS:
        preset = str(planted_with(method, runs))
        found += [Job("planted", method, seed, preset) for seed in PLANTED_SEEDS]
    return found


def planted_with(method: str, runs: Path) -> Path:
    """The planted preset under another method; learned sharing keeps its own options."""
    path = runs / f".planted-{method}.toml"
    if not path.exists():
        document = tomlkit.parse(load_preset("planted").source.decode())
        if method != METHODS[0]:
            document["method"] = {"name": method}
        runs.mkdir(parents=True, exist_ok=True)
        path.write_text(tomlkit.dumps(document))
    return path


def finished(runs: Path) -> dict[tuple[str, str, int], Result]:
    """What is there already, by (study, method, seed)."""
    found = {}
    for run in list_runs(runs) if runs.is_dir() else ():
        if run.state != "finished":
            continue
        log = RunLog(launch.RunFolder(runs / run.id))
        log.refresh(final=True)
        last = log.table("evaluation")[-1]
        rand = {n: float(last[n]) for n in last.dtype.names if n.startswith("rand_index.")}
        assert run.data is not None
        assert run.method is not None
        assert run.seed is not None
        found[run.data, run.method, run.seed] = Result(
            float(last["macro_error"]),
            float(last["micro_error"]),
            int(log.meta["parameters"]),
            float(log.table("step")["elapsed_seconds"][-1]),
            rand,
        )
    return found


def train(job: Job, runs: Path) -> None:
    """Train one run to its end."""
    loaded = load_preset(job.preset, [f"run.seed={job.seed}"])
    folder = launch.create_run(loaded, runs)
    code = launch.start(folder).process.wait()
    print(f"{job.study} {job.method} seed {job.seed}: exit {code}", flush=True)


def spread(values: Iterable[float]) -> str:
    """Mean ± standard deviation (ddof 1) in per cent."""
    array = np.array(list(values)) * 100
    return f"{array.mean():.2f} ± {array.std(ddof=1):.2f}"


def interval(differences: np.ndarray) -> str:
    """Mean and 95 % interval (Student's t, paired) of differences in percentage points."""
    points = differences * 100
    half = stats.t.ppf(0.975, len(points) - 1) * stats.sem(points)
    return f"{points.mean():+.2f} [{points.mean() - half:+.2f}, {points.mean() + half:+.2f}]"


def table(study: str, results: dict[tuple[str, str, int], Result]) -> None:
    """Print one study as a Markdown table."""
    seeds = sorted({seed for name, _, seed in results if name == study})
    print(f"\n{study}, {len(seeds)} seeds ({seeds[0]} to {seeds[-1]})\n")
    print("| method | macro error % | micro error % | learned minus it | parameters | seconds |")
    print("|---|---|---|---|---|---|")
    learned = np.array([results[study, METHODS[0], seed].macro for seed in seeds])
    for method in METHODS:
        rows = [results[study, method, seed] for seed in seeds]
        minus = (
            interval(learned - np.array([r.macro for r in rows])) if method != METHODS[0] else ""
        )
        print(
            f"| {method} | {spread(r.macro for r in rows)} | {spread(r.micro for r in rows)} "
            f"| {minus} | {rows[0].parameters:,} | {np.median([r.seconds for r in rows]):.0f} |"
        )
    rows = [results[study, METHODS[0], seed] for seed in seeds]
    for unit in rows[0].rand_index:
        values = [r.rand_index[unit] for r in rows]
        print(f"\n{unit}: {np.mean(values):.2f} ({', '.join(f'{v:.2f}' for v in values)})")


def main() -> None:
    """Train what is missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=Path, default=Path("runs/.study"))
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time, 1 thread each")
    arguments = parser.parse_args()
    have = finished(arguments.runs)
    missing = [job for job in jobs(arguments.runs) if (job.study, job.method, job.seed) not in have]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(lambda job: train(job, arguments.runs), missing))
    results = finished(arguments.runs)
    for study in ("digits", "planted"):
        table(study, results)


if __name__ == "__main__":
    main()
