"""What a preset will cost, before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shareconsole.headless.figures import count, size
from shareconsole.headless.styles import GOOD
from shareconsole.headless.tables import Page, cell
from shareconsole.spec.checks import predict

if TYPE_CHECKING:
    from rich.console import Console

    from shareconsole.spec.toml import LoadedPreset


def prediction_json(loaded: LoadedPreset) -> dict[str, Any]:
    """Return the object that ``check --json`` prints; sizes are in bytes."""
    needed = predict(loaded.preset)
    return {
        "preset": loaded.name,
        "path": str(loaded.path),
        "notes": list(loaded.notes),
        # The memory of the process, as the text has it.
        "prediction": {**needed._asdict(), "memory_bytes": needed.process_bytes},
        "settings": loaded.preset.model_dump(mode="json"),
    }


def print_prediction(console: Console, loaded: LoadedPreset) -> None:
    """Print what was found to be in order and what the run will need."""
    preset = loaded.preset
    needed = predict(preset)
    rows = [
        [
            "trains",
            f"{preset.method.name} on {preset.data.name}, {count(preset.train.steps)} steps",
        ],
        ["tasks", count(needed.num_tasks)],
        ["routed units", count(needed.routed_units)],
        ["parameters", count(needed.parameters)],
        ["memory", f"about {size(needed.process_bytes)}"],
        ["disk", f"about {size(needed.disk_bytes)}"],
    ]
    page = Page(console)
    page.line(cell(f"✓ {loaded.path} is in order", GOOD))
    if preset.run.name != loaded.name:
        page.line(f"name          {preset.run.name}", indent=2, hanging=14)
    page.table(["", ""], rows, ["left", "left"])
