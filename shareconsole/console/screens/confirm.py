"""The question before a run is stopped."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from shareconsole.console.widgets.key_bar import key_words


class ConfirmStop(ModalScreen[str]):
    """Ends with ``stop`` (after the step, with a checkpoint), ``now`` (without), or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('stop')", "Stop, with a checkpoint", id="stop-yes"),
        # No other case of a letter that keeps the run: a slip would lose what came since the last
        # checkpoint.
        Binding("x", "answer('now')", "Stop at once, without", id="stop-now"),
        Binding("escape,n", "answer('')", "Keep training", id="stop-no"),
    ]
    what: ClassVar[str] = "Before a run is stopped"

    def __init__(self, run_name: str, run_id: str, state: str = "running") -> None:
        """Name and id, which tells runs of one name apart, as safe text; the run's state."""
        super().__init__()
        self._run_name = run_name
        self._run_id = run_id
        self._rests = state == "paused"

    def compose(self) -> ComposeResult:
        """The question and its answers, from the bindings."""
        with Vertical(id="question"):
            yield Static(Content.assemble("Stop ", (self._run_name, "bold"), "?"), markup=False)
            yield Static(Content.styled(self._run_id, "dim"), markup=False)
            for binding in self.BINDINGS:
                if isinstance(binding, Binding):
                    keys = key_words(binding.key).ljust(6)
                    answer = binding.description
                    if binding.id == "stop-no" and self._rests:
                        answer = "Leave it as it is"
                    yield Static(Content.assemble((keys, "bold"), " ", answer))

    def action_answer(self, how: str) -> None:
        """Close with the answer."""
        self.dismiss(how)
