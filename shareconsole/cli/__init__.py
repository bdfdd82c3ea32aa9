"""The command line. Importing it costs nothing; the commands are loaded when one is carried out.

Each command imports what it needs inside itself, so that help and completion stay quick and no
command ever loads torch.
"""

from __future__ import annotations

import signal
import sys

# Spelt out, as typing takes as long to load as all that is needed here before Ctrl-C is heeded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_INTERRUPTED = 130


class _Interrupts:
    """Whether Ctrl-C was pressed while nobody else took care of it."""

    seen = False

    def note(self, number: int, frame: FrameType | None) -> NoReturn:
        self.seen = True
        raise KeyboardInterrupt


def main() -> NoReturn:
    """Carry out this process's command line and exit."""
    interrupts = _Interrupts()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupts.note)
    try:
        from shareconsole.cli.app import main as carry_out

        carry_out()
    except SystemExit:
        raise
    except BaseException:
        # An interrupted import may show as another error than the interrupt.
        if not interrupts.seen:
            raise
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(_INTERRUPTED)
