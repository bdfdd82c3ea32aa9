"""The walls between the two halves, checked in two ways that see different things.

The import contracts of pyproject.toml read the source: they see an import inside a function that no
test happens to call, but not one that goes through ``importlib``. The run-time check imports every
module of a zone in a fresh interpreter and looks at what got loaded: it sees both kinds, but only
of what runs at import. So both are kept, and the planted violations show what each one catches.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TERMINAL_HALF = ("launch", "headless", "cli")
TRAINER_HALF = ("trainer", "methods", "networks", "datasets", "stepsize", "sharing")

# Zone -> the parts of the package in it, and what importing all of them must not load. Names with a
# leading dot are parts of shareconsole.
ZONES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "errors": (
        ("errors", "safe_text"),
        ("numpy", "pydantic", "rich", "textual", "tomli", "torch", "typer", ".spec", ".store"),
    ),
    "files": (
        ("files",),
        (
            "pooch",
            "pydantic",
            "requests",
            "rich",
            "scipy",
            "sklearn",
            "textual",
            "torch",
            "typer",
            ".spec",
        ),
    ),
    "spec": (
        ("spec",),
        (
            "PIL",
            "numpy",
            "psutil",
            "rich",
            "scipy",
            "sklearn",
            "textual",
            "torch",
            "typer",
            ".store",
        ),
    ),
    "store": (
        ("store",),
        ("psutil", "rich", "scipy", "sklearn", "textual", "torch", "typer", ".launch", ".sharing"),
    ),
    "launch": (("launch",), ("rich", "sklearn", "textual", "torch", "typer", ".trainer")),
    "terminal": (
        TERMINAL_HALF,
        ("scipy", "sklearn", "textual", "torch", *(f".{part}" for part in TRAINER_HALF)),
    ),
    "viewmodel": (
        ("console/viewmodel",),
        ("rich", "scipy", "sklearn", "textual", "torch", "typer"),
    ),
    "console": (
        ("console",),
        ("scipy", "sklearn", "torch", *(f".{part}" for part in TRAINER_HALF)),
    ),
    "trainer": (
        TRAINER_HALF,
        ("rich", "textual", "typer", ".console", *(f".{part}" for part in TERMINAL_HALF)),
    ),
}

# scikit-learn loads rich where it is installed. That is its own affair, so for the trainer half
# these are made as if not installed: it has to do without them.
ABSENT = {"trainer": ("rich", "textual", "typer")}

LOADED = """
import importlib, json, sys
names, absent = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(absent))
missed = []
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in absent:
            raise
        missed.append(error.name)
loaded = [name for name, module in sys.modules.items() if module is not None]
print(json.dumps([sys.modules["shareconsole"].__file__, loaded + missed]))
"""


def modules_of(root: Path, part: str) -> list[str]:
    package = root / "shareconsole"
    files = [package / f"{part}.py", *sorted((package / part).rglob("*.py"))]
    names = (file.relative_to(root).with_suffix("").parts for file in files if file.is_file())
    return [".".join(name).removesuffix(".__init__") for name in names]


def run(command: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def zone_modules(root: Path, zone: str) -> list[str]:
    return [name for part in ZONES[zone][0] for name in modules_of(root, part)]


def wrongly_loaded(root: Path, zone: str, names: list[str]) -> set[str]:
    """Import modules of a zone in a fresh interpreter; return what they must not, and did, want."""
    assert set(names) <= set(zone_modules(root, zone))
    assert names
    task = json.dumps([names, ABSENT.get(zone, ())])
    result = run([sys.executable, "-c", LOADED, task], root)
    assert result.returncode == 0, result.stderr
    where, loaded = json.loads(result.stdout)
    assert Path(where).is_relative_to(root)
    tops = {f".{name.split('.')[1]}" for name in loaded if name.startswith("shareconsole.")}
    tops |= {name.split(".")[0] for name in loaded}
    return tops & set(ZONES[zone][1])


def contracts_hold(root: Path) -> bool:
    result = run([str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], root)
    assert "Contracts: " in result.stdout, result.stdout + result.stderr
    assert (result.returncode == 0) == ("0 broken" in result.stdout)
    return result.returncode == 0


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_loads_nothing_it_must_not(zone):
    assert wrongly_loaded(ROOT, zone, zone_modules(ROOT, zone)) == set()


def test_the_contracts_hold():
    assert contracts_hold(ROOT)


# File, zone, violation, and who catches it: (the contracts, the run-time check).
PLANTED = {
    "torch at the top of a spec module": (
        "spec/preset.py", "spec", "import torch", (True, True),
    ),
    "textual in the store": (
        "store/status.py", "store", "import textual.app", (True, True),
    ),
    "torch past the contracts, through importlib": (
        "store/folder.py", "store", "import importlib\nimportlib.import_module('torch')",
        (False, True),
    ),
    "the trainer inside a command": (
        "cli/exits.py", "terminal",
        "def peek():\n    from shareconsole.trainer import build\n    return build", (True, False),
    ),
    "rich inside a function of the trainer half": (
        "sharing/nes.py", "trainer", "def show():\n    import rich\n    return rich", (True, False),
    ),
    "textual at the top of a command": (
        "cli/console.py", "terminal", "import shareconsole.console.app", (False, True),
    ),
    "rich in a view model": (
        "console/viewmodel/scale.py", "viewmodel", "from rich.text import Text", (True, True),
    ),
    "the trainer in a screen": (
        "console/screens/live.py", "console", "import shareconsole.trainer.build", (True, True),
    ),
    "rich at the top of a data set": (
        "datasets/digits.py", "trainer", "from rich.text import Text", (True, True),
    ),
    "a method that builds on its sibling": (
        "methods/learned_sharing.py", "trainer", "import shareconsole.methods.static_sharing",
        (True, False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_caught(name, tmp_path):
    file, zone, violation, caught_by = PLANTED[name]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shareconsole", tmp_path / "shareconsole", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with open(tmp_path / "shareconsole" / file, "a", encoding="utf-8") as source:
        source.write(f"\n\n{violation}\n")
    module = "shareconsole." + file.removesuffix(".py").replace("/", ".")
    found = (not contracts_hold(tmp_path), bool(wrongly_loaded(tmp_path, zone, [module])))
    assert any(found)
    assert found == caught_by


def test_each_check_catches_something_that_the_other_does_not():
    caught = {caught_by for *_, caught_by in PLANTED.values()}
    assert {(True, False), (False, True)} <= caught
