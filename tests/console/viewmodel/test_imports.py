"""What the view models load: never a toolkit, and nothing heavy before the first rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import shareconsole.console.viewmodel as package

LOADED = "import importlib, json, sys; [importlib.import_module(n) for n in sys.argv[1:]]; \
print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
HERE = "shareconsole.console.viewmodel"
EARLY = ("browser", "listing", "header", "numerals", "scale", "presets", "assignment")


def loaded(*names):
    found = subprocess.run(
        [sys.executable, "-c", LOADED, *names], capture_output=True, text=True, check=True
    )
    return set(json.loads(found.stdout))


def test_no_toolkit_and_no_torch():
    names = [f"{HERE}.{path.stem}" for path in Path(package.__file__).parent.glob("*.py")]
    assert len(names) > 10
    assert not loaded(*names) & {"textual", "rich", "torch", "typer", "sklearn", "pydantic"}


@pytest.mark.parametrize("names", [EARLY, ("shareconsole.console.feed",)])
def test_what_the_first_paint_needs_loads_nothing_heavy(names):
    full = [name if "." in name else f"{HERE}.{name}" for name in names]
    assert not loaded(*full) & {"numpy", "pydantic", "torch"}
