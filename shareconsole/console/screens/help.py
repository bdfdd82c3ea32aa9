"""Every key on one page, read from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.dom import DOMNode

from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.widgets.key_bar import KeyBar, key_words
from shareconsole.console.widgets.lines import Line, Lines
from shareconsole.console.widgets.panel import fitted

_KEYS = 11
_COLUMN = 37
_GAP = 1
MOVES = frozenset({"move", "page", "scroll_lines", "scroll_page", "scroll_rows"})
"""Actions that move a cursor: the help names them once for all widgets."""


def sections() -> list[tuple[str, list[tuple[str, str]]]]:
    """All keys by where they work: (place, [(keys, what they do)])."""
    from shareconsole.console.app import ConsoleApp
    from shareconsole.console.screens.browser import BrowserScreen
    from shareconsole.console.screens.confirm import ConfirmStop
    from shareconsole.console.screens.live import LiveScreen
    from shareconsole.console.screens.log import LogScreen
    from shareconsole.console.screens.presets import PresetScreen
    from shareconsole.console.screens.unit import UnitScreen
    from shareconsole.console.widgets.cell_map import CellMap
    from shareconsole.console.widgets.drill_map import DrillMap
    from shareconsole.console.widgets.errors import ErrorPanel
    from shareconsole.console.widgets.filter_input import FilterInput
    from shareconsole.console.widgets.pair_map import PairsPanel
    from shareconsole.console.widgets.preset_list import PresetList
    from shareconsole.console.widgets.run_table import RunTable
    from shareconsole.console.widgets.spectrum import SpectrumPanel

    places: list[tuple[str, list[type[DOMNode]]]] = [
        ("Everywhere", [ConsoleApp, ConsoleScreen]),
        (BrowserScreen.what, [RunTable, BrowserScreen, FilterInput]),
        (LiveScreen.what, [LiveScreen, DrillMap, PairsPanel]),
        (UnitScreen.what, [UnitScreen]),
        (PresetScreen.what, [PresetScreen]),
        (ConfirmStop.what, [ConfirmStop]),
        (
            "Moving",
            [CellMap, RunTable, ErrorPanel, SpectrumPanel, Lines, PresetList, LogScreen],
        ),
    ]
    return [(place, _section(place, kinds)) for place, kinds in places]


def _section(place: str, kinds: list[type[DOMNode]]) -> list[tuple[str, str]]:
    """The keys of these classes; those that move a cursor are named once for all."""
    found: dict[str, str] = {}
    for keys, what, moves in (key for kind in kinds for key in _keys(kind)):
        if moves == (place == "Moving"):
            found.setdefault(what, keys)
    return [(keys, what) for what, keys in found.items()]


def _keys(kind: type[DOMNode]) -> Iterator[tuple[str, str, bool]]:
    """The keys that a class itself binds, what they do, and whether they move a cursor."""
    for binding in vars(kind).get("BINDINGS", ()):
        if isinstance(binding, Binding):
            name = binding.action.partition("(")[0]
            yield key_words(binding.key), binding.description, name in MOVES


class HelpScreen(ConsoleScreen):
    """The keys, those of the screen that one came from first."""

    what: ClassVar[str] = "Help"
    AUTO_FOCUS = "Lines"

    def __init__(self, came_from: type[object]) -> None:
        """``came_from``: the class of the screen whose keys come first."""
        super().__init__()
        self._first = str(getattr(came_from, "what", ""))

    def compose(self) -> ComposeResult:
        """The page and the keys of the page."""
        yield Lines(counted=True, id="help", classes="panel")
        yield KeyBar()

    def on_mount(self) -> None:
        """Write the page."""
        self.query_one(Lines).set_title("keys")
        self.recolour()

    @on(events.Resize)
    def recolour(self) -> None:
        """Write the page for this width."""
        blocks = sorted(sections(), key=lambda section: section[0] != self._first)
        columns = max(1, (self.app.size.width - 4) // (_COLUMN + _GAP))
        self.query_one(Lines).show(self._page(blocks, columns))

    def _page(self, blocks: list[tuple[str, list[tuple[str, str]]]], columns: int) -> list[Line]:
        """Fill columns of about the same height, in reading order."""
        palette, room = self.palette, _COLUMN - _KEYS - 3
        written: list[list[list[tuple[str, Style]]]] = []
        for title, keys in blocks:
            block: list[list[tuple[str, Style]]] = [[(title, palette.strong)]]
            block += [
                [(f"  {words:<{_KEYS}} ", palette.series(0)), (fitted(text, room), palette.plain)]
                for words, text in keys
            ]
            written.append([*block, []])
        target = -(-sum(map(len, written)) // columns)
        piles: list[list[list[tuple[str, Style]]]] = [[]]
        for block in written:
            if piles[-1] and len(piles[-1]) + len(block) // 2 > target and len(piles) < columns:
                piles.append([])
            piles[-1].extend(block)
        page: list[Line] = []
        for at in range(max(map(len, piles))):
            line: list[tuple[str, Style]] = []
            for pile in piles:
                parts = pile[at] if at < len(pile) else []
                used = sum(cell_len(text) for text, _ in parts)
                line += [*parts, (" " * (_COLUMN + _GAP - used), palette.plain)]
            page.append(line[:-1])
        return page
