"""The device of a run, and torch set up so that the same seed gives the same bits."""

from __future__ import annotations

import os

import torch

from shareconsole.errors import UsageError

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


def check_memory(device: torch.device, needed: int, budget: float) -> None:
    """Refuse a run that a GPU has no room for; main memory is checked before the trainer starts.

    Args:
        device: Where the run trains.
        needed: Predicted bytes.
        budget: Share of the free memory that the run may take.

    Raises:
        UsageError: It does not fit.
    """
    if device.type != "cuda":
        return
    free, _ = torch.cuda.mem_get_info(device)
    if needed > free * budget:
        raise UsageError(
            f"the run needs about {needed / 2**20:,.0f} MiB on {device}; allowed: "
            f"{free * budget / 2**20:,.0f} MiB ({budget:.0%} of what is free, device.memory_budget)"
        )


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


def describe_device(device: torch.device) -> str:
    """Device as recorded with a checkpoint; two different texts may round differently."""
    if device.type == "cuda":
        return f"cuda/{torch.cuda.get_device_name(device)}"
    return f"cpu/{torch.backends.cpu.get_cpu_capability()}"
