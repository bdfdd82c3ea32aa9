"""Both engines on whole runs: are results in float32 alike as seeds are, and how much is faster?

`python -m tests.studies.engines [--seeds N] [--csv FILE]` makes the runs that the file does not
hold yet and prints the tables; interrupted, it goes on where it was. They are runs of the trainer,
with evaluations, checkpoints and records: `digits` under several seeds, and `lws-dkl-mnist` for
1,000 steps on random images, whose errors say nothing.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np
import tomlkit

from shareconsole import launch
from shareconsole.spec.toml import load_preset
from shareconsole.store.reader import RunLog
from tests.studies.table import Table, kept

ENGINES = ("loop", "trie")
FIRST_SEED = 40
PART = "engines"
CLASSES = {"digits": 10, "letters": 26, "kuzushiji": 10}
TRAIN, TEST = 500, 2000


def random_data(folder: Path) -> None:
    """Noise in the shapes of DKL-MNIST."""
    draw = np.random.default_rng(0)
    for task, classes in CLASSES.items():
        arrays = {}
        for split, count in (("train", TRAIN), ("test", TEST)):
            arrays[f"{split}_images"] = draw.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            arrays[f"{split}_labels"] = np.arange(count) % classes
        np.savez(folder / f"{task}.npz", **arrays)


def dkl_preset(folder: Path) -> Path:
    """The preset lws-dkl-mnist on data of its own."""
    document = tomlkit.parse(load_preset("lws-dkl-mnist").source.decode())
    document["data"] = {"name": "arrays", "path": str(folder)}
    path = folder / "random-dkl.toml"
    path.write_text(tomlkit.dumps(document))
    return path


def run(source: str, overrides: list[str], runs: Path) -> dict[str, float]:
    """Make a run: its errors, and the seconds of the trainer from its start to its end."""
    loaded = load_preset(source, [*overrides, "device.device=cpu", "device.threads=1"])
    folder = launch.create_run(loaded, runs)
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = launch.start(folder).process.wait()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"{folder.path} ended with {code}")
    log = RunLog(folder)
    log.refresh(final=True)
    last, steps = log.table("evaluation")[-1], log.table("step")
    logged = steps["logging_seconds"] / np.diff(steps["elapsed_seconds"], prepend=0.0)
    return {
        "macro_error": float(last["macro_error"]),
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall_seconds": wall,
        "training_seconds": float(steps["elapsed_seconds"][-1]),
        "logging_share": float(np.median(logged)),
    }


def print_tables(table: Table) -> None:
    """Errors by engine, and times."""
    errors = {e: table.column(PART, "digits", e, "macro_error") for e in ENGINES}
    apart = np.abs(errors["loop"] - errors["trie"])
    for engine in ENGINES:
        print(f"digits, {engine}: {100 * errors[engine].mean():.2f} % macro error")
    pairs = [abs(a - b) for i, a in enumerate(errors["loop"]) for b in errors["loop"][:i]]
    print(
        f"two engines, one seed: {100 * apart.mean():.2f} points apart "
        f"({', '.join(f'{100 * x:.2f}' for x in apart)}); two seeds, one engine: "
        f"{100 * mean(pairs):.2f} points apart"
    )
    print("\n| run | engine | CPU s | wall s | logging, of a step |\n|---|---|---|---|---|")
    for case in ("digits", "lws-dkl-mnist"):
        for engine in ENGINES:
            cpu, wall, share = (
                median(table.column(PART, case, engine, name))
                for name in ("cpu_seconds", "wall_seconds", "logging_share")
            )
            print(f"| {case} | {engine} | {cpu:.0f} | {wall:.0f} | {100 * share:.2f} % |")


def main() -> None:
    """Make what is missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv", type=Path, default=kept(__file__))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    table = Table(arguments.csv)
    with tempfile.TemporaryDirectory() as temporary:
        data, runs = Path(temporary, "data"), Path(temporary, "runs")
        data.mkdir()
        random_data(data)
        dkl = ("lws-dkl-mnist", str(dkl_preset(data)), 1)
        for case, source, seeds in (("digits", "digits", arguments.seeds), dkl):
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                for engine in ENGINES:
                    if (PART, case, engine, seed) in table.values:
                        continue
                    overrides = [f"run.seed={seed}", f"device.engine={engine}"]
                    overrides += ["train.steps=1000"] if case != "digits" else []
                    table.add(PART, case, engine, seed, run(source, overrides, runs))
    print_tables(table)


if __name__ == "__main__":
    main()
