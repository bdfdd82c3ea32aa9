"""How far a download is: a bar on a terminal, a line at the beginning and the end elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from shareconsole.headless.figures import size as bytes_text
from shareconsole.headless.output import is_terminal, make_console, say

_SECONDS_BETWEEN_LINES = 30.0


class FetchDisplay:
    """Takes a download's reports and shows them on a stream."""

    def __init__(self, stream: TextIO | None, *, quiet: bool) -> None:
        """Show nothing yet, and nothing at all where ``quiet``."""
        self._quiet = quiet
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}
        self._bars: Progress | None = None
        if is_terminal(stream) and not quiet:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(binary_units=True),
                TransferSpeedColumn(),
                console=make_console(stream),
            )

    def __enter__(self) -> FetchDisplay:
        """Begin to draw."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bars as they are."""
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, name: str, done: int, size: int) -> None:
        """Take note: ``done`` of ``size`` bytes of the file ``name`` are here."""
        if self._bars is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=size)
            self._bars.update(self._tasks[name], completed=done)
            return
        now = time.monotonic()
        said = self._said.get(name)
        if said is None or done == size or now - said >= _SECONDS_BETWEEN_LINES:
            self._said[name] = now
            say(f"{name}: {bytes_text(done)} of {bytes_text(size)}", quiet=self._quiet)
