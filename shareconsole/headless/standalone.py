"""Networks that stand alone: have one exported or run, and say what came of it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from shareconsole.errors import RunFailedError, UsageError
from shareconsole.headless.figures import count, number, percent, shared_words, size
from shareconsole.headless.styles import HEADING, QUIET
from shareconsole.headless.tables import Page, cell
from shareconsole.headless.torch_process import hear, module_command
from shareconsole.safe_text import safe_text
from shareconsole.spec.preparation import Preparation
from shareconsole.store.checkpoints import require_checkpoint
from shareconsole.store.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from shareconsole.headless.follow import Interrupts

MODULE = "shareconsole.trainer.standalone"
SUFFIXES = {"torch-export": ".pt2", "onnx": ".onnx", "safetensors": ".safetensors"}
_NAME_LENGTH = 40
_ONNX = ("onnx", "onnxscript")


@dataclass(frozen=True)
class ExportOrder:
    """What the exporting process is told; `shareconsole.trainer.standalone.export.Order`."""

    folder: str
    task: str
    format: str
    output: str
    step: int | None
    fold: bool
    force: bool


def default_output(folder: RunFolder, task: str, format: str) -> str:
    """Return a file name in the current folder: run, task, and what it is."""
    # Letters of any script: tasks that are told apart by these alone must not share a file.
    words = "-".join(re.findall(r"[^\W_]+", task.lower()))[:_NAME_LENGTH].strip("-")
    return f"{folder.id}-{words or 'task'}{SUFFIXES[format]}"


def format_of(output: str | None) -> str:
    """Return the format that a file's name asks for; torch's archive if it asks for none."""
    suffix = Path(output or "").suffix.lower()
    return next((format for format, end in SUFFIXES.items() if end == suffix), "torch-export")


def check_order(order: ExportOrder) -> None:
    """Find out what torch is not needed for, before it is loaded.

    Raises:
        UsageError: the file is there, its folder is not, it is called as files of another format
            are, there is no such checkpoint, or something has to be installed first.
    """
    require_checkpoint(RunFolder(Path(order.folder)), order.step)
    path = Path(order.output)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; -o takes a file")
    if path.suffix.lower() in set(SUFFIXES.values()) - {SUFFIXES[order.format]}:
        raise UsageError(
            f"{path} is the name of a {format_of(order.output)} file; --format {order.format} "
            f"goes into {path.with_suffix(SUFFIXES[order.format])}"
        )
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder")
    if path.exists() and not order.force:
        raise UsageError(f"{path} is there already; --force replaces it")
    missing = [name for name in _ONNX if find_spec(name) is None]
    if order.format == "onnx" and missing:
        raise UsageError(
            f"--format onnx needs {' and '.join(missing)}: pip install 'shareconsole[onnx]'"
        )


def export_model(order: ExportOrder, interrupts: Interrupts) -> dict[str, Any] | None:
    """Have the file written; returns its metadata, None if somebody interrupted it.

    Raises:
        ShareconsoleError: it could not be done; nothing was written.
    """
    told = [*_tell("export", asdict(order), "the exporting process", interrupts)]
    return told[0] if told else None


def predict(
    model: str, files: Sequence[str], *, resize: bool, top: int, interrupts: Interrupts
) -> Iterator[dict[str, Any]]:
    """Yield what the network says of each image; see ``trainer.standalone.predict``.

    Raises:
        UsageError: the model is not there, or is none that can be run.
    """
    if not Path(model).exists():
        raise UsageError(f"{model}: no such file")
    task = {"model": model, "files": list(files), "resize": resize, "top": top}
    return _tell("predict", task, "the predicting process", interrupts)


def _tell(
    verb: str, task: dict[str, Any], called: str, interrupts: Interrupts
) -> Iterator[dict[str, Any]]:
    pressed = _presses(interrupts)
    try:
        yield from hear(module_command(MODULE, verb), json.dumps(task), None, pressed, called)
    except RunFailedError:
        # It dies of the interrupt that was passed on to it.
        if not pressed():
            raise


def _presses(interrupts: Interrupts) -> Callable[[], int]:
    return lambda: interrupts.count + 2 * interrupts.terminated


def print_export(console: Console, told: dict[str, Any]) -> None:
    """Print what was exported."""
    page = Page(console)
    channels, rows, columns = told["input"]["shape"]
    title = (f"  of {told['run']}, step {count(told['step'])}", QUIET)
    page.line(Text.assemble((safe_text(told["task"]), HEADING), title), hanging=2)
    lines = [
        ("file", f"{told['file']}, {size(told['bytes'])}"),
        ("input", f"[N, {channels}, {rows}, {columns}] {told['input']['dtype']}, {_scaling(told)}"),
        *_pictures(told),
        ("output", f"logits of {len(told['classes'])} classes"),
        ("test error", _error(told)),
        ("parameters", f"{count(told['parameters'])}, {count(told['own_parameters'])} its own"),
        ("shared with", shared_words(told["shared_with"])),
        ("difference", f"{number(told['difference'], 2)} at most from the run, on random images"),
    ]
    for head, words in lines:
        page.flow(cell(f"{head:<13}", QUIET), [cell(words)], indent=2)


def _pictures(told: dict[str, Any]) -> list[tuple[str, str]]:
    words = Preparation.model_validate(told["input"].get("preparation", {})).words()
    return [("pictures", words)] if words else []


def _scaling(told: dict[str, Any]) -> str:
    if told["input"]["scaling"] != "none":
        return "bytes divided by 255"
    return f"trained on {told['input']['lowest']:g} to {told['input']['highest']:g}"


def _error(told: dict[str, Any]) -> str:
    if told["test_error"] is None:
        return "not on record"
    at = told["test_error_step"]
    when = "" if at == told["step"] else f" at step {count(at)}"
    return f"{percent(told['test_error'], 2)} %{when}"


def prediction_lines(told: dict[str, Any], files: Sequence[str]) -> list[str]:
    """Return a line for each class that is told of an image: file, class, probability.

    Args:
        told: the prediction.
        files: all files, so that the classes stand below each other.
    """
    name = told["file"] if told["image"] is None else f"{told['file']}[{told['image']}]"
    width = max(len(safe_text(file)) for file in files)
    blanks = " " * max(0, width - len(safe_text(name)))
    return [
        f"{name}{blanks}  {found['class']}  {100 * found['probability']:.1f} %"
        for found in told["classes"]
    ]
