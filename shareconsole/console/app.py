"""The app: which screen is shown, and the keys that work on every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

from shareconsole.console import themes
from shareconsole.console.driver import LeanDriver
from shareconsole.console.key_queue import KeyQueue
from shareconsole.console.messages import ActionDone, ActionFailed
from shareconsole.console.palette import Palette
from shareconsole.console.screens.base import ConsoleScreen, outcome
from shareconsole.console.screens.browser import BrowserScreen
from shareconsole.console.terminal import backlog
from shareconsole.console.viewmodel.browser import RunList
from shareconsole.console.widgets.key_bar import key_words, shown_bindings
from shareconsole.console.widgets.panel import Panel
from shareconsole.headless.commands import command

if TYPE_CHECKING:
    from shareconsole.console.viewmodel.header import RunHeader
    from shareconsole.store.folder import RunFolder

_NOTICE_SECONDS = 6.0
_ERROR_SECONDS = 15.0
_RESIZED_SECONDS = 0.1


class ConsoleApp(App[None]):
    """Shows the list of runs, or one run to begin with."""

    TITLE = "shareconsole"
    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = True
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "light", "Light or dark", show=False, id="theme"),
        Binding("question_mark,f1", "keys", "Help", id="help"),
        Binding("ctrl+p", "command_palette", "Palette", id="palette", priority=True),
        Binding("q", "quit", "Quit", id="quit"),
    ]

    def __init__(self, runs_dir: Path, run: RunFolder | None, palette: Palette) -> None:
        """Touches no disk.

        Args:
            runs_dir: the folder of all runs.
            run: the run to begin with; the list of all runs if None.
            palette: colours and glyphs for the terminal at hand.
        """
        plain = palette.depth in ("16", "none")
        super().__init__(ansi_color=True if plain else None)
        self.animation_level = "none"
        self.runs_dir = runs_dir
        self.palette = palette
        self.parting = ""
        """What to say once the terminal is back: which run trains on."""
        self._first_run = run
        self._keys = KeyQueue(self, self._take_key)
        self._key: events.Key | None = None
        self.set_class(palette.ascii, "-ascii")
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = themes.theme_for(palette.depth, dark=palette.dark)

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice, but on a terminal one that writes less."""
        chosen = super().get_driver_class()
        return LeanDriver if chosen is LinuxDriver else chosen

    def on_resize(self) -> None:
        """Draw everything once the resize is over: what a terminal makes of it is its own affair.

        Until the layout follows, frames of the old size are cut by the terminal, and a resize to
        and fro draws nothing by itself.
        """
        if isinstance(self._driver, LeanDriver):
            self._driver.forget()
            self.set_timer(_RESIZED_SECONDS, self._draw_all)

    def _draw_all(self) -> None:
        if isinstance(self._driver, LeanDriver):
            self._driver.forget()
        self.screen.refresh()

    def get_default_screen(self) -> Screen[None]:
        """The list; below a run that was asked for, nothing, as the list is read when needed."""
        return self._browser() if self._first_run is None else Screen()

    async def on_event(self, event: events.Event) -> None:
        """Handle keys one by one, and everything else as it comes."""
        if isinstance(event, events.Key) and not event.is_forwarded and event is not self._key:
            self._keys.add(event)
            return
        goes_to = self.focused or self.screen if event is self._key else None
        await super().on_event(event)
        if event is self._key:
            self._key = None
            self._keys.follow(goes_to)

    def _take_key(self, key: events.Key) -> None:
        screen = self.screen
        # While a run is being opened, which may hang, the app's own keys still work.
        own = key.key == "q" or key.key.startswith("ctrl+")
        if isinstance(screen, ConsoleScreen) and not own and screen.type_ahead(key.key):
            self._keys.follow(None)
            return
        self._key = key
        self.post_message(key)

    def type_again(self, keys: Iterable[str]) -> None:
        """Take keys as if they were typed now, before any that wait."""
        self._keys.add_first([events.Key(key, None) for key in keys])

    def on_mount(self) -> None:
        """Show the run that was asked for."""
        if self._first_run is not None:
            self.open_run(self._first_run)

    def _browser(self) -> BrowserScreen:
        return BrowserScreen(RunList(self.runs_dir))

    @property
    def behind(self) -> bool:
        """Whether the terminal has not yet taken what was drawn."""
        return backlog(self) > 0

    def open_run(self, folder: RunFolder) -> None:
        """Show a run."""
        from shareconsole.console.screens.live import LiveScreen

        self.push_screen(LiveScreen(folder))

    def open_log(self, folder: RunFolder, name: str) -> None:
        """Show a run's whole log; ``name`` is safe text."""
        from shareconsole.console.screens.log import LogScreen

        self.push_screen(LogScreen(folder, name))

    def open_presets(self) -> None:
        """Show the presets to choose from."""
        from shareconsole.console.screens.presets import PresetScreen

        self.push_screen(PresetScreen())

    def show_started(self, asked_from: Screen[None], folder: RunFolder) -> None:
        """Show a run that was just started, in place of the screen that asked for it."""
        from shareconsole.console.screens.live import LiveScreen

        if self.screen is asked_from:
            self.switch_screen(LiveScreen(folder))
        else:
            self.notify(f"{folder.id} has started", timeout=_NOTICE_SECONDS, markup=False)

    def note_run(self, header: RunHeader) -> None:
        """Remember what to say of a run when the console is left while it trains."""
        if header.ended:
            self.parting = ""
        else:
            self.parting = (
                f"{header.id} is {header.state} and goes on without this console; back to it:\n"
                f"  {command('attach', self.runs_dir / header.id)}"
            )

    def go_back(self) -> None:
        """Leave the screen in front; from a run that was opened first, go to the list."""
        if isinstance(self.screen_stack[-2:][0], ConsoleScreen) and len(self.screen_stack) > 1:
            self.pop_screen()
        elif not isinstance(self.screen, BrowserScreen):
            self.switch_screen(self._browser())

    def run_in_thread(self, action: Callable[[Callable[[], bool]], str]) -> None:
        """Carry out what a person asked for; what came of it is told when it is known."""
        self.run_worker(
            partial(self._carry_out, action), thread=True, group="actions", exit_on_error=True
        )

    def _carry_out(self, action: Callable[[Callable[[], bool]], str]) -> None:
        self.post_message(outcome(action))

    @on(ActionDone)
    def _tell(self, event: ActionDone) -> None:
        self.notify(event.text, timeout=_NOTICE_SECONDS, markup=False)

    @on(ActionFailed)
    def _complain(self, event: ActionFailed) -> None:
        self.notify(event.text, severity="error", timeout=_ERROR_SECONDS, markup=False)

    def action_light(self) -> None:
        """Switch between dark and light."""
        self.palette = replace(self.palette, dark=not self.palette.dark)
        self.theme = themes.theme_for(self.palette.depth, dark=self.palette.dark)
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen):
                screen.recolour()
            for panel in screen.query(Panel):
                panel.redraw()

    def action_command_palette(self) -> None:
        """Offer what the keys do, by name."""
        from textual.command import CommandPalette

        if not isinstance(self.screen, CommandPalette):
            # Textual's own words end in an ellipsis, which is no ASCII.
            palette = CommandPalette(placeholder="search for a command", id="--command-palette")
            self.push_screen(palette)

    def action_keys(self) -> None:
        """Show all keys."""
        from shareconsole.console.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(type(self.screen)))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: what the keys of the screen do, by name."""
        for binding in shown_bindings(screen):
            if binding.action != "command_palette":
                node = next(
                    active.node
                    for active in screen.active_bindings.values()
                    if active.binding.action == binding.action
                )
                yield SystemCommand(
                    binding.description,
                    f"key {key_words(binding.key)}",
                    partial(self.run_action, binding.action, node),
                )
        yield SystemCommand("Light or dark", "key t", self.action_light)
