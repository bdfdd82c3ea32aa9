"""How a run that is followed looks: live on a terminal, plain lines elsewhere, or nothing.

All of it is narration and goes to stderr; the end of the run is data and does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from shareconsole.headless.figures import count, duration, number, percent, speed
from shareconsole.headless.output import is_terminal, make_console
from shareconsole.headless.styles import GOOD, HEADING, QUIET, state_mark
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from rich.text import Text

# Without an evaluation to report, a line this often shows that it still moves.
LINE_SECONDS = 10.0
# Evaluations that follow each other faster than this share a line.
LEAST_LINE_SECONDS = 1.0
_NAME_CELLS = 24


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands; errors are fractions, None where there is nothing yet.

    ``stage`` is its stage and how far that is, foreign text; empty for a run without stages.
    """

    name: str
    state: str
    step: int
    steps: int
    loss: float | None = None
    steps_per_second: float | None = None
    evaluated: int | None = None
    macro_error: float | None = None
    micro_error: float | None = None
    stage: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the last step at the present speed."""
        if not self.steps_per_second or self.step >= self.steps:
            return None
        return (self.steps - self.step) / self.steps_per_second

    @property
    def fraction(self) -> float:
        """Steps done, in [0, 1]."""
        return min(1.0, self.step / self.steps) if self.steps > 0 else 0.0


class Display(Protocol):
    """What following a run writes to."""

    def update(self, snapshot: Snapshot) -> None:
        """Show where the run stands."""

    def note(self, message: str) -> None:
        """Say something that must not be missed."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Silence:
    """Shows nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def note(self, message: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """There is nothing to clear up."""


class Lines:
    """One plain line per evaluation, and one every few seconds in between."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to ``stream``; ``clock`` is monotonic, in seconds."""
        self._stream = stream
        self._clock = clock
        self._last = clock()
        self._evaluated: int | None = None
        self._step = -1
        self._state = ""

    def update(self, snapshot: Snapshot) -> None:
        """Print a line if it is due."""
        waited = self._clock() - self._last
        fresh = snapshot.evaluated is not None and snapshot.evaluated != self._evaluated
        moved = snapshot.step != self._step or snapshot.state != self._state
        turned = snapshot.state != self._state and "paused" in (snapshot.state, self._state)
        due = (fresh and waited >= LEAST_LINE_SECONDS) or (moved and waited >= LINE_SECONDS)
        if due or turned:
            self._last = self._clock()
            self._step, self._state = snapshot.step, snapshot.state
            self._evaluated = snapshot.evaluated
            self.note(plain_line(snapshot))

    def note(self, message: str) -> None:
        """Print the message."""
        print(safe_text(message, multi_line=True), file=self._stream, flush=True)

    def close(self) -> None:
        """There is nothing to clear up."""


class LiveLines:
    """A progress bar and a line of figures, redrawn in place."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on the terminal behind ``stream``."""
        from rich.live import Live

        self._console = make_console(stream)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def update(self, snapshot: Snapshot) -> None:
        """Redraw."""
        ascii_only = self._console.options.ascii_only
        width = self._console.width
        self._live.update(live_lines(snapshot, width, ascii_only=ascii_only), refresh=True)

    def note(self, message: str) -> None:
        """Print the message above the bar."""
        from rich.text import Text

        self._console.print(Text(safe_text(message, multi_line=True)))

    def close(self) -> None:
        """Take the bar away and show the cursor again."""
        self._live.stop()


def choose_display(stream: TextIO | None, *, quiet: bool) -> Display:
    """Return the display that suits the stream."""
    if quiet or stream is None:
        return Silence()
    return LiveLines(stream) if is_terminal(stream) else Lines(stream)


def plain_line(snapshot: Snapshot) -> str:
    """Return one line without colours: ``step 400/1,000  40 %  loss 0.21  …``."""
    parts = [
        f"step {count(snapshot.step)}/{count(snapshot.steps)}",
        f"{100 * snapshot.fraction:.0f} %",
        f"loss {number(snapshot.loss)}",
    ]
    if snapshot.stage:
        parts.insert(2, snapshot.stage)
    if snapshot.evaluated is not None:
        at = "" if snapshot.evaluated == snapshot.step else f" at step {count(snapshot.evaluated)}"
        parts.append(f"test error {percent(snapshot.macro_error, 2)} %{at}")
    if snapshot.steps_per_second:
        parts.append(speed(snapshot.steps_per_second))
    if snapshot.seconds_left is not None:
        parts.append(f"eta {duration(snapshot.seconds_left)}")
    if snapshot.state != "running":
        parts.append(snapshot.state)
    return "  ".join(parts)


def live_lines(snapshot: Snapshot, width: int, *, ascii_only: bool = False) -> Text:
    """Return the two lines of the live display, fitting ``width`` cells."""
    from rich.text import Text

    name = Text(safe_text(snapshot.name), style=HEADING)
    name.truncate(min(_NAME_CELLS, max(4, width // 4)), overflow="ellipsis")
    figures = (
        f" {count(snapshot.step)}/{count(snapshot.steps)}  {100 * snapshot.fraction:3.0f} %  "
        f"{speed(snapshot.steps_per_second)}  eta {duration(snapshot.seconds_left)}"
    )
    room = width - name.cell_len - 2 - len(figures) - 1
    first = Text.assemble(name, "  ")
    if room >= 5:
        first.append_text(_bar(snapshot.fraction, min(room, 60), ascii_only=ascii_only))
    first.append(figures)
    mark, colour = state_mark(snapshot.state)
    second = Text.assemble(
        (f"{mark} {snapshot.state}" if not ascii_only else snapshot.state, colour),
        ("  loss ", QUIET),
        number(snapshot.loss),
    )
    if snapshot.stage:
        stage = Text(f"  {safe_text(snapshot.stage)}")
        stage.truncate(width // 3, overflow="crop")
        second.append_text(stage)
    if snapshot.evaluated is not None:
        for part in (
            Text.assemble(
                ("  test error ", QUIET), (f"{percent(snapshot.macro_error, 2)} %", HEADING)
            ),
            Text(f" at step {count(snapshot.evaluated)}", style=QUIET),
            Text.assemble(("  micro ", QUIET), f"{percent(snapshot.micro_error, 2)} %"),
        ):
            # What does not fit whole is left out.
            if second.cell_len + part.cell_len < width:
                second.append_text(part)
    for line in (first, second):
        line.truncate(max(1, width - 1), overflow="crop")
    return Text("\n").join([first, second])


def _bar(fraction: float, cells: int, *, ascii_only: bool) -> Text:
    from rich.text import Text

    done, rest = ("#", "-") if ascii_only else ("━", "─")
    full = int(fraction * cells)
    return Text.assemble((done * full, GOOD), (rest * (cells - full), QUIET))
