"""What this machine computes at best: a matrix product, and the network's largest convolution."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from shareconsole.sharing.network import NetworkPlan

_SIDE = 1024
_LEAST_SECONDS = 0.15
_LEAST_REPEATS = 5
# An engine may give a convolution the images of several nodes at once, which suits some machines.
_BATCHES = (1, 8)


class Convolution(NamedTuple):
    """A layer, the shape [B, C, H, W] it is given, and its operations on that."""

    layer: nn.Conv2d
    shape: tuple[int, ...]
    operations: float


def gemm_gflops(device: torch.device, dtype: torch.dtype) -> float:
    """Best speed of a 1024 x 1024 x 1024 matrix product, 1e9 operations per second.

    Seconds are those of the CPU on all threads, those of the clock on a GPU.
    """
    a, b = (torch.rand(_SIDE, _SIDE, device=device, dtype=dtype) for _ in range(2))
    return _best(lambda: a @ b, 2 * _SIDE**3, device) / 1e9


def conv_gflops(
    plan: NetworkPlan,
    input_shape: tuple[int, int, int],
    batch_size: int,
    device: torch.device,
    dtype: torch.dtype,
) -> float | None:
    """The same for the network's convolution with most operations; None where it has none."""
    largest = _largest_convolution(plan, (batch_size, *input_shape))
    if largest is None:
        return None
    layer = largest.layer.to(device, dtype)
    best = 0.0
    for times in _BATCHES:
        shape = (times * largest.shape[0], *largest.shape[1:])
        x = torch.rand(shape, device=device, dtype=dtype)
        # The engines keep images in different orders, and the peak is that of the faster one.
        for order in (torch.contiguous_format, torch.channels_last):
            y = x.contiguous(memory_format=order)
            best = max(best, _best(lambda y=y: layer(y), times * largest.operations, device))  # type: ignore[misc]
    return best / 1e9


def _largest_convolution(plan: NetworkPlan, shape: tuple[int, ...]) -> Convolution | None:
    found: list[Convolution] = []

    def note(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        operations = 2 * output.numel() * layer.weight[0].numel()
        found.append(Convolution(layer, tuple(inputs[0].shape), operations))

    x = torch.zeros(shape)
    with torch.no_grad():
        for unit in plan.units:
            module = unit.build().eval()  # nothing drops out, and sizes are the same
            for layer in module.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.register_forward_hook(note)
            x = module(x)
    largest = max(found, key=lambda convolution: convolution.operations, default=None)
    if largest is None:
        return None
    layer = largest.layer
    layer._forward_hooks.clear()
    return largest


def _best(work: Callable[[], object], operations: float, device: torch.device) -> float:
    """Operations per second of the best of several runs."""
    on_cpu = device.type == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    best, spent, repeats = 0.0, 0.0, 0
    with torch.inference_mode():
        work()
        while spent < _LEAST_SECONDS or repeats < _LEAST_REPEATS:
            if not on_cpu:
                torch.cuda.synchronize(device)
            began = clock()
            work()
            if not on_cpu:
                torch.cuda.synchronize(device)
            seconds = clock() - began
            best = max(best, operations / seconds)
            spent += seconds
            repeats += 1
    return best
