"""Every key that a class binds: which ones there are, and a walk that has to press them all."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

import shareconsole.console
from tests.console.driving import Driver, Sight

Kind = type[DOMNode]


def kinds() -> Iterator[Kind]:
    """All classes of the console that can be on the screen."""
    for module in pkgutil.walk_packages(shareconsole.console.__path__, "shareconsole.console."):
        for value in vars(importlib.import_module(module.name)).values():
            ours = isinstance(value, type) and value.__module__ == module.name
            if ours and issubclass(value, DOMNode):
                yield value


def bindings_of(kind: Kind) -> list[Binding]:
    """What a class itself binds, without what it inherits."""
    return [binding for binding in vars(kind).get("BINDINGS", ()) if isinstance(binding, Binding)]


def keys_of(kind: Kind) -> set[str]:
    return {key.strip() for binding in bindings_of(kind) for key in binding.key.split(",")}


class Walk:
    """Presses keys one by one. Each has to bring about something that was not there before."""

    def __init__(self, driver: Driver, *kinds: Kind) -> None:
        self._driver = driver
        self._left = {(kind, key) for kind in kinds for key in keys_of(kind)}

    async def __call__(self, key: str, sight: Sight) -> None:
        """Press a key and wait for what it does: a text on the screen, or something that holds."""
        driver = self._driver
        assert not driver.sees(sight), f"before {key}: {sight!r} is there\n{driver.text()}"
        self._left.discard(self._binder(key))
        await driver.press(key)
        await driver.until(sight)

    def over(self) -> None:
        """Fail if a key of the classes was never pressed where it is that class's."""
        assert {(kind.__name__, key) for kind, key in self._left} == set()

    def _binder(self, key: str) -> tuple[Kind, str]:
        """The class whose binding the key would reach now."""
        active = self._driver.app.screen.active_bindings[key]
        for kind in type(active.node).__mro__:
            if any(binding.id == active.binding.id for binding in bindings_of(kind)):
                return kind, key
        raise AssertionError(f"{key} does something that no class of ours binds")
