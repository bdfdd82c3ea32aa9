"""What is not whole in a run's files, in sentences."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from shareconsole.headless.figures import count
from shareconsole.store.atomic import StoreError, read_bytes
from shareconsole.store.folder import attempt_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shareconsole.store.folder import RunFolder
    from shareconsole.store.identity import RunIdentity
    from shareconsole.store.reader import RunLog
    from shareconsole.store.status import State

# States of runs whose records grow no more, so that an unfinished end is damage.
FINAL_STATES = frozenset({"finished", "stopped", "failed", "crashed"})
_MOST_RANGES = 6


def record_notes(log: RunLog, state: State) -> list[str]:
    """Return a sentence for each thing that is damaged or missing in a log that was refreshed."""
    notes = list(log.problems)
    damage = log.damage
    if damage.skipped_bytes:
        notes.append(f"{damage.skipped_bytes:,} damaged bytes in the log were skipped")
    if damage.torn_bytes:
        notes.append(f"the log ends with {damage.torn_bytes:,} bytes of an unfinished record")
    ended = state.attempt.exit if state.attempt else None
    missing = _missing(log.table("step")["step"], ended.step if ended else 0)
    if missing:
        steps = sum(last - first + 1 for first, last in missing)
        what = "1 step is" if steps == 1 else f"{count(steps)} steps are"
        notes.append(f"{what} missing from the records: {_ranges(missing)}")
    return notes


def preset_notes(folder: RunFolder, identity: RunIdentity) -> list[str]:
    """Return a sentence if the preset that a trainer would read is not the one of the run.

    That it is missing altogether is told by the run's state.
    """
    path = folder.resolved_toml
    try:
        data = read_bytes(path)
    except FileNotFoundError:
        return []
    except StoreError as error:
        return [str(error)]
    if hashlib.sha256(data).hexdigest() == identity.preset_sha256:
        return []
    return [f"{path.name} was changed since the run was made, and is what a resume would read"]


def tensor_notes(folder: RunFolder) -> list[str]:
    """Return a sentence for each attempt that recorded steps but has no log of assignments."""
    names = folder.names()
    without = set(attempt_numbers(names, "metrics")) - set(attempt_numbers(names, "tensors"))
    return [
        f"{folder.tensors(number).name} is missing: the assignments of attempt {number} are lost"
        for number in sorted(without)
    ]


def _missing(steps: NDArray[np.int64], last: int) -> list[tuple[int, int]]:
    """The gaps in 1 to ``last`` (or the last of ``steps``), as first and last step each."""
    known = np.unique(steps)
    known = np.concatenate(([0], known[known > 0]))
    known = np.append(known, max(int(known[-1]), last) + 1)
    places = np.flatnonzero(np.diff(known) > 1)
    return [(int(known[at]) + 1, int(known[at + 1]) - 1) for at in places]


def _ranges(gaps: list[tuple[int, int]]) -> str:
    shown = [
        count(first) if first == last else f"{count(first)}-{count(last)}"
        for first, last in gaps[:_MOST_RANGES]
    ]
    more = f" and {len(gaps) - _MOST_RANGES} more gaps" if len(gaps) > _MOST_RANGES else ""
    return ", ".join(shown) + more
