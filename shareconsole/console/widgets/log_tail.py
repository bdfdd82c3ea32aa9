"""The last lines of a run's log, below the panels; how it ended, and how it goes on, if it did."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from shareconsole.console.viewmodel.header import RunHeader
from shareconsole.console.widgets.panel import Panel, Row, RowBuilder, fitted
from shareconsole.headless.requests import RESTARTABLE

BROKEN = frozenset({"crashed", "failed", "lost", "unreadable", "stalled"})
"""States in which what the trainer said last is what a person wants to see."""
_ROOMY = 4


class LogTail(Panel):
    """As many of the last lines as there is room for, warnings first."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        """Starts without a run."""
        super().__init__(id=id, classes=classes)
        self._header: RunHeader | None = None
        self._warnings: tuple[str, ...] = ()

    def show(self, header: RunHeader, warnings: tuple[str, ...]) -> None:
        """Show a run's log and its warnings, as they are in a snapshot."""
        before = self._header
        same = before is not None and _essence(before) == _essence(header)
        if same and warnings == self._warnings:
            return
        self._header, self._warnings = header, warnings
        self.set_title("log")
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The end, the warnings, the log."""
        header = self._header
        if header is None:
            return []
        rows: list[Row] = []
        if header.state in BROKEN or header.state == "stopped":
            rows += self._end_rows(header, width, height)
        if header.resume_note:
            rows.append(self._row(header.resume_note, width, self.palette.quiet))
        rows += [
            self._row(f"warning: {text}", width, self.palette.warning)
            for text in self._warnings[-max(1, height // 3) :]
        ]
        lines = header.log_tail or ("the trainer has printed nothing",)
        room = max(0, height - len(rows))
        last = lines[len(lines) - min(room, len(lines)) :]
        rows += [self._row(line, width, self.palette.plain) for line in last]
        return rows[:height]

    def _end_rows(self, header: RunHeader, width: int, height: int) -> list[Row]:
        """What can be done, and how it ended: in a row of its own where one does not hold both."""
        palette = self.palette
        row = RowBuilder(width)
        if header.state in RESTARTABLE:
            way = "resumes from the last checkpoint" if header.saved else "starts again from step 0"
            if header.refused:  # the warning below says why, and `show` how the run goes on
                way = "tries again"
            row.add("r", palette.strong + palette.series(0)).add(f" {way}   ", palette.quiet)
        row.add("L", palette.strong + palette.series(0)).add(" whole log   ", palette.quiet)
        said = f"{header.state}{': ' if header.reason else ''}{header.reason}"
        style = palette.error if header.state in BROKEN else palette.warning
        if cell_len(said) > row.room and height >= _ROOMY:
            return [self._row(said, width, style), row.row()]
        return [row.add(fitted(said, row.room, ascii_only=palette.ascii), style).row()]

    def _row(self, text: str, width: int, style: Style) -> Row:
        shown = fitted(text, width, ascii_only=self.palette.ascii)
        return RowBuilder(width).add(shown, style).row()


def _essence(header: RunHeader) -> tuple[object, ...]:
    return (
        header.state,
        header.reason,
        header.refused,
        header.saved,
        header.resume_note,
        header.log_tail,
    )
