"""From samples to a row: medians, quartiles, ratios."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from shareconsole.spec.bench import REFERENCE, BenchRow, with_engine
from shareconsole.spec.checks import predict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from shareconsole.spec.bench import BenchCase, Entropy, Machine
    from shareconsole.trainer.bench.subject import Sample, Subject
    from shareconsole.trainer.bench.work import Work

_PARTS = ("data", "nes", "sgd", "optimiser")


class Measured(NamedTuple):
    """One engine with one pi: its work per step, a sample per round, steps per round."""

    subject: Subject
    work: Work
    samples: list[Sample]
    steps: int
    logging_seconds: float


def empty_row(
    case: BenchCase,
    engine: str,
    sampling: str | None,
    entropy: Entropy | None,
    device: torch.device,
    cannot: str | None,
) -> BenchRow:
    """A row without a measurement."""
    preset = case.preset
    shape = preset.data.shape()
    tasks = case.tasks or shape.num_tasks
    return BenchRow(
        preset=case.name,
        method=preset.method.name,
        network=preset.network.name,
        data=preset.data.name,
        engine=engine,
        sampling=sampling,
        entropy=entropy,
        threads=preset.device.threads,
        device=str(device),
        scale=case.scale,
        cannot=cannot,
        tasks=tasks,
        modules=preset.method.candidates(tasks),
        units=len(preset.network.units(shape.input_shape)),
        samples=0,
        batch_size=preset.train.batch_size,
        predicted_memory_bytes=_predicted(case, engine),
    )


def filled_row(
    row: BenchRow,
    measured: Measured,
    reference: Measured | None,
    machine: Machine,
    conv_gflops: float | None,
) -> BenchRow:
    """The row with what was measured.

    Args:
        row: Without a measurement.
        measured: What was found.
        reference: What the loop engine took in the same rounds.
        machine: With its measured peak.
        conv_gflops: Peak of the network's largest convolution.
    """
    on_gpu = row.device.startswith("cuda")
    steps, work, samples = measured.steps, measured.work, measured.samples
    cpu = [1e3 * sample.cpu / steps for sample in samples]
    wall = [1e3 * sample.wall / steps for sample in samples]
    step_ms = statistics.median(wall if on_gpu else cpu)
    # A head is a unit too, for whoever counts.
    apart = work.samples * row.tasks * (row.units + 1)
    # The loop engine need not count: it runs all networks apart.
    looped = measured.subject.preset.device.engine == REFERENCE
    by_definition = float(apart) if apart and looped else None
    evaluations = _evaluations(samples, steps) or by_definition
    peak = conv_gflops or machine.gemm_gflops
    update: dict[str, Any] = {
        "samples": work.samples,
        "modules": measured.subject.experiment.population.bank.num_modules,
        "rounds": len(samples),
        "steps_per_round": steps,
        "cpu_ms": statistics.median(cpu),
        "cpu_ms_quartiles": quartiles(cpu),
        "wall_ms": statistics.median(wall),
        "wall_ms_quartiles": quartiles(wall),
        "ratio_of": "wall" if on_gpu else "cpu",
        "unit_evaluations": evaluations,
        "nodes_share": evaluations / apart if apart and evaluations is not None else None,
        "gflop": work.gflop,
        "peak_share": None if work.gflop is None else 1e3 * work.gflop / step_ms / peak,
        "conv_gflops": conv_gflops,
        "parts_ms": _parts(samples, steps, on_gpu=on_gpu),
        "logging_ms": 1e3 * measured.logging_seconds,
    }
    if reference is not None:
        ratios = [
            (of.wall / to.wall) if on_gpu else (of.cpu / to.cpu)
            for of, to in zip(reference.samples, samples, strict=True)
        ]
        update |= {"ratio": statistics.median(ratios), "ratio_quartiles": quartiles(ratios)}
    return row.model_copy(update=update)


def reference_of(measured: Measured, among: Sequence[Measured]) -> Measured | None:
    """What the loop engine took that draws assignments the same way; None if it was not asked."""
    for other in among:
        subject = other.subject
        if subject.engine == REFERENCE and subject.sampling == measured.subject.sampling:
            return other
    return None


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """First and third quartile, between values where they fall there."""
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def _evaluations(samples: Sequence[Sample], steps: int) -> float | None:
    counts = [sample.evaluations for sample in samples if sample.evaluations is not None]
    return sum(counts) / (steps * len(counts)) if counts else None


def _parts(samples: Sequence[Sample], steps: int, *, on_gpu: bool) -> dict[str, float]:
    """Milliseconds per step of every part, and what is in none of them."""
    rows = []
    for sample in samples:
        row = {part: sample.parts.get(part, 0.0) for part in _PARTS}
        row["other"] = max(0.0, (sample.wall if on_gpu else sample.cpu) - sum(row.values()))
        rows.append(row)
    return {part: 1e3 * statistics.median(row[part] for row in rows) / steps for part in rows[0]}


def _predicted(case: BenchCase, engine: str) -> int | None:
    """Bytes of main memory that `check` predicts; nothing where tasks were added or left out."""
    if case.tasks is not None:
        return None
    device = with_engine(case.preset.device, engine)
    return predict(case.preset.model_copy(update={"device": device})).process_bytes
