"""What every step size rule says of itself without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from shareconsole.spec.fields import Issue, Table

if TYPE_CHECKING:
    from shareconsole.spec.data.table import DataShape
    from shareconsole.spec.method.table import MethodTable
    from shareconsole.spec.network.table import NetworkTable
    from shareconsole.spec.preset import TrainTable


class Sharing(NamedTuple):
    """Who shares what in a run.

    Attributes:
        marks: for each unit whether all tasks have it in common ("shared"), each has its own
            ("task"), or they choose during the run ("routed").
        num_tasks: T.
        shared_inputs: all tasks label the same images.
    """

    marks: tuple[str, ...]
    num_tasks: int
    shared_inputs: bool


def sharing_of(method: MethodTable, network: NetworkTable, shape: DataShape) -> Sharing:
    """Return who shares what under ``method``."""
    units, num_tasks = network.units(shape.input_shape), shape.num_tasks
    routed = sum(unit.sharing == "routed" for unit in units)
    marks: list[str] = []
    index = 0
    for unit in units:
        copies = {"shared": method.shared_copies(num_tasks), "task": num_tasks}.get(unit.sharing)
        if copies is None:
            copies = method.routed_copies(index, routed, num_tasks)
            index += 1
            if method.candidates(num_tasks):
                marks.append("routed")
                continue
        marks.append("shared" if copies == 1 else "task")
    return Sharing(tuple(marks), num_tasks, shape.shared_inputs)


class StepSizeTable(Table):
    """What the checks need to know of any step size rule without asking which one it is."""

    columns: ClassVar[tuple[str, ...]] = ()
    """Numbers that it adds to the record of every step."""

    in_halves: ClassVar[bool] = False
    """Whether it runs encoder and heads apart, instead of whole networks by the engine."""

    name: str

    def method_issues(self, method: MethodTable) -> list[Issue]:
        """Return what does not fit the method; paths are whole."""
        return []

    def train_issues(self, train: TrainTable) -> list[Issue]:
        """Return what does not fit the training; paths are whole."""
        return []

    def sharing_issues(self, sharing: Sharing) -> list[Issue]:
        """Return what does not fit who shares what; paths are whole."""
        return []

    def remarks(self, sharing: Sharing) -> list[str]:
        """Return what a person should know of the rule in such a run, one sentence each."""
        return []
