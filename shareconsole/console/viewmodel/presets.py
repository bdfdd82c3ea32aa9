"""The presets to choose from, and what each one comes to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.headless.figures import count, needed_memory, needed_parameters, size
from shareconsole.safe_text import safe_text

# pydantic costs 0.1 s, so it is loaded when a preset is first asked for.
if TYPE_CHECKING:
    from shareconsole.spec.preset import Preset


@dataclass(frozen=True)
class PresetChoice:
    """One line of the list of presets. Texts are safe.

    Attributes:
        name: what ``load_preset`` takes.
        summary: the first line of its notes.
        shipped: whether it came with shareconsole.
        path: where it lies.
    """

    name: str
    summary: str
    shipped: bool
    path: str


@dataclass(frozen=True)
class ResolvedPreset:
    """A preset after defaults and overrides. Texts are safe.

    Attributes:
        name: as asked for.
        lines: the whole preset as TOML, empty if there are problems.
        problems: all that is wrong, a line each; empty if it can be started.
        run_name, seed: what the run would get; seed None if there are problems.
        facts: what it will cost, (label, text) each.
        notes: oddities that were accepted.
    """

    name: str
    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    run_name: str = ""
    seed: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def preset_choices(cwd: Path | None = None) -> tuple[PresetChoice, ...]:
    """Return the presets that a name can mean, in the order of ``list_presets``.

    Loads pydantic: call it from a worker.
    """
    from shareconsole.spec.toml import list_presets

    return tuple(
        PresetChoice(
            safe_text(info.name), safe_text(info.summary), info.shipped, safe_text(info.path)
        )
        for info in list_presets(cwd or Path.cwd())
    )


def resolve_preset(
    name: str,
    *,
    run_name: str | None = None,
    seed: str | int | None = None,
    cwd: Path | None = None,
) -> ResolvedPreset:
    """Return what a preset comes to, never raising for what is wrong with it.

    Args:
        name: the preset.
        run_name: as edited by a person; None leaves the preset's own.
        seed: the same; a text is checked as one typed on the command line.
        cwd: where names are looked for; the current directory if None.
    """
    from shareconsole.errors import PresetError
    from shareconsole.spec.toml import load_preset, resolved_toml

    try:
        loaded = load_preset(name, preset_overrides(run_name, seed), cwd=cwd)
    except PresetError as error:
        problems = tuple(safe_text(problem) for problem in error.problems)
        return ResolvedPreset(safe_text(name), problems=problems)
    preset = loaded.preset
    return ResolvedPreset(
        name=safe_text(name),
        lines=tuple(safe_text(line) for line in resolved_toml(preset).splitlines()),
        run_name=safe_text(preset.run.name),
        seed=preset.run.seed,
        facts=_facts(preset),
        notes=tuple(safe_text(note) for note in loaded.notes),
    )


def preset_overrides(run_name: str | None, seed: str | int | None) -> list[str]:
    """Return the overrides of ``load_preset`` that set a run's name and seed; None leaves one."""
    from shareconsole.spec.overrides import as_override

    overrides = []
    if run_name is not None:
        overrides.append(as_override("run.name", run_name))
    if seed is not None:
        overrides.append(f"run.seed={str(seed).strip()}")
    return overrides


def _facts(preset: Preset) -> tuple[tuple[str, str], ...]:
    from shareconsole.launch import memory_budget
    from shareconsole.spec.checks import predict

    needed = predict(preset, memory_budget(preset))
    return (
        ("method", safe_text(preset.method.name)),
        ("data", safe_text(preset.data.name)),
        ("steps", count(preset.train.steps)),
        ("tasks", count(needed.num_tasks)),
        ("routed units", count(needed.routed_units)),
        ("parameters", needed_parameters(needed.parameters, needed.stages)),
        ("memory", needed_memory(needed.process_bytes, needed.tasks_per_chunk, needed.num_tasks)),
        ("disk", f"about {size(needed.disk_bytes)}"),
    )
