"""What all screens have in common: the way back, and what a person can ask of the run in view."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.worker import get_current_worker

from shareconsole.console import acting
from shareconsole.console.messages import ActionDone, ActionFailed
from shareconsole.errors import ShareconsoleError
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from shareconsole.console.app import ConsoleApp
    from shareconsole.console.palette import Palette
    from shareconsole.store.folder import RunFolder

RUN_BINDINGS: tuple[BindingType, ...] = (
    Binding("p", "pause", "Pause", id="pause"),
    Binding("r", "resume", "Resume", id="resume"),
    Binding("s", "stop", "Stop", id="stop"),
    Binding("c", "checkpoint", "Checkpoint", id="checkpoint"),
)
_VERBS = frozenset({"pause", "resume", "stop", "checkpoint"})


class ConsoleScreen(Screen[None]):
    """Base of the screens."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back", id="back")]

    what: ClassVar[str] = ""
    """What the help calls this screen."""

    @property
    def host(self) -> ConsoleApp:
        """The app, as what it is."""
        return cast("ConsoleApp", self.app)

    @property
    def palette(self) -> Palette:
        """The colours and glyphs."""
        return self.host.palette

    @property
    def here(self) -> bool:
        """Whether this screen is still in use; what a feed posted last may come too late."""
        return self.is_attached and self.is_running and self in self.app.screen_stack

    @property
    def in_view(self) -> bool:
        """Whether this screen is in front, or nothing but questions are in front of it."""
        above = reversed(self.app.screen_stack)
        in_front = next(screen for screen in above if not isinstance(screen, ModalScreen))
        return in_front is self

    def offers(self, action: str) -> bool:
        """Return whether the row of keys should name an action now."""
        return True

    def type_ahead(self, key: str) -> bool:
        """Keep a key that came too early; False if it means something now."""
        return False

    def recolour(self) -> None:
        """The palette changed: texts that were built with the old one are built anew."""

    def action_back(self) -> None:
        """Return to where this was opened, or to the list of runs."""
        self.host.go_back()


class RunActing(ConsoleScreen):
    """A screen with a run in view that can be paused, resumed, stopped and saved."""

    def acted_on(self) -> tuple[RunFolder, str, str] | None:
        """The run in view: its folder, its name and its state; None if there is none."""
        raise NotImplementedError

    def offers(self, action: str) -> bool:
        """Name only what makes sense in the run's state."""
        if action not in _VERBS:
            return super().offers(action)
        run = self.acted_on()
        return run is not None and acting.fits(action, run[2])

    def action_pause(self) -> None:
        """Let the trainer rest after its step."""
        self._act(acting.pause)

    def action_resume(self) -> None:
        """Let a paused run go on, restart an ended one."""
        self._act(acting.resume)

    def action_checkpoint(self) -> None:
        """Save a checkpoint."""
        self._act(acting.checkpoint)

    def action_stop(self) -> None:
        """Ask whether, then stop."""
        run = self.acted_on()
        if run is None:
            return
        folder, name, state = run
        if not acting.fits("stop", state):
            self.app.notify(
                f"cannot stop {name}: it is {state or 'not known yet'}",
                severity="warning",
                markup=False,
            )
            return
        from shareconsole.console.screens.confirm import ConfirmStop

        def answered(how: str | None) -> None:
            if how in ("stop", "now"):
                self.host.run_in_thread(lambda stopped: acting.stop(folder, name, now=how == "now"))

        self.app.push_screen(ConfirmStop(name, safe_text(folder.id), state), answered)

    def _act(self, action: Callable[[RunFolder, str, acting.ShouldStop], str]) -> None:
        run = self.acted_on()
        if run is not None:
            self.host.run_in_thread(partial(action, run[0], run[1]))


def outcome(action: Callable[[acting.ShouldStop], str]) -> Message:
    """Carry an action out in a worker's thread and return what came of it as a message."""
    worker = get_current_worker()
    try:
        return ActionDone(action(lambda: worker.is_cancelled))
    except (ShareconsoleError, OSError) as error:
        return ActionFailed(acting.reason_of(error))
