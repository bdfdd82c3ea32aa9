"""What a run folder holds of the networks: its newest good checkpoint, and how it was tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shareconsole.errors import ShareconsoleError
from shareconsole.spec.document import decode, parse
from shareconsole.spec.preset import Preset
from shareconsole.store.atomic import StoreError, read_bytes
from shareconsole.store.checkpoints import require_checkpoint
from shareconsole.store.reader import RunLog
from shareconsole.trainer.build import load_data
from shareconsole.trainer.checkpoint import load_newest, load_step
from shareconsole.trainer.data_outline import DataOutline

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder


@dataclass(frozen=True)
class SavedRun:
    """A run at a checkpoint.

    Attributes:
        state: Of the experiment.
        notes: What people should know of the way it was read.
    """

    folder: RunFolder
    preset: Preset
    outline: DataOutline
    step: int
    state: dict[str, Any]
    notes: tuple[str, ...]

    def test_error(self, task: int) -> tuple[float | None, int | None]:
        """Error of a task at the last evaluation up to the checkpoint, and the step of that.

        A fraction; None where no evaluation is on record.
        """
        log = RunLog(self.folder)
        log.refresh()
        rows = log.table("evaluation")
        column = f"test_error.{self.outline.task_names[task]}"
        if column not in (rows.dtype.names or ()):
            return None, None
        found = [row for row in rows if int(row["step"]) <= self.step]
        if not found or found[-1][column] != found[-1][column]:
            return None, None
        return float(found[-1][column]), int(found[-1]["step"])


def read_saved(folder: RunFolder, step: int | None) -> SavedRun:
    """Read the newest good checkpoint of a run, or that of a step.

    Nothing but the checkpoint and the resolved preset has to be whole, and the run may go on.

    Raises:
        UsageError: There is no checkpoint (of that step).
        ShareconsoleError: The resolved preset, or every checkpoint, is damaged.
    """
    preset = _preset(folder)
    notes: list[str] = []
    if preset.device.convolutions != "exact":
        notes.append(
            f"the run multiplies in {preset.device.convolutions} (device.convolutions), a network "
            "by itself does not: it differs by that much from the run's own evaluation"
        )
    require_checkpoint(folder, step)
    if step is not None:
        state, manifest = load_step(folder, step)
    else:
        found = load_newest(
            folder, lambda name, why: notes.append(f"checkpoint {name} was not used: {why}")
        )
        if found is None:
            raise StoreError(f"the checkpoints of {folder.id} went away while they were read")
        state, manifest = found
    experiment = state["experiment"]
    outline = (
        DataOutline(**experiment["data"])
        if "data" in experiment
        # Checkpoints before this was recorded do not say it, so the data have to.
        else DataOutline.of(load_data(preset))
    )
    return SavedRun(folder, preset, outline, manifest.step, experiment, tuple(notes))


def _preset(folder: RunFolder) -> Preset:
    """The resolved preset, held against its own rules only: no data need be there."""
    path = folder.resolved_toml
    try:
        parsed = parse(decode(read_bytes(path), str(path)), str(path))
        if parsed.problems:
            raise StoreError(f"{path}: {parsed.problems[0].problem}")
        return Preset.model_validate(parsed.data)
    except FileNotFoundError:
        raise ShareconsoleError(f"{path}: is missing") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ShareconsoleError(f"{path}: {where}: {first['msg']}") from None
