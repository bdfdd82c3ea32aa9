"""Numbers on their way from the device to the host, for whoever can wait for them later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Readback:
    """One tensor's values, copied without holding up what queues work for the device.

    On a GPU the copy goes to pinned memory behind the work already queued, and `wait` returns once
    it has arrived; pinned memory is torch's to reuse. On the CPU the values are there at once.
    """

    def __init__(self, values: Tensor) -> None:
        """Start the copy of `values`."""
        self._event: torch.cuda.Event | None = None
        self._values = values.detach()
        if values.is_cuda:
            self._values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._values.copy_(values.detach(), non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record(torch.cuda.current_stream(values.device))

    def wait(self) -> Tensor:
        """The values on the CPU."""
        if self._event is not None:
            self._event.synchronize()
            self._event = None
        return self._values
