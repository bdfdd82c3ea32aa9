"""The bar above everything: which run, what it is doing, how far, how fast."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from shareconsole.console.viewmodel.header import RunHeader
from shareconsole.console.widgets.panel import Panel, Row, RowBuilder, fitted
from shareconsole.headless.figures import count, duration, percent, speed

_GAP = "  "
_LEAST_BAR = 10
_LEAST_REASON = 20
_GOOD_REASON = 30
"""Cells of a reason that what made the run gives way to."""


class RunBar(Panel):
    """Two rows: state and name; progress, speed and time left. One row where there is only one."""

    DEFAULT_CSS = """
    RunBar {
        height: 2;
    }
    """

    def __init__(
        self, *, name: str | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        """Starts without a run."""
        super().__init__(name=name, id=id, classes=classes)
        self._header: RunHeader | None = None

    def show(self, header: RunHeader | None) -> None:
        """Show a run; an equal header costs nothing."""
        if header == self._header:
            return
        self._header = header
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """Who it is, then how it goes."""
        header = self._header
        if header is None:
            return []
        if height == 1:
            return [self._one_row(header, width)]
        return [self._who(header, width), self._progress(header, width)]

    def _state(self, row: RowBuilder, header: RunHeader) -> RowBuilder:
        mark, style = self.palette.state(header.state)
        return row.add(mark, style).add(f" {header.state}", style)

    def _who(self, header: RunHeader, width: int) -> Row:
        palette = self.palette
        row = self._state(RowBuilder(width), header).add(_GAP)
        # What a person must know now comes first; then the name, then what made it.
        alert = header.flags
        reserved = min(cell_len(alert) + 2, row.room // 2) if alert else 0
        facts = self._facts(header)
        name = header.name or header.id
        # A long name leaves half of the row to what else there is.
        most = row.room - reserved - _total([text for text, _ in facts])
        room = min(row.room - reserved, max(width // 2, most))
        row.add(fitted(name, room, ascii_only=palette.ascii), palette.strong)
        for text, style in _beside(facts, header, row.room - reserved, palette.ascii):
            row.add(_GAP).add(text, style)
        if alert and row.room > 3:
            shown = fitted(alert, row.room - 2, ascii_only=palette.ascii)
            row.to(width - cell_len(shown)).add(shown, palette.error)
        return row.row()

    def _facts(self, header: RunHeader) -> list[tuple[str, Style]]:
        palette = self.palette
        facts = []
        if header.reason:
            facts.append((header.reason, palette.warning))
        if header.stage:
            # The only fact that changes while a run trains.
            facts.append((header.stage, palette.series(0)))
        known = (header.method, header.data)
        facts += [(text, palette.quiet) for text in known if text and text != header.name]
        if header.seed is not None:
            facts.append((f"seed {header.seed}", palette.quiet))
        if header.attempt > 1:
            facts.append((f"attempt {header.attempt}", palette.quiet))
        facts.extend((f"#{tag}", palette.quiet) for tag in header.tags)
        return facts

    def _progress(self, header: RunHeader, width: int) -> Row:
        palette = self.palette
        figures = self._figures(header)
        while figures and width - _total(figures) < _LEAST_BAR:
            figures.pop()
        row = RowBuilder(width)
        self._bar(row, header, max(0, width - _total(figures)))
        for place, text in enumerate(figures):
            row.add(_GAP).add(text, palette.strong if place == 0 else palette.plain)
        return row.row()

    def _figures(self, header: RunHeader) -> list[str]:
        """Most important first: the last ones give way where there is no room."""
        if header.steps:
            figures = [f"{100 * header.fraction:.0f} %".rjust(5), header.progress_text]
        else:  # run.json, which tells the aim, cannot be read
            figures = [f"step {count(header.step)}"]
        if header.eta_seconds is not None:
            figures.append(f"eta {duration(header.eta_seconds)}")
        if header.steps_per_second is not None and not header.ended:
            figures.append(speed(header.steps_per_second))
        if header.macro_error is not None:
            figures.append(f"macro error {percent(header.macro_error)} %")
        return figures

    def _bar(self, row: RowBuilder, header: RunHeader, cells: int) -> None:
        palette = self.palette
        full, rest = ("=", "-") if palette.ascii else ("━", "─")
        fraction = header.fraction if header.fraction == header.fraction else 0.0
        done = int(min(max(fraction, 0.0), 1.0) * cells)
        row.add(full * done, palette.state(header.state)[1])
        row.add(rest * (cells - done), palette.faint)

    def _one_row(self, header: RunHeader, width: int) -> Row:
        palette = self.palette
        row = self._state(RowBuilder(width), header).add(_GAP)
        if header.flags:
            row.add(fitted(header.flags, row.room // 3, ascii_only=palette.ascii), palette.error)
            row.add(_GAP)
        figures = self._figures(header)
        while figures and _total(figures) > row.room - _LEAST_BAR:
            figures.pop()
        room = row.room - _total(figures)
        stage = _cells(header.stage) if header.stage else 0
        name = fitted(header.name or header.id, max(room - stage, room // 2 if stage else 0),
                      ascii_only=palette.ascii)  # fmt: skip
        row.add(name, palette.strong)
        if stage and row.room - _total(figures) >= stage:
            row.add(_GAP).add(header.stage, palette.series(0))
        for text in figures:
            row.add(_GAP).add(text.strip())
        return row.row()


def _beside(
    facts: Sequence[tuple[str, Style]], header: RunHeader, room: int, ascii_only: bool
) -> list[tuple[str, Style]]:
    """The facts that so many cells hold, in their order.

    The beginning of a reason says more than nothing, so it is cut: to leave room for the stage, and
    for what made the run as long as enough of the reason is left.
    """
    others = [fact for fact in facts if fact[0] != header.reason]
    found: list[tuple[str, Style]] = []
    if header.reason:
        text, style = facts[0]
        enough = min(cell_len(text), _GOOD_REASON)
        kept = [word for word, _ in others]
        while len(kept) > bool(header.stage) and room - _total(kept) - cell_len(_GAP) < enough:
            kept.pop()
        left = room - _total(kept) - cell_len(_GAP)
        if left >= min(cell_len(text), _LEAST_REASON):
            found.append((fitted(text, left, ascii_only=ascii_only), style))
            room -= _cells(found[0][0])
    for text, style in others:
        left = room - cell_len(_GAP)
        if text == header.stage and left >= _LEAST_REASON:
            text = _shortened(text, left, ascii_only=ascii_only)
        elif left < cell_len(text):
            break
        found.append((text, style))
        room -= _cells(text)
    return found


def _cells(text: str) -> int:
    return cell_len(_GAP) + cell_len(text)


def _shortened(stage: str, width: int, *, ascii_only: bool) -> str:
    """A stage in ``width`` cells: its name gives way, how far it is stays."""
    name, _, progress = stage.rpartition(" ")
    room = width - cell_len(progress) - 1
    if not name or room < 1:
        return fitted(stage, width, ascii_only=ascii_only)
    return f"{fitted(name, room, ascii_only=ascii_only)} {progress}"


def _total(figures: Sequence[str]) -> int:
    return sum(_cells(text) for text in figures)
