"""From the words of a command line to measuring jobs, with every mistake told before any begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from shareconsole.errors import UsageError
from shareconsole.headless.bench.scaling import scaled_cases
from shareconsole.spec.bench import (
    Axis,
    BenchCase,
    BenchJob,
    Entropy,
    known_engines,
    known_samplings,
    usual_engines,
)
from shareconsole.spec.nearest import nearest
from shareconsole.spec.toml import load_preset

_MOST_VALUES = 20


@dataclass(frozen=True)
class Wish:
    """What was asked for, as it was typed; None where it was not.

    Attributes:
        presets: names or paths.
        overrides: as for `run`.
        engines: names with commas between them.
        samplings: likewise.
        entropies: "uniform" and probabilities with commas between them.
        scales: each an axis, a sign of equality, and sizes with commas between them.
        threads: CPU threads instead of the presets'.
        device: device instead of the presets'.
        rounds: of every row.
        least_rounds: of every row where `rounds` is None.
        steps_per_round: None for what the slowest engine does in about 0.15 s.
        real_data: the presets' data sets.
        memory: whether to measure memory.
    """

    presets: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    engines: str | None = None
    samplings: str | None = None
    entropies: str | None = None
    scales: tuple[str, ...] = ()
    threads: int | None = None
    device: str | None = None
    rounds: int | None = None
    least_rounds: int = 5
    steps_per_round: int | None = None
    real_data: bool = False
    memory: bool = True


def plan(wish: Wish) -> list[BenchJob]:
    """Return a job per preset.

    Raises:
        UsageError: a word is not known, or a size makes no sense.
        PresetError: a preset, or an override of one, is wrong.
        DataMissing: the real data were asked for and are not there.
    """
    engines = _known("--engines", "engine", wish.engines, known_engines())
    samplings = _known("--sampling", "sampling", wish.samplings, known_samplings())
    entropies = _entropies(wish.entropies, scaling=bool(wish.scales))
    scales = [_scale(text) for text in wish.scales]
    if wish.real_data and any(axis == "tasks" for axis, _ in scales):
        raise UsageError("--scale tasks=... makes up tasks, so it does not go with --real-data")
    jobs = []
    for source in wish.presets:
        cases = _cases(source, wish, scales)
        if wish.real_data:
            cases[0].preset.data.check_files()
        jobs.append(
            BenchJob(
                cases=tuple(cases),
                engines=engines or usual_engines(cases[0].preset),
                samplings=samplings or known_samplings()[:1],
                entropies=entropies,
                rounds=wish.rounds,
                least_rounds=wish.least_rounds,
                steps_per_round=wish.steps_per_round,
                real_data=wish.real_data,
                # How memory grows is not what a table of times is about, and it takes a process
                # for every size.
                memory=wish.memory and not scales,
            )
        )
    return jobs


def _cases(
    source: str, wish: Wish, scales: Sequence[tuple[Axis, tuple[int, ...]]]
) -> list[BenchCase]:
    overrides = [*wish.overrides]
    if wish.threads is not None:
        overrides.append(f"device.threads={wish.threads}")
    if wish.device is not None:
        overrides.append(f"device.device={wish.device}")
    loaded = load_preset(source, overrides)
    if not scales:
        return [BenchCase(name=loaded.name, preset=loaded.preset)]
    return [
        case
        for axis, values in scales
        for case in scaled_cases(source, overrides, loaded, axis, values)
    ]


def _known(option: str, what: str, text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """Return the names in ``text``, each once, or nothing where there is no text."""
    if text is None:
        return ()
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f" (did you mean {near}?)" if near else ""
            raise UsageError(f'{option}: "{name}" is no {what}; known: {", ".join(known)}{hint}')
    return tuple(dict.fromkeys(names))


def _entropies(text: str | None, *, scaling: bool) -> tuple[Entropy, ...]:
    if text is None:
        return ("uniform",) if scaling else ("uniform", 0.9, 0.99)
    found: dict[Entropy, None] = {}
    for word in text.split(","):
        name = word.strip()
        if name == "uniform":
            found["uniform"] = None
            continue
        try:
            probability = float(name)
        except ValueError:
            probability = math.nan
        if not 0 < probability <= 1:
            raise UsageError(
                f'--entropy: "{name}" is neither "uniform" nor a probability above 0, at most 1'
            )
        found[probability] = None
    return tuple(found)


def _scale(text: str) -> tuple[Axis, tuple[int, ...]]:
    axis, equals, values = text.partition("=")
    axis = axis.strip()
    axes = get_args(Axis)
    if axis not in axes or not equals:
        near = nearest(axis, axes)
        hint = f" (did you mean {near}?)" if near else ""
        raise UsageError(
            f'--scale: "{text}" is not AXIS=N,N,... with an axis of {", ".join(axes)}{hint}'
        )
    sizes = []
    for word in values.split(","):
        if not word.strip().isascii() or not word.strip().isdigit() or not 0 < int(word) < 10**6:
            raise UsageError(f'--scale: "{word.strip()}" is no size; whole numbers from 1 on are')
        sizes.append(int(word))
    if len(sizes) > _MOST_VALUES:
        raise UsageError(f"--scale: {len(sizes)} sizes are too many, at most {_MOST_VALUES}")
    return cast("Axis", axis), tuple(dict.fromkeys(sizes))
