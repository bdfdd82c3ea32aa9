"""Many runs that differ as a person's do: in name, preset, method, data, seed and how far they got.

Lists of runs that are all alike flatter a console that writes only what differs.
"""

from __future__ import annotations

import random
from pathlib import Path

from shareconsole.store.atomic import decode_json, encode_json
from shareconsole.store.folder import RunFolder
from tests.store.synthetic import synthetic_runs

METHODS = ("learned_sharing", "full_sharing", "no_sharing", "cross_stitch")
DATA = ("digits", "planted", "kannada", "letters-50")
WORDS = ("dkl", "baseline", "wide", "ablate-nes", "deep", "entropy", "warm", "long-run", "x")


def varied_runs(runs: Path, count: int) -> None:
    """Written without syncing, which is what would take the time."""
    synthetic_runs(runs, count)
    dice = random.Random(count)
    for path in runs.iterdir():
        folder = RunFolder(path)
        data, method = dice.choice(DATA), dice.choice(METHODS)
        words = dice.sample(WORDS, dice.randint(1, 3))
        _change(
            folder.run_json,
            name="-".join([data, *words]),
            preset="-".join([data, words[0]]),
            method=method,
            data=data,
            seed=dice.randrange(20),
            tags=dice.sample(["keep", "bad", "paper", "check"], dice.randint(0, 2)),
        )
        error = round(dice.random(), 4)
        _change(
            folder.status_json,
            step=dice.randrange(1000),
            macro_error=error,
            best_macro_error=error * dice.uniform(0.8, 1.0),
        )
        attempt = decode_json(folder.attempt_json(1).read_bytes(), "attempt")
        if attempt["exit"] and attempt["exit"]["reason"] != "finished":
            attempt["exit"]["step"] = dice.randrange(1000)
            folder.attempt_json(1).write_bytes(encode_json(attempt))


def _change(path: Path, **fields: object) -> None:
    path.write_bytes(encode_json({**decode_json(path.read_bytes(), path.name), **fields}))
