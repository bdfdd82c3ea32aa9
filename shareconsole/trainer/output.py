"""Standard output and error of the trainer: a file on the disk that may be full."""

from __future__ import annotations

import contextlib
import io
from typing import TextIO


class ForgivingStream(io.TextIOBase):
    """A text stream that drops what its file refuses.

    The log is for people; a word that does not fit must not end a run that pauses, loses nothing
    and says so elsewhere.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        """Descriptor of the file."""
        return self._stream.fileno()
