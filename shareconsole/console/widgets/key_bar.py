"""The last row of every screen: which keys do what, taken from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.widget import Widget

from shareconsole.console.widgets.panel import Panel, Row, RowBuilder

if TYPE_CHECKING:
    from textual.binding import Binding
    from textual.screen import Screen

_KEYS = {
    "escape": "esc", "question_mark": "?", "slash": "/", "left_square_bracket": "[",
    "right_square_bracket": "]", "pageup": "pgup", "pagedown": "pgdn", "plus": "+", "minus": "-",
}  # fmt: skip
_BACK = _KEYS["escape"]


def key_words(keys: str) -> str:
    """Return keys as people write them: ``ctrl+p`` as ``^p``, alternatives with a space."""
    return " ".join(_key_word(key.strip()) for key in keys.split(","))


def _key_word(key: str) -> str:
    *modifiers, name = key.split("+")
    name = _KEYS.get(name, name)
    for modifier in reversed(modifiers):
        name = f"^{name}" if modifier == "ctrl" else f"{modifier}-{name}"
    return name


def shown_bindings(screen: Screen[object]) -> list[Binding]:
    """Return the bindings to offer now, each action once: in the order that classes name them.

    Those of what has the focus come first, then the screen's, then those that work everywhere.
    """
    offers = getattr(screen, "offers", lambda action: True)
    found: dict[str, tuple[int, int, Binding]] = {}
    nodes: list[object] = []
    for active in screen.active_bindings.values():
        binding, node = active.binding, active.node
        if node not in nodes:
            nodes.append(node)
        if binding.show and active.enabled and offers(binding.action):
            place = (nodes.index(node), _place(binding, type(node)), binding)
            found.setdefault(binding.action, place)
    return [binding for *_, binding in sorted(found.values(), key=lambda place: place[:2])]


def _place(binding: Binding, kind: type[object]) -> int:
    """Where a class names a binding; what it inherits comes later."""
    own = [
        getattr(one, "id", None) for cls in kind.__mro__ for one in vars(cls).get("BINDINGS", ())
    ]
    return own.index(binding.id) if binding.id in own else len(own)


class KeyBar(Panel):
    """One row. The keys that work everywhere stand at the right and give way last but the way back.

    Whoever does not know where they are needs that one.
    """

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
    }
    """

    def __init__(self) -> None:
        """Starts empty; follows its screen's bindings."""
        super().__init__()
        self._spans: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the focus and whatever else changes what keys do."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: object) -> None:
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Row]:
        """The screen's keys left, everybody's keys right."""
        palette = self.palette
        everywhere = {binding.action for binding in self._global_bindings()}
        bindings = shown_bindings(self.screen)
        # Textual's own key for the palette carries no word of ours.
        right = [_item(binding) for binding in bindings if binding.action in everywhere]
        left = [_item(binding) for binding in bindings if binding.action not in everywhere]
        back = _width([item for item in left if item[0] == _BACK])
        while right and _width(right) + back > width:
            right.pop(0)
        room = width - _width(right)
        while left and _width(left) > room:
            others = [item for item in left if item[0] != _BACK]
            left.remove(others[-1] if others else left[-1])
        row = RowBuilder(width)
        self._spans = []
        for place, (key, word, action) in enumerate([*left, *right]):
            if place == len(left):
                row.to(width - _width(right))
            start = row.used
            row.add(" ").add(key, palette.strong + palette.series(0)).add(" ")
            row.add(word, palette.quiet).add(" ")
            self._spans.append((start, row.used, action))
        return [row.row()]

    def _global_bindings(self) -> Iterable[Binding]:
        return [binding for bindings in self.app._bindings.key_to_bindings.values()
                for binding in bindings]  # fmt: skip

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the mouse does."""
        for start, end, action in self._spans:
            if start <= event.x < end:
                node: Widget | None = self.screen.focused
                for active in self.screen.active_bindings.values():
                    if active.binding.action == action:
                        await self.app.run_action(action, default_namespace=active.node)
                        return
                await self.app.run_action(action, default_namespace=node)


def _item(binding: Binding) -> tuple[str, str, str]:
    return key_words(binding.key), binding.description.lower(), binding.action


def _width(items: list[tuple[str, str, str]]) -> int:
    return sum(cell_len(key) + cell_len(word) + 3 for key, word, _ in items)
