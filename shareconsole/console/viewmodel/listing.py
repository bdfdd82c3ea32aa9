"""One look at the list of runs. Rows are made when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, overload

from shareconsole.headless.figures import NONE, age
from shareconsole.safe_text import safe_text

if TYPE_CHECKING:
    from shareconsole.store.filters import Filter
    from shareconsole.store.index import RunSummary


class RunRow(NamedTuple):
    """One run in the list. Texts are safe; errors are fractions; None is not known (yet).

    ``filled`` is False while only the id is known; ``state`` is then empty. ``age`` is the time
    since it was made, as text; ``progress`` in [0, 1]; ``best_macro_error`` as in ``RunSummary``.
    """

    id: str
    state: str = ""
    preset: str = ""
    method: str = ""
    data: str = ""
    seed: int | None = None
    step: int | None = None
    steps: int | None = None
    progress: float | None = None
    macro_error: float | None = None
    micro_error: float | None = None
    best_macro_error: float | None = None
    age: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    created: str = ""
    updated: str = ""
    reason: str = ""
    filled: bool = False


class RunListing(Sequence[RunRow]):
    """An immutable list of runs in the order to show them.

    Attributes:
        ids: of the runs that the filter lets through, in order.
        total: how many runs there are without the filter.
        pending: how many of them have not been read yet.
        sort_key: as asked for.
        filter_text: as asked for, safe text.
        problem: why the runs folder cannot be listed, safe text; empty if it can.
        version: another number whenever anything in here but ages changed.
    """

    def __init__(
        self,
        ids: tuple[str, ...] = (),
        summaries: Mapping[str, RunSummary] | None = None,
        *,
        total: int = 0,
        sort_key: str = "-created",
        filter_text: str = "",
        problem: str = "",
        version: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``summaries``: by id, of the runs that were read; ``now``: the present, aware."""
        self.ids = ids
        self._summaries = summaries or {}
        self.total = total
        self.pending = total - len(self._summaries)
        self.sort_key = sort_key
        self.filter_text = filter_text
        self.problem = problem
        self.version = version
        self._now = now

    def __len__(self) -> int:
        """How many runs are shown."""
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> RunRow: ...
    @overload
    def __getitem__(self, place: slice) -> list[RunRow]: ...
    def __getitem__(self, place: int | slice) -> RunRow | list[RunRow]:
        """Return a row, or the rows of a slice, with their age at this moment."""
        now = self._now()
        if isinstance(place, slice):
            return [self._row(run_id, now) for run_id in self.ids[place]]
        return self._row(self.ids[place], now)

    def row(self, run_id: str) -> RunRow:
        """Return the row of a run by its id, shown or not; a bare one if it is not known."""
        return self._row(run_id, self._now())

    def place(self, run_id: str) -> int | None:
        """Return where a run stands; None if it is not shown."""
        return self._places.get(run_id)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {run_id: place for place, run_id in enumerate(self.ids)}

    def _row(self, run_id: str, now: datetime) -> RunRow:
        run = self._summaries.get(run_id)
        if run is None:
            return RunRow(run_id, age=_age_from(run_id, now))
        return RunRow(
            id=run_id,
            state=run.state,
            preset=_shown(run.preset),
            method=_shown(run.method),
            data=_shown(run.data),
            seed=run.seed,
            step=run.step,
            steps=run.steps,
            progress=_progress(run.step, run.steps),
            macro_error=run.macro_error,
            micro_error=run.micro_error,
            best_macro_error=run.best_macro_error,
            age=age(run.created, now),
            name=safe_text(run.name),
            tags=tuple(safe_text(tag) for tag in run.tags),
            created=run.created or "",
            updated=run.updated or "",
            reason=safe_text(run.reason),
            filled=True,
        )


def ordered(
    names: Sequence[str], summaries: Mapping[str, RunSummary], key: str, wanted: Filter | None
) -> tuple[str, ...]:
    """Return the ids in the order to show them.

    Args:
        names: all ids, newest first.
        summaries: of those that were read.
        key: what to order by, ``-key`` for the reverse; ids tell the time for ``created``.
        wanted: the filter; with one, runs that were not read are left out.
    """
    if wanted is None:
        shown = names
    else:
        shown = [name for name in names if (run := summaries.get(name)) and wanted(run)]
    if key == "-created":
        return tuple(shown)
    if key == "created":
        return tuple(reversed(shown))
    from shareconsole.store.filters import sort_runs

    known = [summaries[name] for name in shown if name in summaries]
    unread = [name for name in shown if name not in summaries]
    return (*(run.id for run in sort_runs(known, key)), *unread)


def _shown(text: str | None) -> str:
    return "" if text is None else safe_text(text)


def _progress(step: int | None, steps: int | None) -> float | None:
    return None if step is None or not steps else min(1.0, step / steps)


def _age_from(run_id: str, now: datetime) -> str:
    """The age that an id tells, until the run's own word for it is read."""
    try:
        made = datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return NONE
    return age(made.isoformat(), now)
