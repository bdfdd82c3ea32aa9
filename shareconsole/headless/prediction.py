"""What a preset will cost, before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shareconsole.files.known import FILE_SETS
from shareconsole.files.places import look
from shareconsole.headless.figures import count, needed_memory, needed_parameters, size
from shareconsole.headless.styles import GOOD
from shareconsole.headless.tables import Page, cell
from shareconsole.launch import memory_budget
from shareconsole.spec.checks import predict
from shareconsole.spec.data.table import OfficialFilesTable, validation_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from shareconsole.spec.preset import Preset
    from shareconsole.spec.toml import LoadedPreset


def prediction_json(loaded: LoadedPreset) -> dict[str, Any]:
    """Return the object that ``check --json`` prints; sizes are in bytes."""
    needed = predict(loaded.preset, memory_budget(loaded.preset))
    return {
        "preset": loaded.name,
        "path": str(loaded.path),
        "notes": list(loaded.notes),
        # The memory of the process, as the text has it.
        "prediction": {
            **needed._asdict(),
            "memory_bytes": needed.process_bytes,
            "stages": [stage._asdict() for stage in needed.stages],
        },
        "images": {
            **_numbers(loaded.preset),
            "shared": loaded.preset.data.shape().shared_inputs,
            "as_published": _as_published(loaded.preset),
        },
        "missing_files": _missing(loaded.preset),
        "settings": loaded.preset.model_dump(mode="json"),
    }


def print_prediction(console: Console, loaded: LoadedPreset) -> None:
    """Print what was found to be in order and what the run will need."""
    preset = loaded.preset
    needed = predict(preset, memory_budget(preset))
    rows = [
        [
            "trains",
            f"{preset.method.name} on {preset.data.name}, {count(preset.train.steps)} steps",
        ],
        ["tasks", count(needed.num_tasks)],
        ["images", _images(preset)],
        ["routed units", count(needed.routed_units)],
        ["parameters", needed_parameters(needed.parameters, needed.stages)],
        ["memory", needed_memory(needed.process_bytes, needed.tasks_per_chunk, needed.num_tasks)],
        ["disk", f"about {size(needed.disk_bytes)}"],
        *(["files", words] for words in _files(preset)),
    ]
    page = Page(console)
    page.line(cell(f"✓ {loaded.path} is in order", GOOD))
    if preset.run.name != loaded.name:
        page.line(f"name          {preset.run.name}", indent=2, hanging=14)
    page.table(["", ""], rows, ["left", "left"])


def _numbers(preset: Preset) -> dict[str, list[int]]:
    """Return how many images each task has to train on, to choose by and to test on."""
    shape, fraction = preset.data.shape(), preset.train.validation_fraction
    held_out = [validation_images(number, fraction) for number in shape.train_images]
    apart = list(shape.validation_images)
    return {
        "train": [number - out for number, out in zip(shape.train_images, held_out, strict=True)],
        "validation": held_out if any(held_out) else apart,
        "test": list(shape.test_images),
    }


def _images(preset: Preset) -> str:
    """Return how many images there are of a task, from the least to the most."""
    words = [f"{_range(numbers)} {part}" for part, numbers in _numbers(preset).items() if numbers]
    whose = "for all tasks" if preset.data.shape().shared_inputs else "per task"
    return f"{', '.join(words)} {whose}{' as published' * _as_published(preset)}"


def _as_published(preset: Preset) -> bool:
    """Whether numbers are those of published files, whatever lies there in their place."""
    return isinstance(preset.data, OfficialFilesTable) and preset.data.verify == "form"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def _missing(preset: Preset) -> list[str]:
    """Return the names of the published files that the run needs and that are not here."""
    return [
        file.name
        for name in preset.data.sources()
        for file in FILE_SETS[name].files
        if file.name not in look(FILE_SETS[name])
    ]


def _files(preset: Preset) -> list[str]:
    """Return a line for every set of published files that the run needs."""
    lines = []
    for name in preset.data.sources():
        here = len(look(FILE_SETS[name])) == len(FILE_SETS[name].files)
        lines.append(f"{name}: {'here' if here else f'missing; shareconsole data fetch {name}'}")
    return lines
