"""One preset at several sizes: more assignments, tasks or modules, or a deeper network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shareconsole.errors import UsageError
from shareconsole.spec.bench import Axis, BenchCase, Scale
from shareconsole.spec.overrides import as_override
from shareconsole.spec.toml import load_preset

if TYPE_CHECKING:
    from shareconsole.spec.networks import NetworkTable
    from shareconsole.spec.toml import LoadedPreset

_MOST_TASKS = 1000
_SAMPLES = ("nes_samples", "sgd_samples")


def scaled_cases(
    source: str,
    overrides: Sequence[str],
    loaded: LoadedPreset,
    axis: Axis,
    values: Sequence[int],
) -> list[BenchCase]:
    """Return a case per value; nothing else changes, so K stays where it followed T.

    Args:
        source: name or path of the preset.
        overrides: of all cases.
        loaded: the preset with them.
        axis: what changes.
        values: its sizes.

    Raises:
        UsageError: the preset has nothing of the kind, or the network cannot be so deep.
        PresetError: a size is out of its range.
    """
    cases = []
    for value in values:
        more, tasks = _changes(loaded, axis, value)
        changed = load_preset(source, [*overrides, *more]) if more else loaded
        scale = Scale(axis=axis, value=value)
        cases.append(BenchCase(name=loaded.name, preset=changed.preset, tasks=tasks, scale=scale))
    return cases


def _changes(loaded: LoadedPreset, axis: Axis, value: int) -> tuple[list[str], int | None]:
    """Return overrides, and the number of tasks where that is what changes."""
    preset = loaded.preset
    method, fields = preset.method, type(preset.method).model_fields
    if axis == "depth":
        shape = preset.data.shape().input_shape
        lists = _of_depth(preset.network, value, shape)
        return [as_override(f"network.{key}", value) for key, value in lists.items()], None
    if axis == "tasks":
        if value > _MOST_TASKS:
            raise UsageError(f"--scale tasks: {value} is too many, at most {_MOST_TASKS}")
        kept = method.candidates(preset.data.shape().num_tasks)
        return ([f"method.modules={kept}"] if "modules" in fields else []), value
    keys = _SAMPLES if axis == "samples" else ("modules",)
    if not all(key in fields for key in keys):
        raise UsageError(f"--scale {axis}: {method.name} has no {' and '.join(keys)}")
    return [f"method.{key}={value}" for key in keys], None


def _of_depth(
    network: NetworkTable, depth: int, input_shape: tuple[int, ...]
) -> Mapping[str, object]:
    """Return the lists of a network of so many units: its last unit of a kind over and over.

    Convolutions are repeated while the image allows; then dense units are. A shallower network
    loses units of the first kind first, but one of each kind stays as long as possible.
    """
    kinds = network.unit_lists
    if not kinds:
        raise UsageError(
            f"--scale depth: {network.name} lists no units that could be more or fewer"
        )
    # What is one value for all units stays as it is.
    lists: dict[str, list[object]] = {
        key: [*getattr(network, key)]
        for widths, others in kinds
        for key in (widths, *others)
        if isinstance(getattr(network, key), tuple)
    }

    def units() -> int:
        return sum(len(lists[widths]) for widths, _ in kinds)

    def fits() -> bool:
        changed = {key: tuple(values) for key, values in lists.items()}
        return not network.model_copy(update=changed).issues(input_shape)

    while units() > depth:
        widths, others = next(
            (kind for kind in kinds if len(lists[kind[0]]) > 1),
            next(kind for kind in kinds if lists[kind[0]]),
        )
        for name in {widths, *others} & lists.keys():
            lists[name].pop()
    while units() < depth:
        for widths, others in kinds:
            names = {widths, *others} & lists.keys()
            if not lists[widths]:
                continue
            for name in names:
                lists[name].append(lists[name][-1])
            if fits():
                break
            for name in names:
                lists[name].pop()
        else:
            raise UsageError(
                f"--scale depth: {network.name} cannot have {depth} units on images of "
                f"{'x'.join(map(str, input_shape[1:]))} pixels"
            )
    return lists
