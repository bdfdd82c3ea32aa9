"""The device of a run, and torch set up so that the same seed gives the same bits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
import torch

from shareconsole.errors import UsageError
from shareconsole.sharing.compiling import compiler_of
from shareconsole.spec.memory import fitted_memory, too_little

if TYPE_CHECKING:
    from shareconsole.spec.data.table import DataShape
    from shareconsole.spec.memory import Memory
    from shareconsole.spec.preset import Preset

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def resolve_device(name: str) -> torch.device:
    """The torch device for a preset's `device.device`.

    Raises:
        UsageError: A CUDA device is asked for that this machine does not have.
    """
    available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda:0" if available else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if available else 0
        if (device.index or 0) >= count:
            raise UsageError(
                f"device.device = {name!r}: this machine has {count} usable CUDA devices; "
                f"allowed: auto, cpu{', cuda:0 .. cuda:' + str(count - 1) if count else ''}"
            )
        device = torch.device("cuda", device.index or 0)
    return device


def fitting_memory(
    device: torch.device, preset: Preset, shape: DataShape, parameters: int
) -> Memory:
    """What a run will need, with as many tasks at a time as the memory is enough for.

    That is `device.memory_budget` of what is free.

    Args:
        device: Where the run trains.
        preset: The run.
        shape: The sizes of its data.
        parameters: Trainable numbers stored.

    Raises:
        UsageError: Not even one task at a time fits.
    """
    on_gpu = device.type == "cuda"
    # What this process has already is part of what the run needs.
    if on_gpu:
        free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    else:
        free = psutil.virtual_memory().available + psutil.Process().memory_info().rss
    allowed = int(free * preset.device.memory_budget)
    found = fitted_memory(preset, shape, parameters, allowed, on_gpu=on_gpu)
    needed = found.bytes_on(gpu=on_gpu)
    if needed > allowed:
        problem, permitted = too_little(preset, needed, free, f"of the memory of {device}")
        raise UsageError(f"device.memory_budget: {problem}; allowed: {permitted}")
    return found


def set_up(threads: int) -> None:
    """Fix everything that could make two runs of one seed differ.

    Call it once, before any work on a device.
    """
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # An operation without a deterministic kernel is an error rather than a silent difference.
    torch.use_deterministic_algorithms(True)
    # That mode also fills every new tensor with NaN, a cost that buys correct code nothing.
    # torch sets this module up so that its attributes are invisible to type checkers.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    # TF32 would be a deviation that nobody asked for.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def describe_computing(preset: Preset, device: torch.device) -> str:
    """What a run's numbers are rounded by, as recorded with a checkpoint.

    Raises:
        UsageError: The run is to be compiled, and there is nothing that does.
    """
    text = describe_device(device)
    return f"{text}, compiled by {compiler_of(device)}" if preset.device.compile else text


def describe_device(device: torch.device) -> str:
    """The device; two different texts may round differently."""
    if device.type == "cuda":
        return f"cuda/{torch.cuda.get_device_name(device)}"
    return f"cpu/{torch.backends.cpu.get_cpu_capability()}"
