"""A preset: the whole description of one experiment.

``Preset`` holds single fields to their types and ranges. What only shows when tables are seen
together is in ``spec.checks``; reading a file, with both, is ``spec.toml.load_preset``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.datasets import DatasetOptions
from shareconsole.spec.fields import Table, option
from shareconsole.spec.methods import MethodOptions
from shareconsole.spec.networks import NetworkOptions
from shareconsole.spec.stepsizes import ConstantStepSizeOptions, StepSizeOptions

MAX_STEPS = 1_000_000_000

Tag = Annotated[str, Field(min_length=1, max_length=100)]


class RunTable(Table):
    """What the run is called; nothing in here changes its numbers but ``seed``."""

    name: str = option(
        "name of the run in lists; empty means the preset's name",
        unit="text",
        default="",
        max_length=255,
    )
    seed: int = option(
        "root of all randomness of the run", unit="seed", default=0, ge=0, le=2**63 - 1
    )
    tags: Annotated[tuple[Tag, ...], Field(strict=False, max_length=100)] = option(
        "words to find the run by", unit="text", default=()
    )
    notes: str = option(
        "what the run is for; the first line shows in lists of presets",
        unit="text",
        default="",
        max_length=10_000,
    )


class TrainTable(Table):
    """How long and how to train."""

    batch_size: int = option("images per task and batch", unit="images", default=16, ge=1, le=65536)
    steps: int = option(
        "training iterations, each an assignment update and a weight update",
        unit="steps",
        default=1000,
        ge=1,
        le=MAX_STEPS,
    )
    optimizer: Literal["adam", "adamw", "sgd"] = option(
        "what updates the weights", unit="name", default="adam"
    )
    learning_rate: float = option("step size of the weights", unit="1", default=1e-3, gt=0, le=1000)
    weight_decay: float = option(
        "pull of the weights towards zero", unit="1", default=0.0, ge=0, le=1000
    )
    eval_every: int = option(
        "steps between two evaluations; there is always one at the end",
        unit="steps",
        default=200,
        ge=1,
        le=MAX_STEPS,
    )
    checkpoint_every: int = option(
        "steps between two checkpoints; there is always one at the end",
        unit="steps",
        default=200,
        ge=1,
        le=MAX_STEPS,
    )
    assignment_every: int = option(
        "steps between two records of the assignment probabilities",
        unit="steps",
        default=10,
        ge=1,
        le=MAX_STEPS,
    )
    validation_fraction: float = option(
        "share of each task's training images kept for validation; 0 is the paper's protocol",
        unit="fraction",
        default=0.0,
        ge=0,
        le=0.5,
    )
    crop_padding: int = option(
        "training images are padded with so many zeros on every side, then cut back to their size "
        "at random, each time anew; 0 leaves them as they are, and tests never move an image",
        unit="pixels",
        default=0,
        ge=0,
        le=64,
    )
    on_nan: Literal["fail", "continue"] = option(
        "what a loss that is not a number does: end the run as failed, or go on",
        unit="name",
        default="fail",
    )


class DeviceTable(Table):
    """Where to train."""

    device: str = option(
        "auto (a GPU if there is one), cpu, cuda, or cuda:N",
        unit="name",
        default="auto",
        pattern=r"^(auto|cpu|cuda|cuda:[0-9]{1,3})$",
    )
    threads: int = option("CPU threads of the trainer", unit="threads", default=1, ge=1, le=1024)
    dtype: Literal["float32", "float64"] = option(
        "numbers to compute with", unit="name", default="float32"
    )
    engine: Literal["trie", "loop"] = option(
        'how a population of assignments is evaluated: "trie" computes what they have in common '
        'once, "loop" runs one after another (the reference); equal but for rounding',
        unit="name",
        default="trie",
    )
    convolutions: Literal["exact", "bf16"] = option(
        'how convolutions multiply: "exact" in the type of the run, "bf16" in bfloat16, which is '
        'faster on some machines, a deviation, and for engine = "trie" alone',
        unit="name",
        default="exact",
    )
    compile: bool = option(
        "run the networks' units through torch.compile, which rounds differently, a deviation, "
        'and for engine = "loop" alone; needs a C++ compiler',
        unit="yes or no",
        default=False,
    )
    memory_budget: float = option(
        "share of the free memory that the run may take", unit="fraction", default=0.8, gt=0, le=1
    )


# The tables that are the same in every preset; the others depend on what they name.
PLAIN_TABLES: dict[str, type[Table]] = {"run": RunTable, "train": TrainTable, "device": DeviceTable}


class Preset(Table):
    """One experiment, whole. Only [data], [network] and [method] must be written."""

    run: RunTable = Field(default=RunTable(), description="what the run is called")
    data: DatasetOptions = Field(description="what is learned")
    network: NetworkOptions = Field(description="the network that the tasks share or do not")
    method: MethodOptions = Field(description="how sharing is decided")
    train: TrainTable = Field(default=TrainTable(), description="how long and how to train")
    step_size: StepSizeOptions = Field(
        default=ConstantStepSizeOptions(), description="how the step size changes"
    )
    device: DeviceTable = Field(default=DeviceTable(), description="where to train")
