"""What a run needs in memory, and how many tasks at a time fit; arithmetic, no torch."""

from __future__ import annotations

import math
from typing import NamedTuple

from shareconsole.spec.activations import NUMBER_BYTES, activation_bytes, one_at_a_time
from shareconsole.spec.data.table import DataShape
from shareconsole.spec.preset import Preset

# Resident memory of a trainer that has no tensor yet, but all libraries and the kernels that they
# compile (measured with torch 2.13 for the CPU; CUDA builds take more).
PROCESS_BYTES = 418 * 2**20
# Main memory is taken in pieces that the next step's tensors do not all fit into. What a long run
# takes by what its largest step needs was measured as 1.1 to 1.6, with the allocator settings of
# ``launch``.
_SCATTER = 1.4
_MOST_SCATTER = 1.6


class Memory(NamedTuple):
    """What a run needs, in bytes.

    Attributes:
        fixed: weights, gradients, two optimiser moments, the data set, two batches.
        activations: the most that the tensors of a step or of a test take at one time beside that.
        tasks_per_chunk: tasks that the trie engine computes together.
    """

    fixed: int
    activations: int
    tasks_per_chunk: int

    @property
    def device_bytes(self) -> int:
        """Memory of the device that a run trains on."""
        return self.fixed + self.activations

    @property
    def process_bytes(self) -> int:
        """Main memory of a trainer that keeps everything there."""
        return PROCESS_BYTES + self.fixed + int(_SCATTER * self.activations)

    @property
    def most_bytes(self) -> int:
        """The same at the worst; what has to stay within a budget."""
        return PROCESS_BYTES + self.fixed + int(_MOST_SCATTER * self.activations)

    def bytes_on(self, *, gpu: bool) -> int:
        """Return what has to stay within the budget of a GPU's memory, or of main memory."""
        return self.device_bytes if gpu else self.most_bytes


def memory(preset: Preset, shape: DataShape, parameters: int, tasks: int) -> Memory:
    """Return what a run needs.

    Args:
        preset: the run.
        shape: the sizes of its data.
        parameters: trainable numbers stored.
        tasks: tasks that are computed together, where the engine chooses.
    """
    number = NUMBER_BYTES[preset.device.dtype]
    image = math.prod(shape.input_shape)
    sets = 1 if shape.shared_inputs else shape.num_tasks
    # Two batches; one of them also as it was stored, or in the engine's order.
    batch = preset.train.batch_size
    largest = max(batch, preset.method.evaluated_at_once(batch))
    batches = (batch + 2 * largest) * sets * image * number
    stored = shape.bytes_per_pixel or number
    if preset.train.crop_padding:
        channels, rows, columns = shape.input_shape
        border = 2 * preset.train.crop_padding
        batches += largest * sets * channels * (rows + border) * (columns + border) * stored
    images = shape.stored_images * image * stored
    # Those for training are there once more, one task after another (``sharing.data``).
    labels = 2 * 8 * shape.stored_labels
    fixed = 4 * parameters * number + images + labels + batches
    return Memory(fixed, activation_bytes(preset, shape, tasks), tasks)


def fitted_memory(
    preset: Preset, shape: DataShape, parameters: int, allowed: int, *, on_gpu: bool
) -> Memory:
    """Return what a run needs with as many tasks at a time as fit, with one if none does.

    It is the smallest number that takes no more passes than the largest that fits.

    Args:
        preset: the run.
        shape: the sizes of its data.
        parameters: trainable numbers stored.
        allowed: bytes of the device's memory, or of main memory for the whole process.
        on_gpu: which of the two.
    """

    def needed(tasks: int) -> Memory:
        return memory(preset, shape, parameters, tasks)

    def fits(tasks: int) -> bool:
        return needed(tasks).bytes_on(gpu=on_gpu) <= allowed

    whole = shape.num_tasks
    if fits(whole) or one_at_a_time(preset):
        return needed(whole)
    low, high = 1, whole
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return needed(math.ceil(whole / math.ceil(whole / low)))


def too_little(preset: Preset, needed: int, free: int, where: str) -> tuple[str, str]:
    """Return what to say where a run has too little memory: the problem, and what would be right.

    Args:
        preset: the run.
        needed: bytes it needs at least.
        free: bytes that are free.
        where: whose memory, as in "of memory".
    """
    share = preset.device.memory_budget
    least = "" if one_at_a_time(preset) else " even with one task at a time"
    problem = f"the run may need {_size(needed)} {where}{least}"
    options = ["train.batch_size", *(f"method.{name}" for name in preset.method.memory_options)]
    less = " or ".join([", ".join(options[:-1]), options[-1]] if len(options) > 1 else options)
    allowed = f"at most {_size(int(free * share))} ({share:.0%} of the {_size(free)} free)"
    return problem, f"{allowed}; a smaller {less} needs less"


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.0f} MiB"
