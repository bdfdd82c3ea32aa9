"""How far a measurement is: one line redrawn on a terminal, a line per estimate elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TextIO

from shareconsole.headless.figures import duration
from shareconsole.headless.output import is_terminal, make_console, say
from shareconsole.headless.styles import QUIET
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from rich.text import Text


class Display(Protocol):
    """Who is told how far it is."""

    def expect(self, what: str, seconds: float) -> None:
        """Say how long the rest of something will take."""

    def show(self, what: str) -> None:
        """Say what is being measured."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Silence:
    """Shows nothing."""

    def expect(self, what: str, seconds: float) -> None:
        """Show nothing."""

    def show(self, what: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """There is nothing to clear up."""


class Lines:
    """The first estimate for everything that is measured."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self._said: set[str] = set()

    def expect(self, what: str, seconds: float) -> None:
        """Print it, once."""
        if what not in self._said:
            self._said.add(what)
            say(f"measuring {what}, about {duration(seconds)}")

    def show(self, what: str) -> None:
        """Rounds are too many for a log."""

    def close(self) -> None:
        """There is nothing to clear up."""


class LiveLine:
    """What is being measured now and how long it will take, redrawn in place."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on the terminal behind ``stream``."""
        from rich.live import Live

        self._console = make_console(stream)
        self._left = ""
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        self.show("starting")

    def expect(self, what: str, seconds: float) -> None:
        """Show it from now on."""
        self._left = f"  about {duration(seconds)} from here"
        self.show(what)

    def show(self, what: str) -> None:
        """Redraw."""
        self._live.update(self._line(what), refresh=True)

    def _line(self, what: str) -> Text:
        from rich.text import Text

        line = Text.assemble(safe_text(what), (self._left, QUIET))
        line.truncate(max(1, self._console.width - 1), overflow="ellipsis")
        return line

    def close(self) -> None:
        """Take the line away and show the cursor again."""
        self._live.stop()


def choose_display(stream: TextIO | None, *, quiet: bool) -> Display:
    """Return the display that suits the stream."""
    if quiet or stream is None:
        return Silence()
    return LiveLine(stream) if is_terminal(stream) else Lines()
