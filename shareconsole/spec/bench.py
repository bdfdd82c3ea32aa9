"""What a measurement is: the job that the measuring process gets, and the rows it answers with.

Terms as in the presets: S assignments, L routed units, T tasks, K candidate modules.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from shareconsole.spec.fields import Table
from shareconsole.spec.methods import METHODS
from shareconsole.spec.preset import DeviceTable, Preset

VERSION = 1
REFERENCE = "loop"
"""The engine that ratios refer to."""
COMPILED = "loop-compiled"
"""The same with its units run through torch.compile; measured if asked for."""

Axis = Literal["samples", "tasks", "modules", "depth"]
Entropy = Literal["uniform"] | float
"""How spread every row of pi is: uniform, or p on one module and the rest shared by the others."""

Quartiles = tuple[float, float]
Pair = Annotated[Quartiles, Field(strict=False)]


class Scale(Table):
    """Which size was changed, and to what."""

    axis: Axis
    value: int


class BenchCase(Table):
    """One preset as it is measured.

    Attributes:
        name: the preset's name.
        preset: its settings; engine and sampling are the job's.
        tasks: T where it is not the data set's; tasks are then repeated or left out.
        scale: what the case varies, None for the preset as it is.
    """

    name: str
    preset: Preset
    tasks: int | None = None
    scale: Scale | None = None


class BenchJob(Table):
    """What one measuring process does.

    Attributes:
        cases: one after another.
        engines: measured in turns, round by round.
        samplings: for methods that can choose; the others have one row.
        entropies: for methods with a pi; the others have one row.
        rounds: of every row; None for as many as make sense.
        least_rounds: of a row where ``rounds`` is None, however long they take.
        steps_per_round: None for what the slowest engine does in about 0.15 s.
        real_data: the preset's data set instead of random images of its shape.
        memory: also measure the peak memory, in a fresh process per engine.
    """

    cases: Annotated[tuple[BenchCase, ...], Field(strict=False)]
    engines: Annotated[tuple[str, ...], Field(strict=False)]
    samplings: Annotated[tuple[str, ...], Field(strict=False)]
    entropies: Annotated[tuple[Entropy, ...], Field(strict=False)]
    rounds: int | None = None
    least_rounds: int = 5
    steps_per_round: int | None = None
    real_data: bool = False
    memory: bool = True


class _Result(BaseModel):
    """Part of a result; a file of a later version may hold more."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class BenchRow(_Result):
    """One engine on one preset. A step is data, NES, SGD and optimiser; times are per step.

    Attributes:
        preset: name of the preset.
        method: name of the method.
        network: name of the network.
        data: name of the data set.
        engine: the engine.
        sampling: how assignments are drawn; None for methods that draw none.
        entropy: how spread pi is held; None for methods without.
        threads: CPU threads.
        device: as torch calls it.
        scale: what was varied, None for the preset as it is.
        cannot: why there is nothing to measure: the engine does not suit the preset.
        tasks: T.
        modules: K.
        units: units of a network without its head.
        samples: assignments evaluated per step, NES and SGD together.
        batch_size: images per task.
        rounds: rounds measured.
        steps_per_round: steps in each.
        cpu_ms: CPU time of the process, median over rounds, milliseconds.
        cpu_ms_quartiles: first and third quartile.
        wall_ms: the same by the clock on the wall.
        wall_ms_quartiles: first and third quartile.
        ratio: time of the loop engine of the same row to this one's, median over rounds.
        ratio_quartiles: first and third quartile.
        ratio_of: what the ratio compares: "cpu", or "wall" on a GPU.
        unit_evaluations: units and heads that the engine evaluated per step, on one batch each.
        nodes_share: that divided by those of S * T separate networks.
        gflop: floating point operations of one step in 1e9, counted as they are carried out.
        peak_share: speed of a step to the measured peak of a convolution (a matrix product where
            the network has no convolution).
        conv_gflops: measured peak of the network's largest convolution, 1e9 per second; per
            second of CPU time, of wall time on a GPU.
        peak_memory_bytes: most resident memory of a fresh process that takes a few steps.
        peak_device_bytes: most memory of the GPU's tensors in that process.
        predicted_memory_bytes: what ``check`` predicts for a run on the CPU; None where T is not
            the preset's.
        parts_ms: data, nes, sgd (without the optimiser), optimiser, and other: median over rounds,
            CPU time; on a GPU the time until the work was queued.
        logging_ms: CPU time to log a step; not part of the step.
    """

    preset: str
    method: str
    network: str
    data: str
    engine: str
    sampling: str | None
    entropy: Entropy | None
    threads: int
    device: str
    scale: Scale | None = None
    cannot: str | None = None
    tasks: int
    modules: int
    units: int
    samples: int
    batch_size: int
    rounds: int = 0
    steps_per_round: int = 0
    cpu_ms: float | None = None
    cpu_ms_quartiles: Pair | None = None
    wall_ms: float | None = None
    wall_ms_quartiles: Pair | None = None
    ratio: float | None = None
    ratio_quartiles: Pair | None = None
    ratio_of: Literal["cpu", "wall"] = "cpu"
    unit_evaluations: float | None = None
    nodes_share: float | None = None
    gflop: float | None = None
    peak_share: float | None = None
    conv_gflops: float | None = None
    peak_memory_bytes: int | None = None
    peak_device_bytes: int | None = None
    predicted_memory_bytes: int | None = None
    parts_ms: dict[str, float] = {}
    logging_ms: float | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What two rows have in common that measure the same thing."""
        scale = None if self.scale is None else (self.scale.axis, self.scale.value)
        kind = self.device.partition(":")[0]
        return (
            self.preset,
            self.engine,
            self.sampling,
            self.entropy,
            self.threads,
            kind,
            scale,
        )


class Machine(_Result):
    """Where it was measured.

    Attributes:
        processor: its name.
        cores: usable by the process.
        memory_bytes: main memory.
        system: kernel and C library.
        python: version.
        torch: version and build.
        shareconsole: version.
        device: torch's description of the device and its instruction set.
        environment: variables that change speed.
        load: average number of waiting processes when it began.
        gemm_gflops: measured peak of a 1024 x 1024 x 1024 matrix product, 1e9 per second of CPU
            time (of wall time on a GPU).
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    torch: str
    shareconsole: str
    device: str
    environment: dict[str, str]
    load: float
    gemm_gflops: float


class Results(_Result):
    """All that a measurement found, as ``--json`` prints and ``-o`` saves it."""

    version: int = VERSION
    interrupted: bool = False
    machine: Machine
    rows: Annotated[tuple[BenchRow, ...], Field(strict=False)]


def known_engines() -> tuple[str, ...]:
    """Return the engines that a preset can name, the reference first, and last what is compiled."""
    names = get_args(DeviceTable.model_fields["engine"].annotation)
    return (*sorted(names, key=lambda name: name != REFERENCE), COMPILED)


def usual_engines(preset: Preset) -> tuple[str, ...]:
    """Return what is measured if nobody says: compiling takes time, and a compiler."""
    return tuple(name for name in known_engines() if name != COMPILED or preset.device.compile)


def with_engine(device: DeviceTable, engine: str) -> DeviceTable:
    """Return where to train, with one of the known engines and nothing compiled but by it."""
    compiled = engine == COMPILED
    update = {"engine": REFERENCE if compiled else engine, "compile": compiled}
    return device.model_copy(update=update)


def known_samplings() -> tuple[str, ...]:
    """Return the ways to draw assignments that any method knows, the paper's first."""
    names: dict[str, None] = {}
    for entry in METHODS.values():
        field = entry.options.model_fields.get("sampling")
        if field is not None:
            names |= dict.fromkeys(get_args(field.annotation))
    return tuple(names) or ("independent",)
