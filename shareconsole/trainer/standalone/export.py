"""Take one task's network out of a run's checkpoint and put it into a file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shareconsole import __version__
from shareconsole.errors import ShareconsoleError, UsageError
from shareconsole.sharing.seeding import Generators
from shareconsole.sharing.task_network import from_bank, recipe_of
from shareconsole.spec.parameter_counts import count_parameters, positions_of
from shareconsole.store.atomic import create_bytes, write_bytes
from shareconsole.store.clock import utc_now
from shareconsole.store.folder import RunFolder
from shareconsole.trainer.build import build_learner
from shareconsole.trainer.device import DTYPES
from shareconsole.trainer.standalone.checks import difference, probes, reason, require_same, run
from shareconsole.trainer.standalone.folding import fold_batch_norm
from shareconsole.trainer.standalone.formats import WRITERS, onnx_network
from shareconsole.trainer.standalone.loading import network_in
from shareconsole.trainer.standalone.saved_run import SavedRun, read_saved

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from shareconsole.sharing.bank import Bank
    from shareconsole.sharing.task_network import Recipe
    from shareconsole.spec.parameter_counts import TaskParameters
    from shareconsole.trainer.build import Learner

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Order:
    """What somebody wants.

    Attributes:
        folder: The run.
        task: Name of the task.
        format: One of `WRITERS`.
        output: The file.
        step: Of the checkpoint; None for the newest good one.
        fold: Whether batch-norm is folded into the convolutions.
        force: Whether a file that is there may be replaced.
    """

    folder: str
    task: str
    format: str
    output: str
    step: int | None = None
    fold: bool = False
    force: bool = False


@dataclass(frozen=True)
class TaskNetwork:
    """One task's network, seen to give what the run gives.

    Attributes:
        network: In eval mode, in the type of the run.
        recipe: Which candidates it is made of.
        parameters: Of all tasks' networks.
        difference: Between its logits and those of the run's own evaluation, on random images.
        images: These, [8, C, H, W] in the type of the run.
        logits: The run's own of them.
    """

    network: nn.Module
    recipe: Recipe
    parameters: tuple[TaskParameters, ...]
    difference: float
    images: Tensor
    logits: Tensor


def export(order: Order) -> dict[str, Any]:
    """Write the file; returns its metadata, and `notes` of what people should know.

    Raises:
        UsageError: There is no such task or step, or the file is there.
        ShareconsoleError: No checkpoint is good, the method does not say what its networks are made
            of, or the file cannot be written; nothing is left of it.
    """
    saved = read_saved(RunFolder(Path(order.folder)), order.step)
    task = _index(order.task, saved)
    made = task_network(saved, task, fold=order.fold)
    metadata = _metadata(saved, task, made, order)
    shape = saved.outline.input_shape
    example = torch.zeros((2, *shape), dtype=DTYPES[saved.preset.device.dtype])
    data = WRITERS[order.format](made.network, example, metadata)
    _read_again(data, order, made)
    path = Path(order.output)
    try:
        (write_bytes if order.force else create_bytes)(path, data)
    except FileExistsError:
        raise UsageError(f"{path} is there already; --force replaces it") from None
    except OSError as error:
        raise ShareconsoleError(f"cannot write {path}: {error.strerror or error}") from error
    notes = [*saved.notes, *_blindness(made, order.task)]
    return {**metadata, "file": str(path), "bytes": len(data), "notes": notes}


def task_network(saved: SavedRun, task: int, *, fold: bool) -> TaskNetwork:
    """Build the network of the task with this index.

    Raises:
        ShareconsoleError: The checkpoint does not fit its preset, or the network does not give what
            the run evaluates with.
    """
    outline, preset = saved.outline, saved.preset
    reference = _reference(saved)
    bank = reference.population.bank
    method = reference.method
    if not hasattr(method, "modules_of"):
        raise ShareconsoleError(
            f"the method {preset.method.name} does not say what a task's network is made of, "
            "so it cannot be taken out of the run"
        )
    inputs = probes(outline)
    expected = method.logits(task, inputs).clone()
    recipe = recipe_of(bank, method.modules_of(task))
    network: nn.Module = from_bank(bank, task, recipe, outline.input_shape)
    require_same(run(network, inputs), expected, "the network by itself")
    if fold:
        network = fold_batch_norm(network)
        require_same(run(network, inputs), expected, "the network with batch-norm folded")
    dtype = DTYPES[preset.device.dtype]
    network, inputs = network.to(dtype), inputs.to(dtype)
    # The weights came from this type, so going back to it loses nothing.
    bank.to(dtype)
    found, expected = run(network, inputs), method.logits(task, inputs).clone()
    # Double precision has shown that the two are one; here rounding has its bound.
    folded = " with batch-norm folded" if fold else ""
    require_same(found, expected, f"the network{folded}, in {preset.device.dtype},")
    off = difference(found, expected)
    every = [method.modules_of(each) for each in range(len(outline.task_names))]
    return TaskNetwork(network, recipe, _parameters(bank, every), off, inputs, expected)


def _reference(saved: SavedRun) -> Learner:
    """The run's own method and networks, in double precision and run plainly, one by one."""
    plain = {"engine": "loop", "convolutions": "exact", "compile": False}
    device = saved.preset.device.model_copy(update=plain)
    preset = saved.preset.model_copy(update={"device": device})
    learner = build_learner(
        preset,
        torch.device("cpu"),
        torch.float64,
        saved.outline.num_classes,
        saved.outline.input_shape,
        Generators(preset.run.seed),
    )
    try:
        learner.population.bank.load_state_dict(saved.state["bank"])
        learner.method.load_state_dict(saved.state["method"])
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ShareconsoleError(
            f"checkpoint {saved.step} of {saved.folder.id} does not fit its preset: {reason(error)}"
        ) from error
    return learner


def _parameters(bank: Bank, every: list[tuple[tuple[int, ...], ...]]) -> tuple[TaskParameters, ...]:
    *units, (_, heads) = bank.modules_by_unit()
    sizes = [[_size(module) for module in modules] for _, modules in units]
    routed = [*zip(*every, strict=True)] if bank.num_routed else []
    positions = positions_of(bank.marks, sizes, routed, [_size(head) for head in heads])
    return count_parameters(positions, bank.num_tasks)


def _blindness(made: TaskNetwork, task: str) -> list[str]:
    """What is to be said of a network that does not look at its image: a unit is made of nothing.

    Gumbel allocation may come to this: Maziarz et al. 2019 let such a unit be zero.
    """
    if all(chosen != () for chosen in made.recipe):
        return []
    return [
        f"{task} uses no component of a unit, which gives zeros then: the network says the same of "
        "every image"
    ]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _index(task: str, saved: SavedRun) -> int:
    names = saved.outline.task_names
    if task not in names:
        raise UsageError(f"{saved.folder.id} has no task {task!r}; its tasks: {', '.join(names)}")
    return names.index(task)


def _metadata(saved: SavedRun, task: int, made: TaskNetwork, order: Order) -> dict[str, Any]:
    """What goes into the file with the network."""
    outline, preset = saved.outline, saved.preset
    parameters = made.parameters[task]
    error, error_step = saved.test_error(task)
    return {
        "format_version": FORMAT_VERSION,
        "task": outline.task_names[task],
        "classes": list(outline.class_names[task]),
        "input": {
            "shape": list(outline.input_shape),
            "dtype": preset.device.dtype,
            "scaling": "bytes / 255" if outline.as_bytes else "none",
            "lowest": outline.lowest,
            "highest": outline.highest,
            "preparation": preset.data.preparation(task).model_dump(mode="json"),
        },
        "output": "logits",
        "run": saved.folder.id,
        "step": saved.step,
        "method": preset.method.name,
        "network": preset.network.name,
        "data": preset.data.name,
        "seed": preset.run.seed,
        "test_error": error,
        "test_error_step": error_step,
        "parameters": parameters.total,
        "own_parameters": parameters.own,
        "shared_with": parameters.shared_with(outline.task_names),
        "batch_norm_folded": order.fold,
        "difference": made.difference,
        "architecture": {
            "network": preset.network.model_dump(mode="json"),
            "kinds": preset.method.candidates(len(outline.task_names)) > 0,
            "recipe": [None if chosen is None else list(chosen) for chosen in made.recipe],
        },
        "created": utc_now(),
        "versions": {"shareconsole": __version__, "torch": _torch_version()},
    }


def _torch_version() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return str(torch.__version__)


def _read_again(data: bytes, order: Order, made: TaskNetwork) -> None:
    """See that what is in the file gives the same, whatever the number of images."""
    where = f"{order.output}: what is in the file"
    if order.format == "onnx":
        again: Callable[[Tensor], Tensor] = onnx_network(data)
        # Written in Python, it takes seconds for an image of 105x105 pixels.
        counts: tuple[int, ...] = (1, 3)
    else:
        again, _ = network_in(data, order.output)
        counts = (1, len(made.images))
    for count in counts:
        require_same(run(again, made.images[:count]), made.logits[:count], where)
