"""Choose a preset, see what it comes to, name it, start it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from shareconsole.console import acting
from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.widgets.key_bar import KeyBar
from shareconsole.console.widgets.lines import Line, Lines
from shareconsole.console.widgets.preset_list import PresetList
from shareconsole.errors import ShareconsoleError

if TYPE_CHECKING:
    from shareconsole.console.viewmodel.presets import PresetChoice, ResolvedPreset
    from shareconsole.store.folder import RunFolder


class PresetsListed(Message):
    """The presets that can be chosen are known."""

    def __init__(self, choices: tuple[PresetChoice, ...]) -> None:
        """``choices``: by name."""
        super().__init__()
        self.choices = choices


class PresetResolved(Message):
    """It is known what a preset comes to."""

    def __init__(self, resolved: ResolvedPreset) -> None:
        """``resolved``: with its problems, if there are any."""
        super().__init__()
        self.resolved = resolved


class RunStarted(Message):
    """A run was made and its trainer came up."""

    def __init__(self, folder: RunFolder) -> None:
        """``folder``: of the run."""
        super().__init__()
        self.folder = folder


class StartFailed(Message):
    """A run was not made, or its trainer did not come up."""

    def __init__(self, reason: str) -> None:
        """``reason``: safe text, maybe of several lines."""
        super().__init__()
        self.reason = reason


class PresetScreen(ConsoleScreen):
    """The presets at the left; name, seed and all settings at the right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", id="start"),
        Binding("tab", "app.focus_next", "Next field", id="field-next"),
        Binding("shift+tab", "app.focus_previous", "Field before", show=False, id="field-before"),
    ]
    what: ClassVar[str] = "New run"
    AUTO_FOCUS = "PresetList"

    def __init__(self) -> None:
        """Reads nothing yet."""
        super().__init__()
        self._starting = False
        self._resolved: ResolvedPreset | None = None
        self._failure = ""

    def compose(self) -> ComposeResult:
        """The list, the two fields, the settings."""
        with Horizontal():
            yield PresetList(id="presets", classes="panel")
            with Vertical(id="choice"):
                with Vertical(id="fields"):
                    for field in ("name", "seed"):
                        with Horizontal(classes="field"):
                            yield Static(field, markup=False)
                            yield Input(id=f"preset-{field}")
                yield Static(id="starting", markup=False)
                yield Lines("reading the presets", id="settings", classes="panel")
        yield KeyBar()

    def on_mount(self) -> None:
        """List the presets, in a thread: that loads pydantic."""
        self.query_one("#presets", PresetList).set_title("new run: choose a preset")
        self.query_one("#settings", Lines).set_title("settings")
        self.query_one("#starting").display = False
        self.run_worker(self._list, thread=True, group="list")

    def _list(self) -> None:
        from shareconsole.console.viewmodel.presets import preset_choices

        self.post_message(PresetsListed(preset_choices()))

    @on(PresetsListed)
    def _listed(self, event: PresetsListed) -> None:
        if self.here:
            self.query_one(PresetList).show(event.choices)

    @on(PresetList.Highlighted)
    def _highlighted(self) -> None:
        self._failure = ""
        # What was typed before there was a list is meant for the first preset.
        for field in ("name", "seed") if self._resolved is not None else ():
            with self.prevent(Input.Changed):
                self._input(field).value = ""
        self._resolve()

    @on(Input.Changed)
    def _edited(self) -> None:
        self._failure = ""
        self._resolve()

    def _input(self, field: str) -> Input:
        return self.query_one(f"#preset-{field}", Input)

    def _wishes(self) -> tuple[str, str, str] | None:
        """The preset, the name and the seed that are asked for."""
        chosen = self.query_one(PresetList).chosen
        if chosen is None:
            return None
        return chosen, self._input("name").value, self._input("seed").value

    def _resolve(self) -> None:
        wishes = self._wishes()
        if wishes is not None:
            self.run_worker(
                partial(self._look, *wishes), thread=True, group="resolve", exclusive=True
            )

    def _look(self, preset: str, name: str, seed: str) -> None:
        from shareconsole.console.viewmodel.presets import resolve_preset

        worker = get_current_worker()
        found = resolve_preset(preset, run_name=name.strip() or None, seed=seed.strip() or None)
        if not worker.is_cancelled:
            self.post_message(PresetResolved(found))

    @on(PresetResolved)
    def _take(self, event: PresetResolved) -> None:
        if not self.here:
            return
        self._resolved = event.resolved
        if not event.resolved.problems:
            name, seed = self._input("name"), self._input("seed")
            if not name.value:
                name.placeholder = event.resolved.run_name
            if not seed.value:
                seed.placeholder = str(event.resolved.seed)
        self.recolour()

    def recolour(self) -> None:
        """Write what the preset comes to."""
        resolved, palette = self._resolved, self.palette
        if resolved is None:
            return
        lines: list[Line] = [[(text, palette.error)] for text in self._failure.splitlines()]
        summary = self.query_one(PresetList).summary
        lines += [[(summary, palette.strong)], []] if summary else []
        lines += [[("! ", palette.error), (text, palette.plain)] for text in resolved.problems]
        lines += [[("note: ", palette.warning), (text, palette.plain)] for text in resolved.notes]
        width = max((len(label) for label, _ in resolved.facts), default=0)
        lines += [
            [(f"{label:<{width}}  ", palette.quiet), (text, palette.strong)]
            for label, text in resolved.facts
        ]
        lines += [[]] if resolved.facts else []
        lines += [_toml(text, palette.quiet, palette.plain, palette.series(0))
                  for text in resolved.lines if not text.startswith("#")]  # fmt: skip
        settings = self.query_one("#settings", Lines)
        settings.show(lines)

    @on(PresetList.Chosen)
    @on(Input.Submitted)
    def action_start(self) -> None:
        """Make the run and start its trainer."""
        wishes = self._wishes()
        if wishes is None or self._starting:
            return
        self._starting = True
        self._failure = ""
        notice = self.query_one("#starting", Static)
        notice.update(f"starting {wishes[0]} …")
        notice.display = True
        self.app.run_worker(
            partial(self._start, *wishes), thread=True, group="actions", exit_on_error=True
        )

    def _start(self, preset: str, name: str, seed: str) -> None:
        try:
            folder = acting.start_preset(self.host.runs_dir, preset, name, seed)
        except (ShareconsoleError, OSError) as error:
            self.post_message(StartFailed(acting.reason_of(error)))
        else:
            self.post_message(RunStarted(folder))

    @on(RunStarted)
    def _started(self, event: RunStarted) -> None:
        self.host.show_started(self, event.folder)

    @on(StartFailed)
    def _failed(self, event: StartFailed) -> None:
        if not self.here:
            return
        self._starting = False
        self._failure = event.reason
        self.query_one("#starting").display = False
        self.recolour()
        self.query_one("#settings", Lines).to_top()


def _toml(text: str, quiet: object, plain: object, strong: object) -> Line:
    """A line of TOML: headings and keys apart from values."""
    from rich.style import Style

    styles = [style for style in (quiet, plain, strong) if isinstance(style, Style)]
    if text.startswith("["):
        return [(text, styles[2])]
    key, sign, value = text.partition(" = ")
    return [(f"{key}{sign}", styles[0]), (value, styles[1])] if sign else [(text, styles[1])]
