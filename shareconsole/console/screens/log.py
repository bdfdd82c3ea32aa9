"""Everything that a run's trainers printed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import get_current_worker

from shareconsole.console.messages import ActionFailed
from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.viewmodel.whole_log import LogPart, WholeLog
from shareconsole.console.widgets.key_bar import KeyBar
from shareconsole.console.widgets.lines import Line, Lines
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder

_LOOK_SECONDS = 0.25


class LogRead(Message):
    """The log grew."""

    def __init__(self, parts: tuple[LogPart, ...]) -> None:
        """``parts``: oldest first."""
        super().__init__()
        self.parts = parts

    def can_replace(self, message: Message) -> bool:
        """A slow screen needs to see only the last look."""
        return isinstance(message, LogRead)


class LogScreen(ConsoleScreen):
    """The logs of all attempts; it follows the end while the end is in view."""

    what: ClassVar[str] = "Log"
    AUTO_FOCUS = "Lines"

    def __init__(self, folder: RunFolder, run_name: str) -> None:
        """``run_name``: safe text."""
        super().__init__()
        self._folder = folder
        self._run_name = run_name
        self._parts: tuple[LogPart, ...] = ()

    def compose(self) -> ComposeResult:
        """The text and the keys."""
        yield Lines("nothing was printed yet", follow=True, id="log", classes="panel")
        yield KeyBar()

    def on_mount(self) -> None:
        """Start to look."""
        self.query_one(Lines).set_title(f"log of {self._run_name}")
        self.run_worker(self._watch, thread=True, group="feed")

    def _watch(self) -> None:
        worker, log = get_current_worker(), WholeLog(self._folder)
        complaint = ""
        while not worker.is_cancelled:
            try:
                parts = log.update()
            except OSError as error:
                if str(error) != complaint:
                    complaint = str(error)
                    self.post_message(ActionFailed(safe_text(error)))
            else:
                if parts is not None:
                    self.post_message(LogRead(parts))
            time.sleep(_LOOK_SECONDS)

    @on(LogRead)
    def _take(self, event: LogRead) -> None:
        if not self.here:
            return
        self._parts = event.parts
        self.recolour()

    def recolour(self) -> None:
        """Write the text."""
        palette = self.palette
        lines: list[Line] = []
        for part in self._parts:
            if len(self._parts) > 1:
                lines.append([(part.title, palette.strong + palette.series(0))])
            if part.left_out:
                lines.append([("what was printed before is left out here", palette.quiet)])
            lines += [[(text, palette.plain)] for text in part.lines]
        self.query_one(Lines).show(lines)
