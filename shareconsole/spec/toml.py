"""Presets as text: reading one with all its errors, writing it back, listing, and the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from shareconsole.errors import PresetError, Problem
from shareconsole.spec.checks import remarks
from shareconsole.spec.datasets import DATASETS, sources_of
from shareconsole.spec.document import BOM, Document, decode, dotted, parse
from shareconsole.spec.fields import Issue
from shareconsole.spec.fields import Path as KeyPath
from shareconsole.spec.locate import Locator
from shareconsole.spec.overrides import FILE as OVERRIDE_FILE
from shareconsole.spec.overrides import apply_overrides
from shareconsole.spec.paths import absolute_paths
from shareconsole.spec.preset import Preset
from shareconsole.spec.source import find_preset, is_path, preset_files, read_bytes
from shareconsole.spec.switching import fit_switched
from shareconsole.spec.validate import CATALOGUES, validate

_HEADER = "The preset as it runs: defaults filled in, overrides applied."


@dataclass(frozen=True)
class LoadedPreset:
    """A preset that passed every check.

    Attributes:
        preset: the resolved preset, overrides applied and the run's name filled in.
        name: the preset's own name, its file name without ``.toml``.
        path: where it was read.
        source: its bytes as read.
        notes: oddities that were accepted, one sentence each.
    """

    preset: Preset
    name: str
    path: Path
    source: bytes
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PresetInfo:
    """A line in the list of presets; ``summary`` is the first line of its notes."""

    name: str
    path: Path
    summary: str
    shipped: bool


def load_preset(
    source: str, overrides: Sequence[str] = (), *, cwd: Path | None = None
) -> LoadedPreset:
    """Read, override and check a preset.

    Args:
        source: a path (with a slash in it, or ending in ``.toml``) or a name.
        overrides: ``table.key=value`` each, applied in order. Where one gives a table another
            ``name``, the file's options that only the old kind has are left out, with a note.
        cwd: where relative paths and ``./presets`` start; the current directory if None.

    Raises:
        PresetError: with everything that is wrong, in the order of the file.
    """
    cwd = Path.cwd() if cwd is None else cwd
    name, path = find_preset(source, cwd)
    inside = path.is_relative_to(cwd)
    shown = source if is_path(source) else str(path.relative_to(cwd) if inside else path)
    data = read_bytes(path, shown)
    notes = []
    if data.startswith(BOM):
        notes.append(f"{shown} begins with a byte order mark, which was skipped")
    text = decode(data, shown)
    preset, dropped = _load_text(text, shown, overrides, (path.parent, cwd))
    if not preset.run.name:
        preset = preset.model_copy(update={"run": preset.run.model_copy(update={"name": name})})
    return LoadedPreset(preset, name, path, data, [*notes, *dropped, *remarks(preset)])


def parse_resolved(text: str) -> Preset:
    """Return the preset that ``resolved_toml`` wrote.

    Raises:
        PresetError: the text is no valid preset (any more).
    """
    return _load_text(text, "preset.resolved.toml", ())[0]


def resolved_toml(preset: Preset) -> str:
    """Return the whole preset as TOML, every key written out."""
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADER))
    for key, values in preset.model_dump(mode="json").items():
        table = tomlkit.table()
        for name, value in values.items():
            table.add(name, value)
        document.add(key, table)
    return tomlkit.dumps(document)


def list_presets(cwd: Path) -> list[PresetInfo]:
    """Return the presets that a name can mean; one that cannot be read says so.

    The user's own come first, then those that run without any file, then the others; each by name.
    """
    found: list[tuple[bool, bool, PresetInfo]] = []
    for file in preset_files(cwd):
        try:
            text = decode(read_bytes(file.path, str(file.path)), file.name)
            parsed = parse(text, file.name)
            summary, needy = _summary(parsed), _needs_files(parsed)
        except PresetError as error:
            summary, needy = f"cannot be read: {error.problems[0].problem}", False
        info = PresetInfo(file.name, file.path, summary, file.shipped)
        found.append((file.shipped, needy, info))
    return [info for *_, info in sorted(found, key=lambda each: (*each[:2], each[2].name))]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a preset, which editors complete and check from."""
    schema = Preset.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _needs_files(parsed: Document) -> bool:
    """Tell whether the data set is made of published files."""
    data = parsed.data.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return isinstance(name, str) and name in DATASETS and bool(sources_of(name))


def _summary(parsed: Document) -> str:
    if parsed.problems:
        return f"cannot be read: {parsed.problems[0].problem}"
    run = parsed.data.get("run")
    notes = run.get("notes") if isinstance(run, dict) else None
    lines = notes.strip().splitlines() if isinstance(notes, str) else []
    return lines[0] if lines else ""


def _load_text(
    text: str, shown: str, overrides: Sequence[str], folders: tuple[Path, Path] | None = None
) -> tuple[Preset, list[str]]:
    """Read, override and check; ``folders`` is where paths in the text and in overrides start.

    Returns:
        The preset, and notes on what overrides left out of it.
    """
    parsed = parse(text, shown)
    data, given, problems = apply_overrides(parsed.data, overrides)
    data, notes = fit_switched(parsed.data, data, given, CATALOGUES)
    if folders is not None:
        data = absolute_paths(data, given, *folders)
    problems = parsed.problems + problems
    unread = {problem.key for problem in parsed.problems}
    preset, issues = validate(data)
    located = [_located(issue, shown, parsed.locator, given) for issue in issues]
    problems += [problem for problem in located if problem.key not in unread]
    if preset is None or problems:
        raise PresetError(sorted(problems, key=_place))
    return preset, notes


def _place(problem: Problem) -> tuple[bool, bool, int, int]:
    """Order: the file from top to bottom, what has no line in it, overrides."""
    in_overrides = problem.file == OVERRIDE_FILE
    return in_overrides, problem.line is None, problem.line or 0, problem.column or 0


def _located(issue: Issue, shown: str, locator: Locator, given: set[KeyPath]) -> Problem:
    key = dotted(issue.path)
    words = (key, issue.problem, issue.allowed, issue.suggestion)
    # An override may also be what brought a table in (and left out its name).
    if any(path == issue.path[:2] or path[:1] == issue.path for path in given):
        return Problem(OVERRIDE_FILE, None, None, *words)
    place = locator.key(issue.path) if issue.at_key else locator.value(issue.path)
    line, column = place or (None, None)
    return Problem(shown, line, column, *words)
