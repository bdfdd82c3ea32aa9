"""What the tensors of a step take at one time; arithmetic, no torch.

They are counted as the engines make them: what every unit keeps for the backward pass
(``sharing.conv_unit``, ``sharing.population``), and what it needs beside that while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shareconsole.spec.data.table import DataShape, validation_images
from shareconsole.spec.network.table import NetworkTable, UnitActivations
from shareconsole.spec.nodes import Level, levels
from shareconsole.spec.preset import Preset

NUMBER_BYTES = {"float32": 4, "float64": 8}
_INDEX_BYTES = 8
# Of one pair of images: its rank in one network, what finding ranks takes for a while, and what
# a unit's correlations take per task (``sharing.affinity``).
_RANK_BYTES, _RANKING_BYTES, _CORRELATING_BYTES = 4, 80, 20
# A test takes few of large images at a time, so that it needs no more memory than training.
_IMAGES_PER_PASS = 500
_NUMBERS_PER_PASS = 2**23


class _Batch(NamedTuple):
    """What one number, and one position, of every image of a batch take in bytes."""

    number: int
    position: int


def one_at_a_time(preset: Preset) -> bool:
    """Whether networks run one after another whatever the memory."""
    alone = preset.method.blended or preset.network.alone
    return alone or preset.device.engine == "loop"


def images_per_pass(network: NetworkTable, input_shape: tuple[int, ...]) -> int:
    """Return how many images are tested at a time."""
    largest = max(unit.values for unit in network.activations(input_shape, 1))
    return max(1, min(_IMAGES_PER_PASS, _NUMBERS_PER_PASS // largest))


def activation_bytes(preset: Preset, shape: DataShape, tasks: int) -> int:
    """Return the most that the tensors of a step or of a test take beside weights and data.

    Args:
        preset: the run.
        shape: the sizes of its data.
        tasks: tasks that are computed together, where the engine chooses.
    """
    number = NUMBER_BYTES[preset.device.dtype]
    method = preset.method.fitted(preset.network.routed_work(shape.input_shape))
    preset = preset.model_copy(update={"method": method})
    units = preset.network.activations(shape.input_shape, max(shape.num_classes))
    size = preset.train.batch_size
    batch, ranked, test = (
        _Batch(images * number, images * _INDEX_BYTES)
        for images in (size, method.evaluated_at_once(size), _tested_at_a_time(preset, shape))
    )
    compared = _comparison_peak(preset, shape, units)
    if one_at_a_time(preset):
        copies = _copies(preset, shape)
        peaks = (_loop_test(units, copies, evaluated) for evaluated in (ranked, test))
        return int(max(_loop_peak(units, copies, batch), *peaks, compared))
    num_routed = len(preset.network.routed_work(shape.input_shape))
    evaluated, trained = method.draws(num_routed)
    peak = _training_peak(units, [*levels(preset, shape, trained, tasks)], batch)
    if evaluated is not None:
        found = [*levels(preset, shape, evaluated, tasks)]
        peak = max(peak, _inference_peak(units, found, ranked))
    alone = [Level(1.0, 1.0, True)] * len(units)
    return int(max(peak, _inference_peak(units, alone, test), compared))


# -- the trie engine ------------------------------------------------------------------------------


def _training_peak(
    units: Sequence[UnitActivations], levels: Sequence[Level], batch: _Batch
) -> float:
    peak = held = 0.0
    for index, (unit, level) in enumerate(zip(units, levels, strict=True)):
        per = level.nodes * batch.number
        gathered = 0.0 if level.in_order else per * unit.inputs
        values, outputs = per * unit.values, per * unit.outputs
        if unit.pools:
            # Values before pooling, peaks, outputs. Beside the values their squares for a while,
            # which are gone when pooling begins, or the patches that they were computed from.
            patches = per * unit.patches
            read = patches or gathered
            kept = read + values + 2 * outputs + level.nodes * batch.position * _positions(unit)
            forward = gathered + values + (patches or values)
            backward = values + 2 * outputs
        elif unit.kept:
            kept = gathered + per * (unit.kept + unit.passing)
            kept += level.nodes * batch.position * _positions(unit)
            forward, backward = kept + 2 * values, 3 * values
        else:
            features = per * unit.features
            kept = features if unit.copies else gathered
            if unit.features != unit.inputs:
                kept += features
            forward, backward = kept + 2 * outputs, 2 * outputs
            forward += gathered if unit.copies else 0.0
            kept += outputs
        if index:
            # Gradients of several modules are there in parts, and joined.
            backward += per * unit.inputs * (2 if level.modules > 1 else 1)
        peak = max(peak, held + forward, held + kept + backward)
        held += kept
    return peak


def _inference_peak(
    units: Sequence[UnitActivations], levels: Sequence[Level], batch: _Batch
) -> float:
    peak = before = 0.0
    for unit, level in zip(units, levels, strict=True):
        per = level.nodes * batch.number
        held = before + (0.0 if level.in_order else per * unit.inputs)
        outputs = per * unit.outputs
        if unit.pools:
            # One module after another while the last one's values are still there; rows are
            # pooled before columns.
            held += per * unit.values / level.modules * (min(2.0, level.modules) + 0.5)
        elif unit.kept:
            held += 2 * per * unit.values
        elif unit.copies:
            held += per * unit.inputs
        peak = max(peak, held + 2 * outputs)
        before = outputs
    return peak


# -- one network at a time ------------------------------------------------------------------------


def _loop_peak(units: Sequence[UnitActivations], copies: Sequence[int], batch: _Batch) -> float:
    peak = held = 0.0
    for unit, count in zip(units, copies, strict=True):
        inputs, values, outputs = (
            batch.number * n for n in (unit.inputs, unit.values, unit.outputs)
        )
        if unit.pools:
            # Values before normalisation and after ReLU; the gradient of each in the backward pass.
            kept, beside = 2 * values + outputs + batch.position * _positions(unit), 2 * values
        elif unit.kept:
            kept, beside = batch.number * unit.kept + batch.position * _positions(unit), 3 * values
        else:
            averaged = unit.features if unit.features != unit.inputs else 0
            kept, beside = outputs + batch.number * averaged, 2 * outputs
        # What several modules compute is stacked, then mixed.
        mixed = (count + 1) * outputs if count > 1 else 0
        held += count * kept + mixed
        peak = max(peak, held + beside + inputs)
    return peak


def _loop_test(units: Sequence[UnitActivations], copies: Sequence[int], batch: _Batch) -> float:
    return max(
        # A convolution also has its output in an order of its own for a while.
        batch.number * (unit.inputs + 3 * unit.values + unit.outputs * (2 if count > 1 else 1))
        for unit, count in zip(units, copies, strict=True)
    )


def _comparison_peak(preset: Preset, shape: DataShape, units: Sequence[UnitActivations]) -> float:
    """Images in one network at a time, all outputs of a unit at once; then ranks of all pairs."""
    asked, tasks = preset.method.compared_images, shape.num_tasks
    if not asked:
        return 0
    fewest = min(shape.train_images)
    images = min(asked, fewest) if shape.shared_inputs else tasks * min(asked // tasks, fewest)
    pairs = images * (images - 1) / 2
    marks = [unit.sharing for unit in preset.network.units(shape.input_shape)]
    cuts = len(marks) - marks.count("task")
    held = images * max(unit.inputs + 2 * unit.outputs for unit in units[:-1])
    held *= NUMBER_BYTES[preset.device.dtype]
    comparing = max(held + _RANKING_BYTES * pairs, _CORRELATING_BYTES * tasks * pairs)
    return _RANK_BYTES * tasks * cuts * pairs + comparing


def _tested_at_a_time(preset: Preset, shape: DataShape) -> int:
    held_out = (
        validation_images(images, preset.train.validation_fraction) for images in shape.train_images
    )
    most = max(*shape.test_images, *shape.validation_images, *held_out)
    return min(most, images_per_pass(preset.network, shape.input_shape))


def _positions(unit: UnitActivations) -> int:
    """Places of largest values that a max pooling remembers."""
    return unit.outputs if unit.pools else unit.indices


def _copies(preset: Preset, shape: DataShape) -> list[int]:
    """Modules of each unit that one network runs; the head comes last."""
    blended = preset.method.candidates(shape.num_tasks) if preset.method.blended else 1
    units = preset.network.units(shape.input_shape)
    return [*(blended if unit.sharing == "routed" else 1 for unit in units), 1]
