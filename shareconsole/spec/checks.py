"""What only shows when tables are seen together, and how large a run will be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from shareconsole.spec.activations import NUMBER_BYTES
from shareconsole.spec.data.table import DatasetTable, DataShape, validation_images
from shareconsole.spec.fields import Issue, Table
from shareconsole.spec.memory import Memory, fitted_memory, memory
from shareconsole.spec.method.table import MethodTable
from shareconsole.spec.networks import NetworkTable
from shareconsole.spec.preset import DeviceTable, Preset, TrainTable
from shareconsole.spec.stepsize.table import StepSizeTable, sharing_of

_CHECKPOINTS_KEPT = 3
_FRAME_BYTES = 12
_ROW_HEAD_BYTES = 10
_COLUMN_BYTES = 8
# Gradient norm, five clocks; and the fixed part of a checkpoint and of a run folder.
_FIXED_COLUMNS = 6
_OVERHEAD_BYTES = 256 * 1024


class StageParameters(NamedTuple):
    """How many trainable numbers all networks of a stage have at most."""

    name: str
    parameters: int


class Prediction(NamedTuple):
    """How large a run will be.

    Attributes:
        parameters: trainable numbers over all stored copies and heads.
        memory_bytes: tensors on the device: weights, gradients, two optimiser moments, the images,
            and the most that a step adds.
        disk_bytes: metrics, assignment records and the checkpoints kept.
        num_tasks: T.
        routed_units: L, units whose sharing the method decides.
        activation_bytes: what a step adds.
        tasks_per_chunk: tasks that are computed together.
        stages: how many of the parameters the networks of each stage have at most; empty where no
            stage is known to do with fewer than all.
    """

    parameters: int
    memory_bytes: int
    disk_bytes: int
    num_tasks: int
    routed_units: int
    activation_bytes: int
    tasks_per_chunk: int
    stages: tuple[StageParameters, ...] = ()

    @property
    def process_bytes(self) -> int:
        """Main memory of a trainer that keeps everything there: tensors and loaded libraries."""
        return self._memory.process_bytes

    @property
    def most_bytes(self) -> int:
        """The same at the worst; what has to stay within a budget."""
        return self._memory.most_bytes

    @property
    def _memory(self) -> Memory:
        fixed = self.memory_bytes - self.activation_bytes
        return Memory(fixed, self.activation_bytes, self.tasks_per_chunk)


def cross_issues(tables: Mapping[str, Table]) -> list[Issue]:
    """Return what does not fit together; paths are whole, beginning with the table's name.

    Args:
        tables: the tables that are right by themselves; a check whose tables are not there is left
            out.
    """
    data, network = tables.get("data"), tables.get("network")
    method, train = tables.get("method"), tables.get("train")
    found: list[Issue] = []
    if isinstance(method, MethodTable) and isinstance(train, TrainTable):
        found += _under("method", method.stage_issues(train.steps))
    rule = tables.get("step_size")
    if isinstance(rule, StepSizeTable) and isinstance(train, TrainTable):
        found += rule.train_issues(train)
    if isinstance(rule, StepSizeTable) and isinstance(method, MethodTable):
        found += rule.method_issues(method)
    device = tables.get("device")
    if isinstance(device, DeviceTable) and (device.convolutions, device.engine) == ("bf16", "loop"):
        problem = '"bf16" is not for engine = "loop"'
        found.append(Issue(("device", "convolutions"), problem, '"exact", or engine = "trie"'))
    if isinstance(device, DeviceTable) and device.compile:
        found += _compile_issues(device, method, network, rule)
    if not isinstance(data, DatasetTable):
        return found
    own = data.issues()
    found += _under("data", own)
    if own and data.shape_from_files:
        return found
    shape = data.shape()
    if isinstance(train, TrainTable) and not own:
        found += _validation_issues(shape, train)
    if isinstance(network, NetworkTable):
        unfit = network.issues(shape.input_shape)
        found += _under("network", unfit)
        if isinstance(method, MethodTable) and not unfit:
            routed = sum(unit.sharing == "routed" for unit in network.units(shape.input_shape))
            found += _under("method", method.issues(routed, shape.num_tasks))
            if isinstance(rule, StepSizeTable) and not rule.method_issues(method):
                found += rule.sharing_issues(sharing_of(method, network, shape))
    return found


def _under(table: str, issues: list[Issue]) -> list[Issue]:
    return [issue._replace(path=(table, *issue.path)) for issue in issues]


def _compile_issues(
    device: DeviceTable, method: Table | None, network: Table | None, rule: Table | None
) -> list[Issue]:
    """Return what keeps compiled units from being run, first what no other engine would change."""
    path = ("device", "compile")
    if isinstance(method, MethodTable) and method.blended:
        why = f'true does nothing for the method "{method.name}", which runs its networks itself'
        return [Issue(path, why, "false")]
    if isinstance(rule, StepSizeTable) and rule.in_halves:
        why = (
            f'true does nothing for the step size "{rule.name}", which runs networks in two halves'
        )
        return [Issue(path, why, "false")]
    if device.engine == "trie" and isinstance(network, NetworkTable) and not network.alone:
        why = 'true is not for engine = "trie", whose sizes change with every step'
        return [Issue(path, why, 'false, or engine = "loop"')]
    return []


def _validation_issues(shape: DataShape, train: TrainTable) -> list[Issue]:
    if train.validation_fraction == 0:
        return []
    why = ""
    if shape.validation_images:
        why = "the data set has validation images of its own"
    elif shape.rarest < 2 and not shape.shared_inputs:
        why = "a class has one training image only, which cannot be on both sides"
    if why:
        return [Issue(("train", "validation_fraction"), why, "0")]
    for images, classes in zip(shape.train_images, shape.num_classes, strict=True):
        kept = validation_images(images, train.validation_fraction)
        if kept < classes or images - kept < classes:
            return [
                Issue(
                    ("train", "validation_fraction"),
                    f"{train.validation_fraction:g} of {images} training images is {kept}, "
                    f"too few or too many for {classes} classes",
                    f"0, or at least one image of each class on either side: "
                    f"{_fraction(classes, images)}",
                )
            ]
    return []


def _fraction(classes: int, images: int) -> str:
    if 2 * classes > images:
        return f"only 0 with {images} images"
    return f"{math.ceil(1000 * classes / images) / 1000:g} to 0.5"


def remarks(preset: Preset) -> list[str]:
    """Return what a person should know of ``preset``, which has passed its checks."""
    shape = preset.data.shape()
    return preset.step_size.remarks(sharing_of(preset.method, preset.network, shape))


def predict(preset: Preset, allowed: int | None = None) -> Prediction:
    """Return the sizes of a run of ``preset``, which has passed its checks; pure arithmetic.

    Args:
        preset: the run.
        allowed: bytes of main memory that its process may take, which decide how many tasks are
            computed together, at least one; None for all tasks.
    """
    shape = preset.data.shape()
    tasks = shape.num_tasks
    units = preset.network.units(shape.input_shape)
    routed = sum(unit.sharing == "routed" for unit in units)
    parameters = full_sharing = 0
    index = 0
    for unit in units:
        copies = {"shared": preset.method.shared_copies(tasks), "task": tasks}.get(unit.sharing, 0)
        if unit.sharing == "routed":
            copies = preset.method.routed_copies(index, routed, tasks)
            index += 1
        candidates = unit.sharing == "routed" and preset.method.candidates(tasks) > 0
        parameters += unit.stored(copies, candidates=candidates)
        full_sharing += unit.stored(tasks if unit.sharing == "task" else 1, candidates=False)
    features = preset.network.features(shape.input_shape)
    heads = sum((features + 1) * classes for classes in shape.num_classes)
    parameters, full_sharing = parameters + heads, full_sharing + heads
    most = preset.method.stage_parameters(parameters, full_sharing)
    if allowed is None:
        needed = memory(preset, shape, parameters, tasks)
    else:
        needed = fitted_memory(preset, shape, parameters, allowed, on_gpu=False)
    weight_bytes = parameters * NUMBER_BYTES[preset.device.dtype]
    # Units that the network marks "shared" are on record where a method takes them apart as well.
    kept = {"routed", "shared"} if preset.method.shared_copies(tasks) > 1 else {"routed"}
    recorded = sum(unit.sharing in kept for unit in units)
    return Prediction(
        parameters=parameters,
        memory_bytes=needed.device_bytes,
        disk_bytes=_disk_bytes(preset, tasks, recorded, weight_bytes),
        num_tasks=tasks,
        routed_units=routed,
        activation_bytes=needed.activations,
        tasks_per_chunk=needed.tasks_per_chunk,
        stages=tuple(
            StageParameters(stage.name, number)
            for stage, number in zip(preset.method.stages() if most else (), most, strict=True)
        ),
    )


def _disk_bytes(preset: Preset, tasks: int, routed: int, weight_bytes: int) -> int:
    train = preset.train
    columns = tasks + preset.method.population + _FIXED_COLUMNS + len(preset.step_size.columns)
    step_row = _FRAME_BYTES + _ROW_HEAD_BYTES + _COLUMN_BYTES * columns
    evaluation_row = _FRAME_BYTES + _ROW_HEAD_BYTES + _COLUMN_BYTES * (4 * tasks + routed + 6)
    # One more at the end of the run and of each stage before.
    evaluations = train.steps // train.eval_every + 1 + len(preset.method.stages())
    tensors = preset.method.records(routed, tasks)
    record = sum(_FRAME_BYTES + _ROW_HEAD_BYTES + 4 * numbers for numbers in tensors)
    records = train.steps // train.assignment_every + evaluations
    # A checkpoint holds the weights and two moments of each.
    checkpoints = _CHECKPOINTS_KEPT * (3 * weight_bytes + _OVERHEAD_BYTES)
    rows = train.steps * step_row + evaluations * evaluation_row
    return rows + records * record + checkpoints + _OVERHEAD_BYTES
